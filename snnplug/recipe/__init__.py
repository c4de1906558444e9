"""Recipes: an experiment as data, checked and resolved before anything runs."""
