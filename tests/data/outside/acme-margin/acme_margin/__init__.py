"""Margin loss of the mean output over time."""
