"""What can be plugged in: one attrs spec class per kind, and the table of kinds.

A spec is data. It names the object behind it as a string (`target`), so that reading
a spec imports neither torch nor the method. Parameters, their defaults and ranges are the
target's own arguments, read when it is loaded and never repeated here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import attrs

from snnplug.errors import InvalidSpec, UnknownName, did_you_mean

__all__ = [
    "KINDS",
    "ArchitectureSpec",
    "BenchmarkSpec",
    "CallbackSpec",
    "ChipSpec",
    "DatasetSpec",
    "EncoderSpec",
    "EnergyModelSpec",
    "ExecutorSpec",
    "ExporterSpec",
    "Kind",
    "LossSpec",
    "NeuronSpec",
    "ScorerSpec",
    "SearchSpaceSpec",
    "Spec",
    "StrategySpec",
    "TrackerSpec",
    "asks",
    "kind_named",
]

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_TARGET = re.compile(f"{_DOTTED}:{_DOTTED}")
_COSTS = ("model", "forward", "gradient", "training")


def _complain(spec: Spec, field: str, value: object, rule: str) -> InvalidSpec:
    return InvalidSpec(f"{type(spec).__name__}.{field}={value!r} {rule}")


def _check_name(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _complain(spec, field.name, value, "is not a lower_snake_case name such as 'my_neuron'")


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, set, frozenset)) else value


def _check_aliases(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple):
        raise _complain(spec, field.name, value, "is not a list of names")
    for alias in value:
        _check_name(spec, field, alias)
    if len({spec.name, *value}) <= len(value):
        raise _complain(spec, field.name, value, f"repeats a name; the spec's own is {spec.name!r}")


def _check_target(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, str):
        if not _TARGET.fullmatch(value):
            raise _complain(spec, field.name, value, "is not of the form 'package.module:Attribute'")
    elif not callable(value):
        raise _complain(spec, field.name, value, "is neither 'package.module:Attribute' nor callable")


def _check_line(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or "\n" in value:
        raise _complain(spec, field.name, value, "is not one line of text")
    if field.name == "summary" and not value.strip():
        raise _complain(spec, field.name, value, "is empty; say in one line what it is")


def _check_components(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, Mapping):
        raise _complain(spec, field.name, value, "is not a mapping from parameter to kind")
    for parameter, kind in value.items():
        if not isinstance(kind, str) or kind not in KINDS:
            rule = f"names the unknown kind {kind!r} for {parameter!r}; kinds: {', '.join(KINDS)}"
            raise _complain(spec, field.name, value, rule)


def _check_flag(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise _complain(spec, field.name, value, "is neither True nor False")


def _check_cost(spec: Spec, field: attrs.Attribute[Any], value: object) -> None:
    if value not in _COSTS:
        raise _complain(spec, field.name, value, f"is not one of {', '.join(_COSTS)}")


def _flag(default: bool) -> Any:
    return attrs.field(default=default, validator=_check_flag)


@attrs.frozen(kw_only=True)
class Spec:
    """What every kind says of itself before anything is imported.

    Attributes:
        name: lower_snake_case name, unique within its plugin and kind.
        target: `"package.module:Attribute"`, imported only when used. From Python
            (notebooks, tests) a class or function may be given instead.
        summary: one line for listings.
        reference: paper, arXiv number or DOI.
        aliases: other names for the same thing.
        components: parameters that take another registered thing, with its kind,
            such as `{"base": "neuron"}`.
    """

    kind: ClassVar[str] = ""
    function: ClassVar[bool] = False  # a function of what one is asked about is one itself, and builds none

    name: str = attrs.field(validator=_check_name)
    target: str | Callable[..., Any] = attrs.field(validator=_check_target)
    summary: str = attrs.field(validator=_check_line)
    reference: str = attrs.field(default="", validator=_check_line)
    aliases: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple, validator=_check_aliases)
    components: Mapping[str, str] = attrs.field(factory=dict, hash=False, validator=_check_components)


@attrs.frozen(kw_only=True)
class NeuronSpec(Spec):
    """A `snnplug.nn.SpikingNeuron`: current `[T, B, *]` to spikes `[T, B, *]`.

    Attributes:
        windowed: it needs the whole window at once and has no `step`.
        graded: its spikes carry values other than 0 and 1.
        analog: it sends analog values and no spikes.
    """

    kind: ClassVar[str] = "neuron"

    windowed: bool = _flag(False)
    graded: bool = _flag(False)
    analog: bool = _flag(False)


@attrs.frozen(kw_only=True)
class EncoderSpec(Spec):
    """A `snnplug.nn.Encoder`: values `[B, *]` in [0, 1] to input `[T, B, *]`.

    Attributes:
        stochastic: its output depends on the generator it is given.
    """

    kind: ClassVar[str] = "encoder"

    stochastic: bool = _flag(False)


@attrs.frozen(kw_only=True)
class DatasetSpec(Spec):
    """A function that returns `snnplug.Splits`: train, validation and test data with their facts.

    Attributes:
        embedded: it comes with a dependency and needs no files of the user's.
    """

    kind: ClassVar[str] = "dataset"

    embedded: bool = _flag(False)


@attrs.frozen(kw_only=True)
class ArchitectureSpec(Spec):
    """A builder `(task, *, neuron, ...) -> Module`: input `[T, B, C, H, W]` to outputs `[T, B, K]`.

    Attributes:
        trained: it comes with its weights, so that it can be converted without a training.
        candidate: it is the network of a genotype: its parameters are `space` and `genotype`, in place of
            which a recipe may name `run`, a run directory, and `key`, one of its candidates.
    """

    kind: ClassVar[str] = "architecture"

    trained: bool = _flag(False)
    candidate: bool = _flag(False)


class SearchSpaceSpec(Spec):
    """A builder `(task, *, neuron, ...)` of a `snnplug.SearchSpace`."""

    kind: ClassVar[str] = "search_space"


@attrs.frozen(kw_only=True)
class ScorerSpec(Spec):
    """A builder of a callable `candidate -> float`, or such a function itself.

    Attributes:
        higher_is_better: direction of the score.
        cost: what one score takes: nothing but the model, forward passes, gradients, or training.
        baseline: so cheap that the engine records it beside every other score.
        inherits: it looks at the weights that a candidate inherits from a supernet, and at held-out data.
    """

    kind: ClassVar[str] = "scorer"
    function: ClassVar[bool] = True

    higher_is_better: bool = _flag(True)
    cost: Literal["model", "forward", "gradient", "training"] = attrs.field(
        default="forward", validator=_check_cost
    )
    baseline: bool = _flag(False)
    inherits: bool = _flag(False)


class StrategySpec(Spec):
    """A builder `(space, seed, *, ...)` of a `snnplug.Strategy`."""

    kind: ClassVar[str] = "strategy"


class LossSpec(Spec):
    """A `snnplug.nn.Loss`: outputs `[T, B, K]` and target `[B]` to a scalar, with its own readout."""

    kind: ClassVar[str] = "loss"


@attrs.frozen(kw_only=True)
class EnergyModelSpec(Spec):
    """A builder of a callable `activity -> snnplug.EnergyEstimate`, or such a function itself.

    Attributes:
        unit: unit of the total, such as "J", or "relative".
    """

    kind: ClassVar[str] = "energy_model"
    function: ClassVar[bool] = True

    unit: str = attrs.field(default="J", validator=_check_line)


class BenchmarkSpec(Spec):
    """A function that returns a `snnplug.Benchmark`: networks whose accuracy after training is known."""

    kind: ClassVar[str] = "benchmark"


class ExecutorSpec(Spec):
    """A builder `(build, workers, *, ...)` of a `snnplug.Executor`: workers that the engine hands work to."""

    kind: ClassVar[str] = "executor"


class CallbackSpec(Spec):
    """A `snnplug.nn.Callback`, which hangs into the loop of a training."""

    kind: ClassVar[str] = "callback"


class ChipSpec(Spec):
    """A builder of a `snnplug.Chip`: a callable from the layers of a network to what of them does not fit."""

    kind: ClassVar[str] = "chip"


class ExporterSpec(Spec):
    """A builder of a `snnplug.Exporter`, which writes a network in a format that others read."""

    kind: ClassVar[str] = "exporter"


class TrackerSpec(Spec):
    """A builder of a `snnplug.Tracker`, which writes down how a run goes on: epochs, candidates, result."""

    kind: ClassVar[str] = "tracker"


def asks(target: Any) -> bool:
    """Whether a target is a function that has to be given something by position."""
    import inspect  # listings need it not

    if not inspect.isfunction(target):
        return False
    parameters = inspect.signature(target).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional and p.default is p.empty for p in parameters)


@attrs.frozen
class Kind:
    """A kind of thing that can be plugged in.

    Attributes:
        name: singular.
        plural: for hooks and attributes of a registry.
        spec: class of its specs.
        supplied: arguments in front that whoever builds the target supplies; all others are the user's.
    """

    name: str
    plural: str
    spec: type[Spec]
    supplied: tuple[str, ...] = ()

    @property
    def hook(self) -> str:
        """Name of the hook that plugins implement."""
        return f"snnplug_{self.plural}"

    def supplied_to(self, target: Any) -> tuple[str, ...]:
        """Return `supplied`, or, for a function that is one itself, what it is asked about."""
        return ("asked",) if self.spec.function and asks(target) else self.supplied

    @property
    def contract(self) -> str:
        """First line of the spec's docstring: what the target is."""
        return (self.spec.__doc__ or "").split("\n", 1)[0]


