"""The parameters of a network in groups: which of them decay, and which have a learning rate of their own.

The layers of `layer_decay` are counted in the order in which they are registered: every module with weights
of its own begins one, and the norms and neurons after it belong to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from snnplug.engine.train_section import TrainSection
from snnplug.nn import SpikingNeuron, StepwiseBatchNorm2d

__all__ = ["BATCH_NORMS", "SORTS", "Sorted", "parameter_groups", "sorted_parameters", "unmatched_rates"]

SORTS = ("weights", "biases", "norms", "neurons")
BATCH_NORMS = (nn.modules.batchnorm._BatchNorm, StepwiseBatchNorm2d)
_NORMS = (*BATCH_NORMS, nn.modules.instancenorm._InstanceNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
_DECAYING = {"weights": SORTS[:1], "layers": SORTS[:3], "all": SORTS}


class Sorted(NamedTuple):
    """A parameter with its name in the network and what it is, one of `SORTS`."""

    name: str
    parameter: nn.Parameter
    sort: str


def sorted_parameters(model: nn.Module) -> Iterator[Sorted]:
    """Yield every parameter of a network; one of a single axis that is of no neuron or norm is a bias."""
    neurons, norms = _inside(model, (SpikingNeuron,)), _inside(model, _NORMS)
    for name, parameter in model.named_parameters():
        if id(parameter) in neurons:
            sort = "neurons"
        elif id(parameter) in norms:
            sort = "norms"
        else:
            is_bias = parameter.ndim <= 1 or name.rpartition(".")[2] == "bias"
            sort = "biases" if is_bias else "weights"
        yield Sorted(name, parameter, sort)


def _inside(model: nn.Module, kinds: tuple[type, ...]) -> set[int]:
    return {id(p) for module in model.modules() if isinstance(module, kinds) for p in module.parameters()}


def parameter_groups(model: nn.Module, section: TrainSection, weight_decay: float) -> list[dict[str, Any]]:
    """Return groups for an optimizer of what is trained: with decay and without, and by learning rate.

    Args:
        model: with its parameters in place.
        section: settings.
        weight_decay: of the optimizer; where it is 0 only neurons' parameters are apart from the others.

    Returns:
        Groups, each with its `rate`, a multiple of the optimizer's learning rate.
    """
    decaying = _DECAYING[section.decay if weight_decay else "layers"]
    found = list(sorted_parameters(model))
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for one, layer in zip(found, _layers(found, section.layer_decay), strict=True):
        if one.parameter.requires_grad:
            key = one.sort not in decaying, layer * _own_rate(section, one)
            groups.setdefault(key, []).append(one.parameter)
    ordered = sorted(groups.items(), key=lambda group: group[0][0])  # stable: decaying ones first
    return [
        {"params": parameters, "rate": rate, **({"weight_decay": 0.0} if held else {})}
        for (held, rate), parameters in ordered
    ]


def unmatched_rates(model: nn.Module, section: TrainSection) -> list[str]:
    """Return the keys of `rates` that mean no parameter of a network."""
    found = list(sorted_parameters(model))
    return [key for key in section.rates if not any(_means(key, one) for one in found)]


def _means(key: str, one: Sorted) -> bool:
    return one.sort == key if key in SORTS else fnmatchcase(one.name, key)


def _own_rate(section: TrainSection, one: Sorted) -> float:
    """Return the rate of a parameter: that of the last pattern its name fits, else that of its sort."""
    fitting = [rate for key, rate in section.rates.items() if key not in SORTS and fnmatchcase(one.name, key)]
    return float(fitting[-1] if fitting else section.rates.get(one.sort, 1.0))


def _layers(found: Sequence[Sorted], decay: float) -> list[float]:
    """Return the factor of each parameter by its layer, 1 for those of the last one."""
    if decay == 1:
        return [1.0] * len(found)
    numbers: list[int] = []
    owner = None
    for name, _, sort in found:
        module = name.rpartition(".")[0]
        begins = sort == "weights" and module != owner
        numbers.append((numbers[-1] if numbers else 0) + begins)
        owner = module if sort == "weights" else owner
    return [decay ** (numbers[-1] - number) for number in numbers]
