"""Trackers: CSV files, TensorBoard, MLflow, Weights & Biases."""
