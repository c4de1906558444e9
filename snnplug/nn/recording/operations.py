"""Seeing every operation of a network as it runs.

Counted are products: operations that multiply two tensors and sum. What else multiplies two tensors, or
takes weights together with values of the network and is not known to only add or compare them, is named.
Elementwise arithmetic inside a neuron is its update.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from snnplug.nn.recording.aten import is_harmless, may_multiply, multiplies
from snnplug.nn.recording.flow import Call, Flow, operands_of
from snnplug.nn.recording.origin import Origin, Place, Steps, Weights, held_by, locate
from snnplug.nn.recording.products import PRODUCTS, Product
from snnplug.nn.recording.scope import Scope

__all__ = ["Input", "Multiplied", "Operations"]


class Input(NamedTuple):
    """A factor that is no weights.

    Attributes:
        side: 0 for the left factor, 1 for the right.
        x: its values.
        steps: what is known of them; None if no input is known to have led to them.
        place: where their steps lie; None if that is not known.
    """

    side: int
    x: Tensor
    steps: Steps | None
    place: Place | None


class Multiplied(NamedTuple):
    """One product as it was made.

    Attributes:
        product: what was multiplied.
        operation: its name.
        inputs: the factors that the network computes: one, or both.
        computed: it computes both; one of them may be hidden in the operation.
        weights: what the other factor is made of, if it is weights.
    """

    product: Product
    operation: str
    inputs: list[Input]
    computed: bool
    weights: Weights | None


class Operations(TorchDispatchMode):
    """While it is active, notes where tensors come from and shows every product.

    Args:
        scope: the modules at work.
        flow: how origins pass on.
        multiplied: called with every product that is not made of weights alone.

    Attributes:
        weighted: values that the neuron at work has multiplied, one by one, by parameters of its own.
    """

    supports_higher_order_operators = True

    def __init__(self, scope: Scope, flow: Flow, multiplied: Callable[[Multiplied], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scope, self.flow, self.multiplied = scope, flow, multiplied
        self.origins = flow.origins
        self.weighted = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled meanwhile; torch's guard against it costs as much as all of this

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and see to what it did."""
        rule = _rules.get(func)
        if rule is None:
            rule = _rules[func] = _rule_of(func)
        kwargs = kwargs or {}
        if rule.see is None:
            with self:
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        if self.scope.neuron is None:
            rule.see(self, Call(rule.operation, func, args, kwargs, out))
            if rule.writes:
                self.flow.write_through(out)
        elif rule.see is Operations.product:
            self.product(Call(rule.operation, func, args, kwargs, out))
        else:
            self.origins.forget(out)
            if rule.see is Operations.multiply and any(
                type(self._held(x)) is Weights for x in operands_of(args, {})
            ):
                self.weighted += out.numel()
        return out

    def blind(self) -> Any:
        """Return a context that has begun in which nothing is seen; None if others want to see."""
        if torch._C._len_torch_dispatch_stack() > 1:
            return None
        context: Any = torch._C._DisableTorchDispatch()
        context.__enter__()
        return context

    def other(self, call: Call) -> None:
        """What takes weights beside values, and is not known, may multiply them."""
        steps, weights = self._mix(call)
        if steps is not None and weights is not None:
            self._miss(call.operation)

    def harmless(self, call: Call) -> None:
        """What is known not to multiply weights and values, or only to normalise."""
        self._mix(call)

    def multiply(self, call: Call) -> None:
        """What may multiply, but does not sum."""
        steps, weights = self._mix(call)
        if steps is not None and (weights is not None or multiplies(call.operation, call.args)):
            self._miss(call.operation)

    def foreign(self, call: Call) -> None:
        """Nothing is known of operations that are not torch's own."""
        steps, _ = self._mix(call)
        if steps is not None:
            self._miss(call.operation)

    def product(self, call: Call) -> None:
        """Count what is multiplied; the result is of the steps of an operand whose axis stays."""
        result = call.out if isinstance(call.out, Tensor) else call.out[0]
        counted, steps = False, None
        for product in PRODUCTS[call.operation](call.args, result):
            held = [Steps() if x is None else self._held(x) for x in product.operands]
            if any(x is not None and (x.layout != torch.strided or x.is_complex()) for x in product.operands):
                self.foreign(call)
                return
            made = [side for side in (0, 1) if type(held[side]) is Steps]
            if not made:
                made = [side for side in (0, 1) if held[side] is None]
                made = made if self.scope.neuron is not None else made[:1]
            if not made:
                continue
            self.scope.see()
            counted = True
            inputs = [
                _input(side, held[side], x) for side in made if (x := product.operands[side]) is not None
            ]
            if not self.scope.free:
                weights = next((origin for origin in held if isinstance(origin, Weights)), None)
                with torch._C._DisableTorchDispatch():  # another mode would take the counting for the network
                    self.multiplied(
                        Multiplied(product, _label(call.operation), inputs, len(made) > 1, weights)
                    )
            steps = _result(product, inputs, result)
        if counted:
            self.origins.note(result, steps)
        else:
            self._mix(call)

    def _mix(self, call: Call) -> tuple[Steps | None, Weights | None]:
        steps, weights = self.flow.mix(call)
        if weights is not None:
            self.scope.see()
        return steps, weights

    def _held(self, x: Tensor) -> Origin | None:
        """Return what an operand comes from, or inside a neuron, where views are not followed, its base."""
        origin = self.origins.by_id(id(x))
        if origin is None and self.scope.neuron is not None and not x.is_inference() and x._base is not None:
            origin = self.origins.by_id(id(x._base))
            return origin if type(origin) is Weights else None
        return origin

    def _miss(self, operation: str) -> None:
        if self.scope.neuron is None and not self.scope.free:
            self.scope.miss(operation)


