from __future__ import annotations

from snnplug.registry.docstrings import descriptions


class Base:
    """A base.

    Attributes:
        tau: in time steps,
            above 1.
        old: what the other one says anew.
    """


class Thing(Base):
    """A thing.

    Args:
        old: said anew.
        low, high: bounds.
        size (int): in pixels.

    Raises:
        ValueError: no parameter of it.
    """


def function() -> None:
    """Nothing to say of parameters."""


def test_what_a_docstring_says() -> None:
    assert descriptions(Thing) == {
        "tau": "in time steps, above 1.",
        "old": "said anew.",
        "low": "bounds.",
        "high": "bounds.",
        "size": "in pixels.",
    }
    assert descriptions(function) == descriptions(lambda: None) == {}
