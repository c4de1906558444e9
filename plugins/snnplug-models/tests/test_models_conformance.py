from __future__ import annotations

from snnplug import Task
from snnplug.testing import ArchitectureConformance, PluginConformance


class TestPlugin(PluginConformance):
    name = "snnplug-models"


class TestMnistCNN(ArchitectureConformance):
    name = "snnplug-models:mnist_cnn"
    params = ({}, {"spiking_output": False})
    task = Task(input_shape=(1, 28, 28), classes=10, steps=2)


class TestMnistANN(ArchitectureConformance):
    name = "snnplug-models:mnist_ann"
    params = ({}, {"activation": "none"})
    task = Task(input_shape=(1, 28, 28), classes=10, steps=2)
    spiking = False


class TestVGG(ArchitectureConformance):
    name = "snnplug-models:vgg"
    params = (
        {"layers": [4, "M", 8, "M"]},
        {
            "layers": [4, "M"],
            "batch_norm": "per_step",
            "pooling": "avg",
            "hidden": (8,),
            "spiking_output": True,
        },
        {"layers": [4, "M"], "pooling": "avg_neuron"},
    )
    task = Task(input_shape=(2, 8, 8), classes=3, steps=2)


class TestResNet(ArchitectureConformance):
    name = "snnplug-models:resnet"
    params = (
        {"blocks": (1, 1), "widths": (4, 8)},
        {"blocks": (1, 1), "widths": (4, 8), "shortcut": "membrane", "batch_norm": "per_step"},
        {
            "blocks": (1, 1),
            "widths": (4, 8),
            "shortcut": "post_add",
            "stem": "three_conv3",
            "pooling": "avg_neuron",
        },
    )
    task = Task(input_shape=(2, 8, 8), classes=3, steps=2)
