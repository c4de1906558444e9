"""Scorers against accuracies on toys: widths 1 to 12, of which 11 and 12 are one network."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from snnplug import Benchmark, BenchmarkSpec, Candidate, Registry, ScorerSpec, TrainedNetwork, digest
from snnplug.cli import main
from snnplug.engine.correlate import correlate
from snnplug.engine.scoring import workers
from snnplug.engine.scoring.workers import Workers
from snnplug.errors import ContractError, RecipeError, RunDirectoryError, UnknownName
from snnplug.report.correlation import predictor_table, to_record, write_scatter
from snnplug.statistics.predictors import Predictor, early_epochs, figures, layer_groups, unique


def network(width: int, accuracy: float, **more: Any) -> TrainedNetwork:
    return TrainedNetwork(
        id=str(width), genotype=width, key=digest(min(width, 11)), accuracy=accuracy, **more
    )


def widths(*, space: bool = True, count: int = 12) -> Benchmark:
    """The wider the better, but for the last, which is the eleventh trained once more."""
    accuracies = [0.5 + width / 32 for width in range(1, count + 1)]
    networks = tuple(
        network(i + 1, a, epochs=(0.5, a), facts={"parameters": float(i)}) for i, a in enumerate(accuracies)
    )
    idle = TrainedNetwork(id="idle", genotype=None, key="idle", accuracy=0.1, epochs=(0.1, 0.1))
    tables = {part: {"use": "toy"} for part in ("dataset", "encoder", "neuron", "loss")}
    search = {"search": {"strategy": {"use": "toy"}, **({"space": {"use": "toy"}} if space else {})}}
    return Benchmark(networks=(*networks, idle), recipe={**tables, **search}, note="13 networks of a toy")


class Narrow:
    """Better when lower: minus the width, but no score at width 3."""

    calls = 0

    def __init__(self, *, scale: float = 1.0) -> None:
        self.scale = scale

    def __call__(self, candidate: Candidate) -> float:
        Narrow.calls += 1
        return math.nan if candidate.genotype == 3 else -self.scale * candidate.genotype


@pytest.fixture
def registry(toy_registry: Registry) -> Registry:
    toy_registry.register(BenchmarkSpec(name="widths", target=widths, summary="Widths."))
    toy_registry.register(
        ScorerSpec(name="narrow", target=Narrow, summary="Minus the width.", higher_is_better=False)
    )
    Narrow.calls = 0
    return toy_registry


def run(registry: Registry, out: Path, *overrides: str, **options: Any) -> Any:
    options = {"scorers": ["narrow"], "sample": 8, **options}
    return correlate("widths", out=out, overrides=overrides, registry=registry, device="cpu", **options)


def test_scores_of_a_sample(registry: Registry, tmp_path: Path) -> None:
    found = run(registry, tmp_path / "out", sample=50)
    assert sorted(int(n.id) for n in found.networks) == list(range(1, 12))  # 12 is 11, idle is none
    assert [(p.name, p.kind, p.sign) for p in found.predictors[:2]] == [
        ("narrow", "scorer", -1.0),
        ("toy_size", "baseline", 1.0),
    ]
    rows = {p.name: figures(p, found.networks) for p in found.predictors}
    assert rows["narrow"]["networks"] == 10
    assert rows["narrow"]["tau"].value == rows["toy_size"]["tau"].value == rows["toy_size"]["rho"].value == 1
    assert rows["toy_size"]["regret"][1].value == 0
    assert rows["validation accuracy, epoch 1"]["tau"] is None  # constant
    assert rows["validation accuracy, epoch 2"]["tau"].value == 1
    assert all(p.per_second > 0 for p in found.predictors[:2])


def test_a_smaller_sample_is_part_of_a_larger_one_and_the_seed_decides(
    registry: Registry, tmp_path: Path
) -> None:
    few = run(registry, tmp_path / "a", sample=4).networks
    assert run(registry, tmp_path / "b", sample=6).networks[:4] == few
    assert run(registry, tmp_path / "c", "seed=1", sample=4).networks != few


def test_a_scorer_is_given_the_graph(registry: Registry, tmp_path: Path) -> None:
    def drawn(candidate: Candidate) -> float:
        (edge,) = candidate.graph().edges
        return float(edge.label.removeprefix("width "))

    registry.register(
        ScorerSpec(name="drawn", target=drawn, summary="The width that is drawn.", cost="model")
    )
    found = run(registry, tmp_path / "out", scorers=["drawn"])
    assert found.predictors[0].values == tuple(n.genotype for n in found.networks)


@pytest.mark.parametrize("name", ["settings.json", "scores.jsonl", "checksums.json"])
def test_a_damaged_file_is_named_or_does_no_harm(name: str, registry: Registry, tmp_path: Path) -> None:
    out, rng = tmp_path / "out", random.Random(name)
    right = [str(p.values) for p in run(registry, out, sample=3).predictors]
    content = {path.name: path.read_bytes() for path in out.iterdir()}
    refused = 0
    for _ in range(25):
        place = rng.randrange(len(content[name]))
        flipped = bytes([content[name][place] ^ 1 << rng.randrange(8)])
        damaged = content[name][:place] + flipped + content[name][place + 1 :]
        (out / name).write_bytes(rng.choice([damaged, damaged, content[name][:place], b"[3]\n"]))
        try:
            found = run(registry, out, sample=3)
        except RunDirectoryError as error:
            refused += 1
            assert f"{out / name} " in str(error)  # noqa: PT017 - whichever of the two it is
        else:
            assert [str(p.values) for p in found.predictors] == right
        for file, data in content.items():
            (out / file).write_bytes(data)
    assert refused >= 10


def test_continued_after_a_stop_in_the_middle_of_a_line(registry: Registry, tmp_path: Path) -> None:
    whole = run(registry, tmp_path / "whole")
    assert Narrow.calls == 8
    run(registry, tmp_path / "out", sample=3)
    with open(tmp_path / "out" / "scores.jsonl", "a") as journal:
        journal.write('{"id": "7", "scor')
    Narrow.calls = 0
    continued = run(registry, tmp_path / "out")
    assert Narrow.calls == 5
    assert continued.networks == whole.networks
    assert [str(p.values) for p in continued.predictors] == [str(p.values) for p in whole.predictors]


def test_number_of_workers_does_not_matter(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Counted(Workers):
        def __init__(self, parts: Any, scorers: Any, count: int, *more: Any) -> None:
            asked.append(count)
            super().__init__(parts, scorers, count, *more)

    monkeypatch.setattr(workers, "Workers", Counted)
    alone = run(registry, tmp_path / "one", scorers=["toy"])
    assert asked == []
    several = run(registry, tmp_path / "many", "search.workers=2", scorers=["toy"])
    assert several.networks == alone.networks
    assert [str(p.values) for p in several.predictors] == [str(p.values) for p in alone.predictors]
    lines = (tmp_path / "many" / "scores.jsonl").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 16  # of two scorers
    assert asked == [2]  # not for the baseline, which runs nothing


def test_a_scorer_with_other_parameters_is_scored_anew(registry: Registry, tmp_path: Path) -> None:
    run(registry, tmp_path / "out")
    found = run(registry, tmp_path / "out", "scorers.narrow.scale=2.0")
    assert Narrow.calls == 16
    assert found.predictors[0].values[0] == -2.0 * found.networks[0].genotype


def test_a_scorer_whose_files_have_changed_is_scored_anew(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(registry, tmp_path / "out")
    run(registry, tmp_path / "out")
    assert Narrow.calls == 8
    monkeypatch.setattr("snnplug.engine.scoring.networks.content_hash", lambda plugin: "other")
    run(registry, tmp_path / "out")
    assert Narrow.calls == 16
    run(registry, tmp_path / "out")
    assert Narrow.calls == 16


@pytest.mark.parametrize(
    ("overrides", "options", "error", "text"),
    [
        (["benchmark.size=3"], {}, RecipeError, "benchmark.size"),
        (["scorers.ghost.scale=3"], {}, RecipeError, "scorers.ghost: this scorer is not used"),
        (["scorers.narrow.scale=wide"], {}, RecipeError, "scorers.narrow.scale"),
        (["benchmark.space=false"], {}, RecipeError, "names no search space"),
        (["benchmark.count=1"], {}, ContractError, "at least 2"),
        ([], {"scorers": ["narow"]}, UnknownName, "narrow"),
    ],
)
def test_mistakes_leave_nothing_behind(
    registry: Registry, tmp_path: Path, overrides: list[str], options: dict[str, Any], error: Any, text: str
) -> None:
    with pytest.raises(error, match=text):
        run(registry, tmp_path / "out", *overrides, **options)
    assert not (tmp_path / "out").exists()


def test_directory_of_something_else(registry: Registry, tmp_path: Path) -> None:
    run(registry, tmp_path / "out", sample=2)
    with pytest.raises(RunDirectoryError, match=r"another neuron.*choose another --out"):
        run(registry, tmp_path / "out", "neuron.tau=3.0")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(RunDirectoryError, match="is no correlation"):
        run(registry, tmp_path / "mine")


def test_command(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "from_installed", lambda *_, **__: registry)
    out = tmp_path / "out"
    call = [
        "correlate",
        "--benchmark",
        "widths",
        "--scorer",
        "narrow",
        "--sample",
        "9",
        "--out",
        str(out),
        "-q",
    ]
    done = CliRunner().invoke(main, [*call, "--device", "cpu"])
    assert done.exit_code == 0, done.output
    assert "9 functionally different networks, drawn with seed 0" in done.output
    assert "| toy_size | baseline | 1.000 [1.00, 1.00] |" in done.output
    assert "| predictor | tau, all 12 [95 %] | tau, 11 different [95 %] |" in done.output
    assert "trained otherwise" not in done.output
    assert (out / "correlate.md").read_text().rstrip() == done.output.rstrip()
    assert "<svg" in (out / "correlate.svg").read_text()
    record = json.loads((out / "correlate.json").read_text())
    assert len(record["networks"]) == 9
    assert record["scores"][1]["tau"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert record["settings"]["benchmark"] == {"use": "local:widths"}
    table = CliRunner().invoke(main, ["correlate", "--benchmark", "widths", "--no-scorers", "--json", "-q"])
    assert json.loads(table.output)["all"][0]["networks"] == 12


def test_networks_trained_for_longer_are_named_and_left_out_beside(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def longer() -> Benchmark:
        one = widths()
        networks = [
            attrs.evolve(n, epochs=(*n.epochs, n.accuracy)) if n.id in ("4", "9") else n for n in one.networks
        ]
        return attrs.evolve(one, networks=tuple(networks))

    registry.register(BenchmarkSpec(name="longer", target=longer, summary="Two were trained for longer."))
    monkeypatch.setattr(Registry, "from_installed", lambda *_, **__: registry)
    call = ["correlate", "--benchmark", "longer", "-q"]
    table = CliRunner().invoke(main, [*call, "--no-scorers"]).output
    assert "2 of these 11 were trained otherwise than the others:\n\n- 2: 3 epochs\n" in table
    assert "The 9 trained alike" in table and "tau, 9 different" in table
    out = tmp_path / "out"
    scored = [*call, "--scorer", "narrow", "--sample", "50", "--out", str(out), "--device", "cpu", "--json"]
    record = json.loads(CliRunner().invoke(main, scored).output)
    counts = {name: [row["networks"] for row in record[name]] for name in ("scores", "scores_alike")}
    assert counts["scores"][:2] == [10, 11] and counts["scores_alike"][:2] == [8, 9]
    assert record["table"]["configurations"]["other"] == {"4": "3 epochs", "9": "3 epochs"}


def test_predictors_of_the_table_by_hand() -> None:
    networks = [
        network(1, 0.5, epochs=(0.1, 0.2), facts={"spiking_layers": 3.0}),
        network(2, 0.6, epochs=(0.3, 0.2, 0.4), facts={"spiking_layers": 3.0}),
        network(3, 0.7, epochs=(0.2, 0.3), facts={"spiking_layers": 5.0}),
    ]
    epochs = early_epochs(networks)
    assert [(p.name, p.values) for p in epochs] == [
        ("validation accuracy, epoch 1", (0.1, 0.3, 0.2)),
        ("validation accuracy, epoch 2", (0.2, 0.2, 0.3)),
    ]
    row = figures(epochs[0], networks, layer_groups(networks))
    assert row["tau"].value == pytest.approx(1 / 3)  # of three pairs two agree
    assert row["tau_equal_layers"].value == 1  # the one pair with 3 layers agrees
    assert row["regret"][1].value == pytest.approx(0.1)
    assert layer_groups([network(1, 0.5)], [Predictor(name="spiking_layers", values=(7.0,))]) == (7.0,)
    assert [n.id for n in unique([network(11, 0.5), network(12, 0.6), network(1, 0.5)])] == ["11", "1"]


def test_tables_are_sorted_and_say_what_is_missing(tmp_path: Path) -> None:
    networks = [network(width, 0.5 + width / 32) for width in range(1, 5)]
    predictors = [
        Predictor(name="bad", values=(4.0, 3.0, 2.0, 1.0), kind="scorer", per_second=2.5),
        Predictor(name="good", values=(-math.inf, 2.0, 3.0, math.nan), kind="scorer"),
        Predictor(name="none", values=(math.nan,) * 4),
    ]
    rows = [figures(predictor, networks) for predictor in predictors]
    lines = predictor_table(rows, scored=True).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| good (1 without a score)",
        "| bad",
        "| none (4 without a score)",
    ]
    overlap, regret, speed = lines[1].strip("| ").split(" | ")[-3:]
    assert overlap.startswith("0% [")
    assert regret.startswith("9.38 [")  # 3/32 of an accuracy, in points
    assert speed == "2.5"
    assert to_record(rows)[2]["tau"] is None
    assert to_record(rows)[1]["regret"]["1"]["value"] == 0
    assert predictor_table([]) == ""
    write_scatter(predictors, networks, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_scatter_has_no_empty_picture(tmp_path: Path) -> None:
    networks = [network(width, width / 10) for width in range(1, 4)]
    predictors = [
        Predictor(name=f"p{i}", values=(1.0, 2.0, 3.0), sign=1.0, kind="scorer", per_second=1.0)
        for i in range(5)
    ]
    write_scatter(predictors, networks, tmp_path / "five.svg")
    svg = (tmp_path / "five.svg").read_text()
    assert svg.count('<g id="axes_') == 5  # of 2 lines of 4


def test_only_what_scoring_needs_must_be_installed(registry: Registry, tmp_path: Path) -> None:
    whole = run(registry, tmp_path / "whole")
    for kind in ("strategy", "loss", "energy_model", "architecture"):
        registry._by_kind[kind].clear()
    few = run(registry, tmp_path / "few")
    assert [str(p.values) for p in few.predictors] == [str(p.values) for p in whole.predictors]
    registry._by_kind["encoder"].clear()
    with pytest.raises(RecipeError, match=r"encoder\.use: unknown encoder"):
        run(registry, tmp_path / "none")
