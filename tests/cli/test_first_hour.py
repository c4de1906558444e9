"""The commands of a first hour, right and wrong ones, in the order in which somebody types them.

None runs anything other than what was typed: of each run that starts, what it has recorded is looked at;
those that are refused make no directory.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("snnplug_snasnet", reason="the default recipe needs the first plugins")

from snnplug.cli import main

SMALL = (
    "-s search.strategy.draws=3 -s search.scorer.steps=2 -s search.space.channels=4 "
    "-s train.epochs=1 -s train.compare.random=0 -s train.compare.architectures=[] -s measure.samples=32 "
    "--device cpu"
)
PLIF = 'neuron = "plif"\n'


@attrs.frozen
class Typed:
    """A command with its answer.

    Attributes:
        line: as typed, `{small}` for settings that make a run quick.
        says: parts of what is printed.
        code: exit code.
        makes: directory that it leaves.
        holds: key of the resolved recipe to what must stand there.
    """

    line: str
    says: tuple[str, ...] = ()
    code: int = 0
    makes: str = ""
    holds: dict[str, Any] = attrs.field(factory=dict)


DID = "Did you mean"
HOUR = (
    Typed("--version", ("0.",)),
    Typed("--help", ("run", "list", "new", "compare")),
    Typed("run --help", ("--from", "--resume", "Examples")),
    Typed("list", ("snnplug-lif", "lif", "plif")),
    Typed("list --kind neurons", ("plif",)),
    Typed("list --kind neurn", (DID, "'neuron'"), 2),
    Typed("show neuron lif", ("tau", "threshold", "Gerstner")),
    Typed("show neurons lif", ("tau", "threshold")),
    Typed("show neuron lfi", (DID, "'lif'"), 2),
    Typed("show lif", ("Missing argument",), 2),
    Typed("recipes", ("default", "mnist_snn")),
    Typed("recipes default", ("[search]",)),
    Typed("recipes defualt", (DID, "'default'"), 2),
    Typed("check default", ("no problems",)),
    Typed("check -s neuron.tau=0.5", ("neuron.tau", "0.5", "above 1"), 2),
    Typed("check -s neuron.tau=fast", ("neuron.tau: 'fast' is not a number",), 2),
    Typed("check nowhere.toml", ("no recipe file 'nowhere.toml'",), 2),
    Typed("rnu", (DID, "'run'"), 2),
    Typed("run defualt", (DID, "'default'"), 2),
    Typed("run -s neuron.use=plf {small}", (DID, "'plif'"), 2),
    Typed("run -s neuron.use=plif -s neuron.taau=3.0 {small}", ("neuron.taau", DID, "'tau'"), 2),
    Typed("run -q -s neuron.use=plif -s neuron.taau=3.0 {small}", ("neuron.taau", DID, "'tau'"), 2),
    Typed("run -s nueron.tau=3.0 {small}", ("unknown key 'nueron'", DID, "'neuron'"), 2),
    Typed("run -s train.epochs {small}", ("not of the form key=value",), 2),
    Typed("run {small} -s train.epochs=many", ("train.epochs", "'many'"), 2),
    Typed("run {small} -s train.epochs=0", ("train.epochs", "0"), 2),
    Typed("run {small} -s train.optimizer=adamv", ("adamv",), 2),
    Typed("run --device tpu", ("tpu",), 2),
    Typed("run mnist_snn", ("root",), 2),
    Typed(
        "run plif.toml {small} --out first",
        ("plif: digits, direct, snasnet of plif", "test accuracy", "found", "first"),
        makes="first",
        holds={"neuron": {"use": "snnplug-plif:plif"}, "train.epochs": 1, "search.strategy.draws": 3},
    ),
    Typed("run plif.toml {small} --out first", ("first",), 2),
    Typed(
        "run {small} -s neuron.use=if --out second",
        ("neuron is now if: left out neuron.tau",),
        makes="second",
        holds={"neuron": {"use": "snnplug-lif:if"}},
    ),
    Typed("run --resume first", ("test accuracy",), holds={"neuron": {"use": "snnplug-plif:plif"}}),
    Typed("run --resume nowhere", ("there is no run directory nowhere",), 2),
    Typed("run --resume first -s train.epochs=9", ("--from DIR makes a new run",), 2),
    Typed("run first", ("cannot read the recipe 'first'",), 2),
    Typed(
        "run --from first -s train.epochs=2 --out longer --device cpu",
        ("longer",),
        makes="longer",
        holds={"train.epochs": 2, "neuron": {"use": "snnplug-plif:plif"}},
    ),
    Typed(
        "run --from first --candidate 1 -s neuron.use=lif --out other --device cpu",
        ("other",),
        makes="other",
        holds={"neuron": {"use": "snnplug-lif:lif"}, "train.epochs": 1, "architecture.space.channels": 4},
    ),
    Typed("run --from first --candidate 99 --out x", ("99 is no candidate of first",), 2),
    Typed("run --from first --candidate pareto --out x", ("no Pareto front",), 2),
    Typed("compare first second longer --sort 'test accuracy'", ("neuron", "first", "longer")),
    Typed("compare first --sort acuracy", (DID,), 2),
    Typed("export-table first trials", ("genotype",)),
    Typed("energy first --models loihi", ("loihi",)),
    Typed("replay first --out again --device cpu -q", ("identical",), makes="again"),
    Typed("new acme-neurons --kind nuron", (DID, "'neuron'"), 2),
    Typed("new acme-neurons --kind neuron", ("Next:", "pytest"), makes="acme-neurons"),
    Typed("completion bash", ("complete",)),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a recipe of one line, in which all commands are typed."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "plif.toml").write_text(PLIF)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def typed(desk: Path) -> Callable[[int], Any]:
    """Return a function that types all commands up to one of them, each once, and returns its answer."""
    answers: list[tuple[Any, set[str]]] = []

    def answer(number: int) -> Any:
        while len(answers) <= number:
            before = {path.name for path in desk.iterdir()}
            line = HOUR[len(answers)].line.format(small=SMALL)
            result = CliRunner().invoke(main, shlex.split(line))
            answers.append((result, {path.name for path in desk.iterdir()} - before))
        return answers[number]

    return answer


@pytest.mark.parametrize("number", range(len(HOUR)), ids=[typed.line for typed in HOUR])
def test_answer(typed: Callable[[int], Any], desk: Path, number: int) -> None:
    command = HOUR[number]
    result, made = typed(number)
    assert result.exit_code == command.code, result.output
    assert "Traceback" not in result.output
    for part in command.says:
        assert part in result.output
    assert made == ({command.makes} if command.makes else set())
    if command.holds:
        where = command.makes or shlex.split(command.line)[-1]
        recipe = json.loads((desk / where / "resolved.json").read_text())["recipe"]
        for key, expected in command.holds.items():
            value: Any = recipe
            for part in key.split("."):
                value = value[part]
            assert value == expected


@pytest.mark.parametrize("number", [n for n, typed in enumerate(HOUR) if typed.code == 2])
def test_a_mistake_is_said_once(typed: Callable[[int], Any], number: int) -> None:
    result, _ = typed(number)
    lines = [line for line in result.stderr.splitlines() if line.startswith(("snnplug: ", "Error: "))]
    assert len(lines) == 1
    assert not result.stdout.strip()


def test_forty_are_typed() -> None:
    assert len(HOUR) >= 40
