"""Parameters read from source are those of the real signature."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from snnplug import KINDS, Registry
from snnplug.registry.parameters import parameters_of
from snnplug.registry.unloaded import parameters_in_source

SOURCE = """
import functools
from typing import Annotated, Literal, TypeAlias
import attrs
from torch import nn
from {package}.more import Elsewhere, Reset as Rule
from .more import make_one

Mode: TypeAlias = Literal["a", "b"]

class Base:
    def __init__(self, *, tau: float = 2.0, mode: Mode = "a", rule: Rule = "x"): ...

class Inherits(Base):
    pass

class Nothing:
    pass

class Foreign(nn.Module):
    pass

@attrs.frozen
class Record:
    space: object
    seed: int
    draws: int = 4
    hidden: int = attrs.field(init=False, default=0)

@attrs.frozen(kw_only=True)
class More(Record):
    extra: str = ""

def function(task, rate: float, *, steps=3): ...

made = functools.partial(function, None)
"""
ELSEWHERE = """
from typing import Literal
Reset = Literal["x", "y"]
class Elsewhere:
    def __init__(self, beta): ...
def make_one(gamma: int): ...
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"written_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "things.py").write_text(SOURCE.format(package=name))
    (folder / "more.py").write_text(ELSEWHERE)
    (tmp_path / f"{name}_alone.py").write_text("def alone(x: bool): ...")
    (folder / "broken.py").write_text("def broken(:")
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(
    ("target", "supplied", "found"),
    [
        ("things:Base", (), {"tau": "float", "mode": "Literal['a', 'b']", "rule": "Literal['x', 'y']"}),
        ("things:Inherits", (), {"tau": "float", "mode": "Literal['a', 'b']", "rule": "Literal['x', 'y']"}),
        ("things:Nothing", (), {}),
        ("things:Foreign", (), None),
        ("things:Record", ("space", "seed"), {"draws": "int"}),
        ("things:More", (), {"space": "object", "seed": "int", "draws": "int", "extra": "str"}),
        ("things:function", ("task",), {"rate": "float", "steps": ""}),
        ("things:made", (), None),
        ("things:absent", (), None),
        ("things:Elsewhere", (), {"beta": ""}),
        ("things:make_one", (), {"gamma": "int"}),
        ("broken:broken", (), None),
        ("absent:thing", (), None),
    ],
)
def test_what_the_text_says(package: str, target: str, supplied: tuple[str, ...], found: object) -> None:
    assert parameters_in_source(f"{package}.{target}", supplied) == found
    assert package not in sys.modules


def test_a_module_without_a_package(package: str) -> None:
    assert parameters_in_source(f"{package}_alone:alone") == {"x": "bool"}
    assert parameters_in_source("nowhere_to_be_found:x") is None


def test_all_that_is_installed() -> None:
    pytest.importorskip("torch")
    registry = Registry.from_installed(quiet=True)
    if not len(registry):
        pytest.skip("no plugin is installed")
    for registration in registry:
        supplied = KINDS[registration.kind].supplied
        read = parameters_in_source(str(registration.spec.target), supplied)
        known, _ = parameters_of(registration.load(), supplied)
        assert read is not None, registration.qualified
        assert list(read) == list(known), registration.qualified
