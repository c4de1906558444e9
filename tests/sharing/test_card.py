"""The model card: front matter that the hub reads, figures and sources of the run, and commands that work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import snnplug
from snnplug import Run
from snnplug.report.card import model_card
from snnplug.runs.export_records import ExportRecord, ExportsRecord, LayerAgreement, ReaderRecord


def front(card: str) -> dict[str, Any]:
    _, text, _ = card.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_hub_reads_its_front_matter(folder: Path, trained: Run) -> None:
    cards = pytest.importorskip("huggingface_hub.repocard")
    card = cards.ModelCard.load(folder / "README.md")
    assert card.data.library_name == "snnplug"
    assert card.data.tags == ["snn", "spiking-neural-network", "neuromorphic", "digits"]
    assert card.data.license is None and card.data.pipeline_tag == "image-classification"
    results = {result.metric_type: result for result in card.data.eval_results}
    summary = trained.summary
    assert results["accuracy"].metric_value == summary["accuracy"]["test"]
    assert results["accuracy"].dataset_name == "digits" and results["accuracy"].dataset_split == "test"
    assert results["spikes"].metric_value == summary["spikes_per_sample"]
    assert results["synaptic_operations"].metric_value == summary["synaptic_operations"]


def test_a_licence_stands_where_it_was_given(trained: Run, tmp_path: Path) -> None:
    folder = Path(trained.push("acme/x", license="cc-by-4.0", folder=tmp_path / "x", dry_run=True))
    assert front((folder / "README.md").read_text())["license"] == "cc-by-4.0"


def test_it_tells_the_result_with_its_interval_and_the_energy_with_its_constants(
    folder: Path, trained: Run
) -> None:
    card, summary = (folder / "README.md").read_text(), trained.summary
    low, high = summary["interval"]
    found = re.search(r"\| test accuracy \| ([\d.]+).%, 95 % interval ([\d.]+).% to ([\d.]+).% \|", card)
    assert found is not None
    told = [float(number) / 100 for number in found.groups()]
    assert told == pytest.approx([summary["accuracy"]["test"], low, high], abs=6e-4)
    assert f"| spikes a sample | {summary['spikes_per_sample']:,.3f} |" in card
    [energy] = summary["energy"]
    assert energy["reference"] in card and energy["node"] in card
    for item in energy["items"]:
        assert f"| {item['name']} | " in card
    assert re.search(r"\| 900.fJ \|", card), "what an accumulate costs, in 45 nm"


def test_it_tells_sources_versions_and_what_to_install(folder: Path, trained: Run) -> None:
    card = (folder / "README.md").read_text()
    for use in trained.records.resolved.components:
        assert f"`{use.use}`" in card
        assert use.use.rpartition(":")[0] in re.search(r"pip install (.*)", card)[1]
    assert "[arXiv:2007.05785](https://arxiv.org/abs/2007.05785)" in card  # of PLIF
    assert re.search(r"\| torch \| [\d.]+ \|", card)


def test_a_found_cell_is_told(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    run = run_of("searched")
    folder = Path(run.push("acme/cell", folder=tmp_path / "x", dry_run=True))
    card = (folder / "README.md").read_text()
    assert json.dumps(run.summary["search"]["best"]) in card
    assert "3 candidates drawn" in card
    for edge in run.summary["search"]["graph"]["edges"]:
        later = ", to the next time step" if edge["backward"] else ""
        assert f"| {edge['source']} | {edge['target']} | {edge['label']}{later} |" in card
    lines = (folder / "trials.jsonl").read_text().splitlines()
    assert len(lines) == len(run.trials) + len(run.rungs)
    assert {json.loads(line).get("rung", 0) for line in lines} == {0, 1}


def test_its_example_runs(folder: Path, trained: Run) -> None:
    import torch

    card = (folder / "README.md").read_text()
    code = re.search(r"```py\n(.*?)```", card, re.DOTALL)[1].replace("hf://acme/digits", str(folder))
    names = {"images": torch.rand(3, 1, 8, 8)}
    exec(compile(code, "card", "exec"), names)
    assert torch.equal(names["prediction"].labels, trained.predict(names["images"]).labels)
    assert isinstance(names["network"], torch.nn.Module)


def test_every_table_of_it_is_whole(run_of: Callable[[str], Run], tmp_path: Path) -> None:
    """A row with other cells than its header, or a table that touches a text, is not drawn as one."""
    for number, name in enumerate(("trained", "searched", "converted", "child of a supernet", "events")):
        folder = Path(run_of(name).push("acme/x", folder=tmp_path / str(number), dry_run=True))
        lines = (folder / "README.md").read_text().splitlines()
        blocks: list[list[str]] = [[]]
        for line in lines:
            blocks[-1].append(line) if line else blocks.append([])
        tables = [block for block in blocks if any(line.startswith("|") for line in block)]
        assert len(tables) >= 3
        for table in tables:
            assert all(line.startswith("|") and line.endswith("|") for line in table), table
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1, table
            assert set(table[1]) == {"|", "-"}, table
        assert "\n\n\n" not in "\n".join(lines)


def test_who_reads_the_exported_files_stands_in_it(trained: Run) -> None:
    import attrs

    readers = (
        ReaderRecord(
            name="a", version="2", state="equal", layers=(LayerAgreement(layer="output", share=1.0),)
        ),
        ReaderRecord(name="b", state="differs", layers=(LayerAgreement(layer="output", share=0.964),)),
        ReaderRecord(name="c", state="refused"),
        ReaderRecord(name="d", state="absent"),
    )
    export = ExportRecord(exporter="acme:arrays", version="1", file="exports/model.npz", readers=readers)
    card = model_card(attrs.evolve(trained.records, exports=ExportsRecord(exports=(export,))), repo="acme/x")
    assert "`exports/model.npz`, by acme:arrays 1:" in card
    for row in ("| a | 2 | all values equal |", "| c |  | not read |", "| d |  | not installed |"):
        assert row in card
    assert re.search(r"\| b \|  \| 96\.4.%", card)


def test_an_unmeasured_run_says_so(trained: Run) -> None:
    import attrs

    records = attrs.evolve(trained.records, summary=None)
    card = model_card(records, repo="acme/x")
    assert "It was not measured." in card and "model-index" not in front(card)
    assert snnplug.__version__ in card
