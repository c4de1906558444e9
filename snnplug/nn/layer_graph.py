"""A network as a chip sees it: its layers, found by running it once.

What adds is no layer: a layer names all that is added up in its input. What only moves, copies or scales
values is none either. A batch norm folds into the weights before it, into those of each layer that is added
up before it, where nobody else takes their results. Whatever else computes something stands as a layer
"other". A module that runs in several places with the same weights stands once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from snnplug.contracts.chip import INPUT, Layer, LayerGraph, NeuronFacts
from snnplug.nn.layer_calls import CHANGING, CREATING, MOVING, read_call
from snnplug.nn.mode import evaluating
from snnplug.nn.naming import plain_name
from snnplug.nn.tensors import tensors_in
from snnplug.nn.watch import SpikeWatch

__all__ = ["layer_graph"]

Names = tuple[str, ...]


def layer_graph(model: nn.Module, x: Tensor) -> LayerGraph:
    """Return the layers of a network.

    Args:
        model: input `[T, B, *]` to outputs `[T, B, *]`; it runs once, in evaluation mode, and stays as it is.
        x: input, `[T, B, *]`; a sample is enough. Feedback is seen from two steps on.
    """
    alone = x[:, :1]
    batch = 3 if len(x) == 2 else 2  # so that no [T B, C, *] can be taken for a [T, B, *]
    return _Tracer(model, alone.expand(len(x), batch, *x.shape[2:])).trace()


class _Tracer(TorchFunctionMode):
    """While it is active, notes which layers values come from."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.model, self.x = model, x
        self.found: dict[str, Layer] = {}
        self.sources = WeakTensorKeyDictionary()  # of a tensor: names of the layers that it adds up
        self.ways = WeakTensorKeyDictionary()  # of a tensor: what has changed values since those layers
        self.scope: list[tuple[str, nn.Module]] = [("", model)]
        self.taken: set[str] | None = None  # what the neuron at work takes, None where none is
        self.way: Names = ()  # of what it takes
        self.modules = {plain_name(name): module for name, module in model.named_modules()}
        self.statistics: dict[str, set[int]] = {}  # of a norm: where those lie that it has used

    def trace(self) -> LayerGraph:
        undo: list[Callable[[], None]] = []
        entered, left = self._enter_neuron, self._leave_neuron
        watch = SpikeWatch(self.model, lambda *_: None, entered=entered, left=left, analog=True)
        undo.append(watch.remove)
        for name, module in self.modules.items():
            if module is not self.model:
                before = module.register_forward_pre_hook(lambda m, _, name=name: self._enter(name, m))
                after = module.register_forward_hook(lambda *_: self._leave(), always_call=True)
                undo += [before.remove, after.remove]
        try:
            with torch.no_grad(), evaluating(self.model):
                self.sources[self.x] = (INPUT,)
                with self:
                    output = self.model(self.x)
        finally:
            for step in reversed(undo):
                step()
        analog = bool((self.x != self.x.round()).any())
        returned = list(tensors_in(output))
        graph = LayerGraph(
            layers=tuple(self.found.values()),
            outputs=self._all_of(returned),
            analog_input=analog,
            through=self._way(returned),
        )
        return _folded(graph, {name for name, used in self.statistics.items() if len(used) > 1})

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        out = func(*args, **kwargs)
        if self.taken is not None:  # inside a neuron
            self.taken.update(self._all_of(tensors_in([args, kwargs])))
            return out
        name = getattr(func, "__name__", str(func))
        if name == "__setitem__":
            given = list(tensors_in(args))
            self.sources[args[0]], self.ways[args[0]] = self._all_of(given), self._way(given)
            return out
        results = [y for y in tensors_in(out) if y.is_floating_point()]
        if results:
            sources, way = self._sources(name, results[0], args, kwargs)
            for y in results:
                if sources:
                    self.sources[y], self.ways[y] = sources, way
        return out

    def _sources(self, name: str, y: Tensor, args: Any, kwargs: dict[str, Any]) -> tuple[Names, Names]:
        """Return what a result adds up, a layer of its own where it is no sum of others, and its way."""
        given = [x for x in tensors_in([args, kwargs]) if self._of(x)]
        taken, way = self._all_of(given), self._way(given)
        if not taken or name in CREATING:
            return (), ()
        call = read_call(name, args, kwargs, y)
        if call is None:
            joined = name in ("cat", "concat", "stack") and len({self._of(x) for x in given}) > 1
            along_time = kwargs.get("dim", args[1] if len(args) > 1 else 0) == 0
            products = name in ("mul", "__mul__", "__rmul__", "multiply") and len(given) > 1
            if name in MOVING and not products and not (joined and not along_time):
                changing = name in CHANGING and not (name in ("cat", "concat") and along_time)
                return taken, tuple(dict.fromkeys((*way, name.strip("_")))) if changing else way
            call = Layer(name="", kind="other", operation=name.strip("_"))
        scope, module = self._owner([args, kwargs]) or self.scope[-1]
        label = self._note(attrs.evolve(call, through=way), scope, module, taken, given[0], y)
        if call.kind == "norm":
            used = [x for x in tensors_in([args, kwargs]) if not self._of(x)]
            places = {x.data_ptr() for x in used[:1]}
            batch = name == "batch_norm" and (kwargs.get("training") or True in args[5:6])
            self.statistics.setdefault(label, set()).update(places, {0, 1} if batch else ())
        return (label,), ()

    def _owner(self, given: Any) -> tuple[str, nn.Module] | None:
        """Return the module whose weights or statistics are among what a function is given."""
        for x in tensors_in(given):
            if not self._of(x) and (name := self.owners.get(x.untyped_storage().data_ptr())) is not None:
                return name, self.modules[name]
        return None

    @cached_property
    def owners(self) -> Mapping[int, str]:
        """Names of the modules, by where their parameters and buffers lie."""
        held = [
            (x, name)
            for name, module in self.modules.items()
            for x in (*module._parameters.values(), *module._buffers.values())
            if x is not None and x.numel()
        ]
        return {x.untyped_storage().data_ptr(): name for x, name in reversed(held)}

    def _note(self, call: Layer, scope: str, module: nn.Module, inputs: Names, x: Tensor, y: Tensor) -> str:
        own = not module._modules and (call.kind in ("conv", "linear", "norm", "pool") or _is_torchs(module))
        label = scope if own and scope else f"{scope} ({call.operation})".strip()
        operation = type(module).__name__ if own else call.operation
        before = [self.found[name].out_shape for name in inputs if name in self.found]
        in_shape = self._shape(x)
        if call.kind == "linear" and before and math.prod(before[0]) == math.prod(in_shape):
            in_shape = before[0]  # as it was before it was flattened
        elif call.kind == "linear" and INPUT in inputs:
            in_shape = tuple(self.x.shape[2:])
        layer = attrs.evolve(
            call, name=label, operation=operation, in_shape=in_shape, out_shape=self._shape(y)
        )
        return self._keep(layer, inputs)

    def _keep(self, layer: Layer, inputs: Iterable[str]) -> str:
        known = self.found.get(layer.name, layer)
        merged = tuple(dict.fromkeys((*known.inputs, *inputs)))
        through = tuple(dict.fromkeys((*known.through, *layer.through)))
        self.found[layer.name] = attrs.evolve(known, inputs=merged, through=through)
        return layer.name

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        """Return the shape of one sample in one step."""
        folded = x.shape[:2] != self.x.shape[:2]
        return tuple(x.shape[1:] if folded else x.shape[2:])

    def _of(self, x: Tensor) -> Names:
        found: Names = self.sources.get(x, ())  # type: ignore[no-untyped-call]
        return found

    def _all_of(self, given: Iterable[Tensor]) -> Names:
        return tuple(dict.fromkeys(source for x in given for source in self._of(x)))

    def _way(self, given: Iterable[Tensor]) -> Names:
        """Return what has changed values since the layers that they come from."""
        return tuple(dict.fromkeys(name for x in given for name in self.ways.get(x, ())))  # type: ignore[no-untyped-call]

    def _enter(self, name: str, module: nn.Module) -> None:
        self.scope.append((name, module))

    def _leave(self) -> None:
        self.scope.pop()

    def _enter_neuron(self, name: str, x: Tensor | None, state: Any, step: bool) -> None:
        self.taken = set(() if x is None else self._of(x))
        self.way = () if x is None else self._way([x])

    def _leave_neuron(self, name: str, spikes: Tensor | None, state: Any, step: bool) -> None:
        taken, self.taken = self.taken or set(), None
        if spikes is None:
            return
        neuron: Any = self.modules[name]
        shape = tuple(spikes.shape[1 if step else 2 :])
        reset = getattr(neuron, "reset", "")
        facts = NeuronFacts(
            reset=reset if isinstance(reset, str) else "",
            leak=neuron.leak_factor(),
            graded=neuron.graded,
            windowed=neuron.windowed,
            analog=neuron.analog,
        )
        layer = Layer(
            name=name,
            kind="neuron",
            operation=type(neuron).__name__,
            in_shape=shape,
            out_shape=shape,
            through=self.way,
            neuron=facts,
        )
        order = {INPUT: -1, **{known: i for i, known in enumerate(self.found)}}
        self.sources[spikes] = (self._keep(layer, sorted(taken, key=lambda one: order.get(one, -1))),)


