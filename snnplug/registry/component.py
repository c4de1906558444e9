"""A use of a registered thing with its parameters, to be built later, often, or in another process."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from snnplug.errors import ParameterError, SnnplugError, TargetError, one_line
from snnplug.registry.contain import calling, contract_of, title
from snnplug.registry.interrupts import from_a_signal
from snnplug.registry.kinds import KINDS, Spec, asks
from snnplug.registry.parameters import Parameter, check_parameters, parameters_of
from snnplug.registry.put_back import put_back_most

__all__ = ["Component", "aside", "load_target"]


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Let what foreign code prints go to standard error: standard output is for results alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def load_target(target: Any, who: str) -> Any:
    """Import what a target `"package.module:Attribute"` names; a class or function is its own target.

    Args:
        target: from a spec.
        who: whose target it is, for the message.

    Raises:
        TargetError: it cannot be imported, has no such attribute, or cannot be called.
    """
    if not isinstance(target, str):
        return target
    module, _, path = target.partition(":")
    try:
        found: Any = sys.modules.get(module) or _imported(module, who)
        for part in path.split("."):
            found = getattr(found, part)
    except BaseException as error:
        if from_a_signal(error):
            raise
        raise TargetError(f"{who} cannot be loaded from {target}: {one_line(error)}") from error
    if not callable(found):
        raise TargetError(f"{who} cannot be loaded from {target}: {type(found).__name__} is not callable")
    return found


def _imported(module: str, who: str) -> Any:
    """Import the module of a target; what it changes of the process is put back, and said."""
    changes: list[str] = []
    try:
        with aside(), put_back_most() as changes:
            return importlib.import_module(module)
    finally:
        if changes:
            said = f"{who} changed {', '.join(changes)} while it was imported; that was put back"
            print(f"snnplug: note: {said}", file=sys.stderr)


def _spec_of(component: Component) -> Spec:
    """Describe what was put together by hand rather than registered."""
    return KINDS[component.kind].spec(name=component.name, target=component.target, summary=component.name)


@attrs.frozen
class Component:
    """A use of a registered thing with its parameters: picklable, serialisable, buildable.

    Attributes:
        kind: its kind.
        plugin: distribution it comes from.
        version: version of that distribution.
        name: bare name.
        target: what is called to build it.
        parameters: keyword arguments; nested components are `Component`s.
        key: where it stands in a recipe, for messages; empty for one made in Python.
        spec: what its plugin says of it.
    """

    kind: str
    plugin: str
    version: str
    name: str
    target: Any
    parameters: Mapping[str, Any] = attrs.field(factory=dict, hash=False)
    key: str = attrs.field(default="", eq=False)
    spec: Spec = attrs.field(default=attrs.Factory(_spec_of, takes_self=True), repr=False)

    @property
    def qualified(self) -> str:
        """Name that stays unique whatever else is installed."""
        return f"{self.plugin}:{self.name}"

    @property
    def summary(self) -> str:
        """One line, from the spec."""
        return self.spec.summary

    @property
    def reference(self) -> str:
        """Source, from the spec."""
        return self.spec.reference

    def load(self) -> Any:
        """Import and return the target."""
        return load_target(self.target, title(self))

    def known_parameters(self) -> tuple[dict[str, Parameter], bool]:
        """Return the parameters that the target takes, by name, and whether it takes any others too.

        Raises:
            TargetError: the target cannot be imported.
            ComponentError: its signature cannot be read.
        """
        target = self.load()
        with calling(self, "a signature that can be read"):
            return parameters_of(target, self._supplied(target))

    def _supplied(self, target: Any) -> tuple[str, ...]:
        return KINDS[self.kind].supplied_to(target)

    def takes(self, parameter: str) -> bool:
        """Whether the target has a parameter of that name.

        Raises:
            TargetError: the target cannot be imported.
        """
        return parameter in self.known_parameters()[0]

    def check(self, key: str = "") -> list[str]:
        """Load the target and return a line for each wrong parameter, nested ones included."""
        key = key or self.name
        try:
            target = self.load()
            with calling(self, "a signature that can be read"):
                _, problems = check_parameters(target, self.parameters, key, self._supplied(target))
        except SnnplugError as error:
            problems = [f"{key}: {error}"]
        for name, value in self.parameters.items():
            if isinstance(value, Component):
                problems += value.check(f"{key}.{name}")
        return problems

    def build(self, *args: Any, **more: Any) -> Any:
        """Call the target.

        Args:
            args: what the contract of the kind supplies, such as the task.
            more: parameters on top of, or in place of, those held.

        Raises:
            ParameterError: a parameter is unknown, missing, of the wrong type or out of range.
            TargetError: the target cannot be imported.
            ComponentError: it fails in any other way.
        """
        target = self.load()
        given = {**self.parameters, **more}
        with calling(self, f"to be built: {contract_of(self)}"):
            values, problems = check_parameters(target, given, self.key or self.name, self._supplied(target))
            if problems:
                raise ParameterError("\n".join(problems))
            try:
                if self.spec.function and asks(target):
                    return functools.partial(target, **values)
                return target(*args, **values)
            except SnnplugError:
                raise
            except (ValueError, TypeError) as error:
                raise ParameterError(self._explain(str(error), given)) from error

    def _explain(self, complaint: str, given: Mapping[str, Any]) -> str:
        """Put the recipe's key before a target's complaint, which begins with the parameter's name."""
        target = self.load()
        known, _ = parameters_of(target, self._supplied(target))
        parameter = complaint.split(" ", 1)[0]
        if parameter in known or parameter in given:
            return f"{self.key}.{complaint}" if self.key else f"{self.kind} {self.name!r}: {complaint}"
        return f"{self.key or self.kind}: {title(self)} could not be built: {' '.join(complaint.split())}"

    def with_parameters(self, **more: Any) -> Component:
        """Return the same use with some parameters replaced."""
        return attrs.evolve(self, parameters={**self.parameters, **more})

    def to_dict(self) -> dict[str, Any]:
        """Return `{"use": qualified name, **parameters}`, as saved in results and accepted in recipes."""
        parameters = {
            name: value.to_dict() if isinstance(value, Component) else value
            for name, value in self.parameters.items()
        }
        return {"use": self.qualified, **parameters}

    def walk(self) -> Iterator[Component]:
        """Yield this component and all nested ones."""
        yield self
        for value in self.parameters.values():
            if isinstance(value, Component):
                yield from value.walk()
