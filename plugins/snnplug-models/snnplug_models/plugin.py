"""What snnplug-models offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ArchitectureSpec, hookimpl

_NEURON = {"neuron": "neuron"}


@hookimpl
def snnplug_architectures() -> Iterable[ArchitectureSpec]:
    """Return the architectures."""
    yield ArchitectureSpec(
        name="mnist_cnn",
        target="snnplug_models.mnist:mnist_cnn",
        summary="12C5-MP2-64C5-MP2-FC10 with neurons after both pools and at the output.",
        reference="Eshraghian et al., Proc. IEEE 111(9) 2023, arXiv:2109.12894 (snnTorch tutorial 6)",
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="mnist_ann",
        target="snnplug_models.mnist:mnist_ann",
        summary="mnist_cnn without neurons: the same layers with ReLU or nothing between them.",
        reference="Eshraghian et al., Proc. IEEE 111(9) 2023, arXiv:2109.12894 (snnTorch tutorial 6)",
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="candidate",
        target="snnplug_models.candidate:candidate",
        summary="The network of a genotype of any search space, such as a candidate that a run has seen.",
        components={"space": "search_space"},
        candidate=True,
    )
    yield ArchitectureSpec(
        name="exported_model",
        target="snnplug_models.exported:exported_model",
        summary="A trained PyTorch model from a file of torch.export, with neurons for its activations.",
        reference="PyTorch, torch.export",
        components=_NEURON,
        trained=True,
    )
    yield ArchitectureSpec(
        name="vgg",
        target="snnplug_models.vgg:vgg",
        summary="VGG: 3x3 convolutions, batch norm, neurons and pools in any order and width; VGGSNN.",
        reference="Simonyan & Zisserman, ICLR 2015, arXiv:1409.1556; Deng et al., ICLR 2022",
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="resnet",
        target="snnplug_models.resnet:resnet",
        summary="ResNet with spike-element-wise (SEW ADD), membrane (MS) or the original (He) shortcuts.",
        reference=(
            "Fang et al., NeurIPS 2021, arXiv:2102.04159; Hu et al., TNNLS 2024, arXiv:2112.08954; "
            "He et al., CVPR 2016, arXiv:1512.03385"
        ),
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="sew_resnet",
        target="snnplug_models.sew_resnet:sew_resnet",
        summary="SEW-ResNet 18 to 152, with ADD, AND or IAND, for images and event frames.",
        reference="Fang et al., NeurIPS 2021, arXiv:2102.04159",
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="plif_net",
        target="snnplug_models.plif_net:plif_net",
        summary="The networks of the PLIF paper for images and events, with a voting head.",
        reference="Fang et al., ICCV 2021, arXiv:2007.05785",
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="dense",
        target="snnplug_models.dense:dense",
        summary="Linear layers with neurons, for inputs of any shape.",
        components=_NEURON,
    )
    yield ArchitectureSpec(
        name="recurrent",
        target="snnplug_models.dense:recurrent",
        summary="Linear layers whose spikes come back one step later, for inputs of any shape.",
        reference="Cramer et al., TNNLS 2022, arXiv:1910.07407",
        components=_NEURON,
    )
