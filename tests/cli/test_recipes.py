from __future__ import annotations

import json
import tomllib

from click.testing import CliRunner

from snnplug.cli import main
from snnplug.recipe.built_in import DEFAULT, built_in_recipes, load_built_in


def invoke(*args, code=0):
    result = CliRunner().invoke(main, ["recipes", *args])
    assert result.exit_code == code, result.output
    return result


def test_all_with_their_first_lines():
    lines = invoke().stdout.splitlines()
    assert lines[0].split() == ["recipe", "summary"]
    assert [line.split()[0] for line in lines[1:]] == list(built_in_recipes())
    assert lines[1].startswith(f"{DEFAULT}  ")
    assert "Search, train and measure" in lines[1]
    assert json.loads(invoke("--json").stdout)[0] == {"name": DEFAULT, "summary": lines[1].split("  ")[-1]}


def test_one_is_printed_as_it_is_written():
    assert tomllib.loads(invoke("events").stdout) == load_built_in("events")
    [one] = json.loads(invoke("events", "--json").stdout)
    assert tomllib.loads(one["text"]) == load_built_in("events")


def test_an_unknown_one():
    error = invoke("evnets", code=2).stderr
    assert error == (
        "snnplug: no built-in recipe 'evnets'. Did you mean 'events'? All of them: snnplug recipes\n"
    )
