"""What the conformance classes of all kinds share. Imports no torch."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from snnplug.registry.component import Component
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["Conformance"]


class Conformance:
    """Base of the conformance classes of the kinds.

    The thing under test comes from the fixture `installed_registry`. To test what is not
    installed, override that fixture in the module:

        @pytest.fixture
        def installed_registry():
            registry = Registry()
            registry.register(NeuronSpec(name="mine", target=Mine, summary="A neuron of mine."), plugin="me")
            return registry

    Attributes:
        kind: the kind, set by the subclass of each kind.
        name: registered name, best qualified: `"acme-neurons:my_lif"`.
        params: parameters to test with; every check runs once with each.
    """

    kind: ClassVar[str] = ""
    name: ClassVar[str] = ""
    params: ClassVar[Sequence[Mapping[str, Any]]] = ({},)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check that uses a component once for every entry of `params`."""
        if "parameters" in metafunc.fixturenames:
            metafunc.parametrize("parameters", self.params, ids=map(_label, self.params))

    @pytest.fixture
    def registration(self, installed_registry: Registry) -> Registration:
        """Return the registration under test."""
        return installed_registry.find(self.kind, self.name)

    @pytest.fixture
    def component(self, installed_registry: Registry, parameters: Mapping[str, Any]) -> Component:
        """Return the component under test, with the parameters of this run."""
        return installed_registry.use(self.kind, self.name, **parameters)

    def test_parameters_are_accepted(self, component: Component) -> None:
        """The target takes the parameters, and they have the annotated types."""
        problems = component.check()
        assert not problems, (
            f"{_lines(problems)}\nEach entry of `params` must hold keyword-only arguments of the target, of "
            "their annotated types; those without a default must be in all of them"
        )

    def test_unknown_parameter_is_refused(self, component: Component) -> None:
        """A misspelled parameter is an error, not silence."""
        problems = component.with_parameters(no_such_parameter=1).check()
        assert any("no_such_parameter" in line for line in problems), (
            "a parameter no_such_parameter = 1 was accepted; name the keyword-only arguments one by one, "
            "without **kwargs, which hide what a user misspells"
        )

    def test_component_is_picklable(self, component: Component) -> None:
        """A component can be sent to another process."""
        copy: Component = pickle.loads(pickle.dumps(component))
        assert copy.to_dict() == component.to_dict(), (
            f"sent to another process, {component.to_dict()} arrives as {copy.to_dict()}; parameters must be "
            "plain data: numbers, texts, lists, tables and other components"
        )
        assert copy.load() is component.load(), (
            f"the target of {self.name!r} is another object in each import; give it as "
            "'package.module:Attribute', defined at the top of its module"
        )


def _lines(problems: Sequence[object]) -> str:
    return "\n".join(map(str, problems))


def _label(parameters: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in parameters.items()) or "defaults"
