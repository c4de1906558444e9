"""Looking at a model: its calls, and the modules and neurons at work in them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.weak import WeakTensorKeyDictionary

from snnplug.contracts.activity import Activity
from snnplug.errors import ContractError
from snnplug.nn.dropout import Dropout
from snnplug.nn.fan_out import pads_its_input
from snnplug.nn.naming import plain_name
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.recording.decoded import SpikeCounts
from snnplug.nn.recording.flow import Flow
from snnplug.nn.recording.ledger import Ledger
from snnplug.nn.recording.neurons import Neurons
from snnplug.nn.recording.operations import Multiplied, Operations
from snnplug.nn.recording.origin import Steps, Weights
from snnplug.nn.recording.scope import Frame, Scope
from snnplug.nn.stream import current_pass, steps_before
from snnplug.nn.tensors import tensors_in
from snnplug.nn.watch import SpikeObserver, SpikeWatch

__all__ = ["Recorder"]

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)  # one known operation each
_FREE = (nn.modules.dropout._DropoutNd, Dropout, nn.utils.parametrize.ParametrizationList)


class Recorder:
    """Records a model between `attach` and `detach`; arguments as of `snnplug.nn.record`.

    Attributes:
        activity: what it did, complete after `detach`.
    """

    def __init__(
        self, model: nn.Module, on_spikes: SpikeObserver | None, raster: int, encoder: nn.Module | None = None
    ) -> None:
        self.encoder = encoder
        self.model: nn.Module = getattr(model, "_orig_mod", model)  # of a compiled network the network
        self.activity = Activity()
        self.parts = _Parts(self.model)
        self.flow = Flow()
        self.scope = Scope(self.parts.modules, self.activity.uncounted)
        self.ledger = Ledger(self.activity, self.scope, self.flow.origins)
        self.operations = Operations(self.scope, self.flow, self._multiplied)
        modules = self.parts.modules
        self.neurons = Neurons(modules, self.activity, self.operations, self.ledger, on_spikes, raster)
        self.remembered = WeakTensorKeyDictionary()  # what the states of streams come from
        self.depth = 0
        self.compiler: Any = None
        self.undo: list[Callable[[], None]] = []

    def attach(self) -> None:
        """Look at the model from now on."""
        # by the class: a scripted module has these methods forbidden, though it calls the hooks
        self._keep(nn.Module.register_forward_pre_hook(self.model, self._begin, with_kwargs=True))
        for name, module in self.parts.modules.items():
            if isinstance(module, torch.jit.ScriptModule):
                if not hasattr(nn, module.original_name):  # only torch's own are sure to hold no neuron
                    self.activity.uncounted[name or module.original_name] = "ScriptModule"
            elif module is not self.model and _may_multiply(module):
                weighted, pads = name in self.parts.weighted, pads_its_input(module)
                enter = partial(self._enter, name, weighted, isinstance(module, _FREE), pads)
                self._keep(module.register_forward_pre_hook(enter, with_kwargs=pads))
                self._keep(module.register_forward_hook(self._leave, always_call=True))
        neurons = self.neurons
        watch = SpikeWatch(self.model, neurons.saw, entered=neurons.entered, left=neurons.left, analog=True)
        self._keep(watch)
        self._keep(nn.Module.register_forward_hook(self.model, self._end, always_call=True))

    def detach(self) -> None:
        """Leave the model as it was."""
        for undo in reversed(self.undo):
            undo()
        self.ledger.publish()
        self._weigh()

    def _weigh(self) -> None:
        """Note how large the model is; parameters may have got their shape only now."""
        parameters = [p for p in self.model.parameters() if not is_lazy(p)]
        held = [*parameters, *(b for b in self.model.buffers() if not is_lazy(b))]
        self.activity.parameters = sum(p.numel() for p in parameters)
        self.activity.footprint = sum(x.numel() * x.element_size() for x in held)

    def _keep(self, handle: Any) -> None:
        self.undo.append(handle.remove)

    # a call of the model

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self.depth:
            compiler = torch._C._dynamo.eval_frame.set_eval_frame(
                None
            )  # if one is at work: not on all of this
            inputs = list(tensors_in(_by_parameter(module, args, kwargs)))
            sequence = next((x for x in inputs if x.ndim > 1), None)
            if sequence is None:
                torch._C._dynamo.eval_frame.set_eval_frame(compiler)
                raise ContractError("record: the network must be called with a tensor [T, B, *], got none")
            self._begin_pass(sequence, inputs)
            self.compiler = compiler
        self.depth += 1

    def _begin_pass(self, sequence: Tensor, inputs: list[Tensor]) -> None:
        steps, samples = sequence.shape[:2]
        running, start = current_pass(), steps_before()
        self.activity.steps = max(self.activity.steps, start + steps)
        if not start or not self.activity.samples:  # the steps of a stream are of the same samples
            self.activity.samples += samples
        self.flow.origins.begin(self.parts.weights())
        for x in tensors_in([] if running is None else running.held):
            self.flow.origins.note(x, self.remembered[x] if x in self.remembered else Steps(start - 1))
        for x in inputs:
            whole = steps > 1 and x.shape[:2] == sequence.shape[:2]
            held = Steps(start, steps, x.stride(0), int(x.storage_offset())) if whole else Steps(start)
            self.flow.origins.note(x, self._encoded(x, held) if x is sequence else held)
        self.neurons.begin(first=not start)
        self.ledger.begin(start)
        self.scope.begin(Frame("", self.model, "" in self.parts.weighted))
        self.flow.steps, self.flow.start = steps, start
        self.operations.__enter__()  # type: ignore[no-untyped-call]

    def _encoded(self, x: Tensor, held: Steps) -> Steps:
        """Return what an input holds, with the spikes that it stands for where the encoder says that."""
        encoder: Any = self.encoder
        if not isinstance(encoder, SpikeCounts):
            return held
        with torch.no_grad():
            spikes = encoder.spike_counts(x)
        return held._replace(spikes=spikes, delay=getattr(encoder, "slots", 0))

    def _end(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if not self.depth:
            return  # it never began
        self.depth -= 1
        if not self.depth:
            self.operations.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            torch._C._dynamo.eval_frame.set_eval_frame(self.compiler)
            self.scope.end(finished=output is not None)
            self._remember()

    def _remember(self) -> None:
        """Keep what the tensors come from that the next step of a stream goes on with."""
        running = current_pass()
        for x in tensors_in([] if running is None else running.held):
            if (held := self.flow.origins.steps(x)) is not None:
                self.remembered[x] = held

    def _multiplied(self, made: Multiplied) -> None:
        if self.scope.neuron is not None:
            self.neurons.inert.multiplied()
        self.ledger.enter(made)

    def _enter(
        self,
        name: str,
        weighted: bool,
        free: bool,
        pads: bool,
        module: nn.Module,
        args: Any,
        kwargs: Any = None,
    ) -> None:
        if self.depth:
            x = next(tensors_in([args, kwargs]), None) if pads else None
            self.scope.enter(Frame(name, module, weighted, free, input=x))

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self.depth:
            self.scope.leave(passed_on=output is None or any(output is x for x in args))


class _Parts:
    """The parts of a model, by name.

    Attributes:
        modules: all, but none inside a neuron.
        weighted: names of those that have weights outside neurons, in themselves or below.
    """

    def __init__(self, model: nn.Module) -> None:
        self.modules: dict[str, nn.Module] = {}
        self.weighted: set[str] = set()
        self._parameters: list[tuple[str, Mapping[str, Tensor | None]]] = []
        self._buffers: list[tuple[str, Mapping[str, Tensor | None]]] = []
        self._written: dict[str, tuple[int, int]] = {}  # which a buffer was, and how often it was written to
        self._before: list[object] = []
        self._weights: dict[int, Weights] = {}
        inner: tuple[str, ...] = ()
        for raw, module in model.named_modules():
            name = plain_name(raw)
            if module._parameters:
                self._parameters.append((name, module._parameters))
            if raw.startswith(inner) or "_orig_mod" in module._modules:
                continue
            self.modules[name] = module
            if isinstance(module, SpikingNeuron):
                inner = (*inner, f"{raw}." if raw else "")
                continue
            if module._buffers and not isinstance(module, _NORMS):
                self._buffers.append((name, module._buffers))
            if module._parameters and name not in self.weighted:
                above = name.split(".")
                self.weighted |= {".".join(above[:i]) for i in range(len(above) + 1)}

    def weights(self) -> Mapping[int, Weights]:
        """Return parameters and buffers by identity; a call may be one with others than the last.

        A buffer that calls write to is a state and no weights.
        """
        now: list[object] = [id(x) for _, held in self._parameters for x in held.values()]
        now += [(id(x), _writes(x)) for _, held in self._buffers for x in held.values()]
        if now != self._before:
            self._before = now
            named = [
                *_named(self._parameters),
                *(one for one in _named(self._buffers) if self._is_constant(*one)),
            ]
            names: dict[int, tuple[str, ...]] = {}
            for name, x in named:
                names[id(x)] = (*names.get(id(x), ()), name)
            self._weights = {key: Weights(found, itself=True) for key, found in names.items()}
        return self._weights

    def _is_constant(self, name: str, x: Tensor) -> bool:
        now = id(x), _writes(x)
        return x.is_floating_point() and self._written.setdefault(name, now) == now


def _writes(x: Tensor | None) -> int:
    """Return how often a tensor was written to."""
    return 0 if x is None or x.is_inference() else x._version


def _named(holders: list[tuple[str, Mapping[str, Tensor | None]]]) -> Iterator[tuple[str, Tensor]]:
    for name, held in holders:
        for key, x in held.items():
            if x is not None:
                yield f"{name}.{key}" if name else key, x


def _may_multiply(module: nn.Module) -> bool:
    """Whether operations may be counted under the name of a module, or are none of the network's."""
    if isinstance(module, (SpikingNeuron, *_NORMS)):
        return False
    known = type(module).__module__.startswith("torch.nn.modules.")
    return bool(module._parameters) or not known or isinstance(module, _FREE)


def _by_parameter(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """Return arguments in the order of the parameters that they are for."""
    if kwargs:
        try:
            return list(inspect.signature(module.forward).bind(*args, **kwargs).arguments.values())
        except (TypeError, ValueError):  # no signature to be had
            pass
    return [*args, *kwargs.values()]