def _input(side: int, origin: Origin | None, x: Tensor) -> Input:
    if isinstance(origin, Steps):
        return Input(side, x, origin, locate(x, origin))
    return Input(side, x, None, None)


def _result(product: Product, inputs: list[Input], out: Tensor) -> Steps | None:
    """Return the steps of a result: those of the input that holds the most, or the latest."""
    known = [
        (one.place.length, one.place.start, one.side, one.place) for one in inputs if one.place is not None
    ]
    if not known:
        return None
    length, start, side, place = max(known, key=lambda found: found[:2])
    delay = max(one.steps.delay for one in inputs if one.steps is not None)
    analog = any(one.steps is not None and one.steps.analog for one in inputs)
    if length == 1:
        return Steps(start, delay=delay, analog=analog)
    return held_by(out, product.axis(side, place.axis), place, delay)._replace(analog=analog)


class _Rule(NamedTuple):
    """What to see of an operation; nothing where it is run as the ones that it consists of."""

    operation: str
    see: Callable[[Operations, Call], None] | None
    writes: bool = False


_rules: dict[Any, _Rule] = {}
_RULES: dict[str, Callable[[Operations, Call], None]] = {
    **dict.fromkeys(PRODUCTS, Operations.product),
    **dict.fromkeys(("select", "unbind"), lambda self, call: self.flow.pick(call)),
    **dict.fromkeys(("cat", "stack"), lambda self, call: self.flow.join(call)),
    "expand": lambda self, call: self.flow.expand(call),
    "repeat": lambda self, call: self.flow.repeat(call),
    "_unsafe_view": lambda self, call: self.flow.view(call),
}


def _rule_of(func: Any) -> _Rule:
    if not isinstance(func, torch._ops.OpOverload):
        return _Rule(str(func), Operations.foreign)
    schema = func._schema
    namespace, _, name = schema.name.partition("::")
    operation = name.rstrip("_")
    if namespace not in ("aten", "prim"):
        return _Rule(schema.name, Operations.foreign)
    if torch._C._dispatch_has_kernel_for_dispatch_key(str(func._name), "CompositeImplicitAutograd"):
        return _Rule(operation, None)  # in inference mode; elsewhere torch has taken it apart before
    if operation in _RULES:
        see = _RULES[operation]
    elif operation.endswith("_like") or operation.startswith("new_"):
        see = _forget
    elif any(out.alias_info is not None and not out.alias_info.is_write for out in schema.returns):
        see = _RULES["_unsafe_view"]
    elif is_harmless(operation):
        see = Operations.harmless
    else:
        see = Operations.multiply if may_multiply(operation) else Operations.other
    return _Rule(operation, see, schema.is_mutable)


def _forget(operations: Operations, call: Call) -> None:
    operations.flow.forget(call)


def _label(operation: str) -> str:
    return "scaled_dot_product_attention" if operation.startswith("_scaled_dot_product") else operation