KINDS: Mapping[str, Kind] = {
    spec.kind: Kind(spec.kind, plural, spec, supplied)
    for plural, spec, supplied in (
        ("neurons", NeuronSpec, ()),
        ("encoders", EncoderSpec, ("task",)),
        ("datasets", DatasetSpec, ()),
        ("architectures", ArchitectureSpec, ("task",)),
        ("search_spaces", SearchSpaceSpec, ("task",)),
        ("scorers", ScorerSpec, ()),
        ("strategies", StrategySpec, ("space", "seed")),
        ("losses", LossSpec, ()),
        ("energy_models", EnergyModelSpec, ()),
        ("benchmarks", BenchmarkSpec, ()),
        ("executors", ExecutorSpec, ("build", "workers")),
        ("trackers", TrackerSpec, ()),
        ("callbacks", CallbackSpec, ()),
        ("chips", ChipSpec, ()),
        ("exporters", ExporterSpec, ()),
    )
}


def kind_named(text: str) -> str:
    """Return the name of the kind that a text means: search-spaces, search_spaces, search_space alike.

    Raises:
        UnknownName: there is no such kind.
    """
    name = text.replace("-", "_")
    for kind in KINDS.values():
        if name in (kind.name, kind.plural):
            return kind.name
    raise UnknownName(f"unknown kind {text!r}.{did_you_mean(name, KINDS)} Kinds: {', '.join(KINDS)}")
