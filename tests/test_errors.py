from __future__ import annotations

import inspect
import pickle
import re

import pytest

from snnplug import errors
from snnplug.errors import (
    DataError,
    ExportError,
    RecipeError,
    SnnplugError,
    UsageError,
    did_you_mean,
    one_line,
)

TREE = {
    name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, SnnplugError)
}


def test_the_tree_is_drawn_as_it_is():
    drawn: dict[str, str] = {}
    parents: dict[int, str] = {}
    for indent, name in re.findall(r"^( +)(\w*[A-Z]\w+)(?:  .*)?$", errors.__doc__, re.MULTILINE):
        parents[len(indent)] = name
        drawn[name] = parents.get(len(indent) - 2, "Exception")
    assert drawn == {name: cls.__bases__[0].__name__ for name, cls in TREE.items()}


@pytest.mark.parametrize("name", TREE)
def test_each_error(name):
    cls = TREE[name]
    assert cls.__doc__
    assert cls.exit_code == (2 if issubclass(cls, UsageError) else 1)
    error = cls(["first", "second"]) if cls in (RecipeError, ExportError) else cls("what was given")
    copy = pickle.loads(pickle.dumps(error))  # errors come back from worker processes
    assert type(copy) is cls
    assert str(copy) == str(error)
    assert str(error) in ("what was given", "first\nsecond")


def test_recipe_error_keeps_its_problems():
    error = RecipeError(line for line in ("first", "second"))
    assert error.problems == ("first", "second")
    assert pickle.loads(pickle.dumps(error)).problems == ("first", "second")


def test_component_error_keeps_what_it_knows():
    error = pickle.loads(pickle.dumps(errors.ComponentError("what was given", "Traceback", "acme")))
    assert (str(error), error.details, error.plugin) == ("what was given", "Traceback", "acme")


def test_errors_are_the_natural_builtins_too():
    assert issubclass(errors.UnknownName, LookupError)
    assert issubclass(errors.ParameterError, ValueError)
    assert issubclass(errors.TargetError, ImportError)
    assert issubclass(errors.ContractError, TypeError)
    assert issubclass(DataError, FileNotFoundError)
    assert str(DataError()) == ""


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("plff", " Did you mean 'plif'?"),
        ("PLIF", " Did you mean 'plif'?"),
        ("epoch", " Did you mean 'Epochs'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_did_you_mean(given, hint):
    assert did_you_mean(given, iter(["plif", "random", "Epochs"])) == hint


def test_did_you_mean_with_a_stricter_cutoff():
    assert did_you_mean("plifs", ["plif"], cutoff=0.95) == ""
    assert did_you_mean("plif", []) == ""


def test_one_line():
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError

    assert one_line(ValueError("a\n  b\tc")) == "ValueError: a b c"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(Unprintable()) == "Unprintable"