def _is_torchs(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.modules.")


def _folded(graph: LayerGraph, varying: Collection[str]) -> LayerGraph:
    """Return a graph without the norms that become part of the weights before them.

    Args:
        graph: with all norms.
        varying: norms that are others from step to step.
    """
    layers, gone = dict(graph.by_name), dict[str, Names]()

    shared = {name for name, takers in graph.takers.items() if len(takers) > 1} | set(graph.outputs)

    def kept(names: Names) -> Names:
        return tuple(dict.fromkeys(one for name in names for one in gone.get(name, (name,))))

    for norm in graph.layers:
        if norm.kind != "norm" or norm.name in varying or "batch" not in norm.operation.lower():
            continue
        inputs = kept(norm.inputs)
        if not all(name in layers and layers[name].weighted for name in inputs):
            continue
        if {*inputs, *norm.inputs} & shared:
            continue
        for name in inputs:
            before = layers[name]
            norms = (*before.norms, norm.name)
            layers[name] = attrs.evolve(before, biases=before.out_shape[0], norms=norms)
        gone[norm.name] = inputs
        del layers[norm.name]

    return attrs.evolve(
        graph,
        layers=tuple(attrs.evolve(layer, inputs=kept(layer.inputs)) for layer in layers.values()),
        outputs=kept(graph.outputs),
    )
