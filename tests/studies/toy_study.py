"""The text of a small study, without its recipe."""

TEXT = """
seeds = [0, 1, 2]

[axes]
"neuron.tau" = [2.0, 4.0]
"train.epochs" = [1, 3]

[measures]
"accuracy.test" = "max"
"spikes_per_sample" = "min"
"""
