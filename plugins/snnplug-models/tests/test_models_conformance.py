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
        {"layers": [4, 4, "M"], "pooling": "avg", "head": "average", "start": "he", "last_std": 0.01},
        {"layers": [4, "M"], "batch_norm": "tebn"},
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
        {"blocks": (1, 1), "widths": (4, 8), "shortcut": "membrane", "batch_norm": "tebn"},
    )
    task = Task(input_shape=(2, 8, 8), classes=3, steps=2)


class TestSEWResNet(ArchitectureConformance):
    name = "snnplug-models:sew_resnet"
    params = (
        {"blocks": (1, 1), "width": 8},
        {"blocks": (1, 1), "width": 8, "connect": "AND", "batch_norm": "tebn"},
        {"blocks": (1, 1), "width": 8, "connect": "IAND", "stem": "conv7_pool", "pool": "max"},
        {"blocks": (1, 1), "width": 4, "depth": 50, "batch_norm": "per_step", "spiking_output": True},
    )
    task = Task(input_shape=(2, 16, 16), classes=3, steps=2)


class TestPLIFNet(ArchitectureConformance):
    name = "snnplug-models:plif_net"
    params = (
        {"channels": 8, "hidden": 16, "votes": 2},
        {"variant": "cifar10", "channels": 4, "hidden": 16, "pooling": "avg", "batch_norm": "tebn"},
        {"variant": "cifar10dvs", "channels": 8, "hidden": 32, "votes": 2},
    )
    task = Task(input_shape=(2, 16, 16), classes=3, steps=2)


class TestDense(ArchitectureConformance):
    name = "snnplug-models:dense"
    params = (
        {"hidden": (16,)},
        {"hidden": (16, 8), "batch_norm": "joint", "dropout": 0.2, "spiking_output": True},
        {"hidden": (16,), "batch_norm": "tebn"},
    )
    task = Task(input_shape=(20,), classes=3, steps=2)


class TestRecurrent(ArchitectureConformance):
    name = "snnplug-models:recurrent"
    params = (
        {"hidden": (16,)},
        {"hidden": (16, 8), "batch_norm": "per_step", "dropout": 0.2, "spiking_output": True},
    )
    task = Task(input_shape=(20,), classes=3, steps=3)
