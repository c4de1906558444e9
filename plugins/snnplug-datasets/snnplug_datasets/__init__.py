"""Digits (embedded), MNIST, FashionMNIST, CIFAR-10/100, SVHN and image folders."""
