"""Exporters in the engine: what is written, who reads it back, and exporters and readers that misbehave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("snnplug_datasets")

import snnplug
from snnplug import Exported, ExporterSpec, Reader, Registry
from snnplug.engine.agreement import agreements, cause
from snnplug.engine.read_back import Place, Refused, places, read_back, version_there
from snnplug.errors import ComponentError, ExportError, RecipeError, RunDirectoryError, StorageError
from snnplug.runs.export_records import LayerAgreement, MarginRecord
from snnplug.runs.reading import Records

RECIPE = """
dataset = { use = "digits", val_fraction = 0.1 }
neuron = "lif"
architecture = { use = "vgg", layers = [4, "M"], pooling = "avg" }
train = { epochs = 1, batch_size = 256 }
"""
READS = """
import sys
import numpy as np
held = np.load(sys.argv[1])
x = np.load(sys.argv[2])["x"]
{does}
np.savez(sys.argv[3], **answer)
"""


class Arrays:
    """Writes weights, and does otherwise where it is told to."""

    suffix: Any = ".npz"
    does = "answer = dict(held)"
    folder = Path()

    def __init__(self, *, way: str = "") -> None:
        self.way = way
        script = self.folder / "read.py"
        script.write_text(READS.format(does=self.does))
        self.readers: Any = [Reader(name="np", module="numpy", distribution="numpy", script=script)]
        if way == "no readers":
            self.readers = "none"
        if way == "no suffix":
            self.suffix = None

    def __call__(self, network: Any, x: Any, path: Path) -> Any:
        held = {name: value.numpy() for name, value in network.state_dict().items()}
        if self.way == "raises":
            path.write_text("half")
            raise KeyError("a thing")
        if self.way == "refuses":
            raise ExportError(["one thing", "another thing"])
        np.savez(path, **held)
        if self.way == "none":
            return None
        if self.way == "elsewhere":
            return Exported(files=[Path(sys.executable)])
        if self.way == "spikes":
            return Exported(files=[path], notes=["a note"])
        return Exported(files=[path], expected=held, notes=["a note"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    (folder / "recipe.toml").write_text(RECIPE)
    snnplug.run(folder / "recipe.toml", out=folder / "run", device="cpu")
    return folder / "run"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(Arrays, "folder", tmp_path)
    found = Registry.from_installed(quiet=True)
    found.register(
        ExporterSpec(name="arrays", target=Arrays, summary="Arrays."), plugin="acme-arrays", version="1"
    )
    return found


def export(run: Path, registry: Registry, way: str = "", **asked: Any) -> Any:
    return snnplug.load(run, registry=registry).export({"use": "arrays", "way": way}, **asked)


def test_what_is_written_stands_in_the_run(run: Path, registry: Registry) -> None:
    before = (run / "summary.json").read_bytes()
    record = export(run, registry)
    assert record.file == "exports/model.npz" and list(record.files) == ["model.npz"]
    assert (run / "exports" / "model.npz").is_file()
    assert [file.name for file in (run / "exports").iterdir()] == ["model.npz"]
    [reader] = record.readers
    assert reader.state == "equal" and reader.share == 1 and reader.version == np.__version__
    assert record.samples == 8 and record.steps == 4 and record.inputs == "test" and record.weights
    records = Records.read(run)
    assert not records.problems and records.exports is not None
    assert records.exports.exports == (record,)
    assert (run / "summary.json").read_bytes() == before
    page = (run / "report.html").read_text()
    assert "exports/model.npz" in page and "all equal" in page and "a note" in page


def test_another_file_stands_beside_it_and_the_same_in_its_place(
    run: Path, registry: Registry, tmp_path: Path
) -> None:
    export(run, registry)
    export(run, registry, out=tmp_path / "mine.npz", samples=3)
    export(run, registry, samples=2, verify=False)
    records = Records.read(run)
    assert records.exports is not None
    assert [(one.file, one.samples) for one in records.exports.exports] == [
        ("mine.npz", 3),
        ("exports/model.npz", 2),
    ]
    assert records.exports.exports[1].readers == ()


def test_readers_that_differ_are_told_where(
    run: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Arrays, "does", "answer = {k: v + (k.endswith('bias')) for k, v in held.items()}")
    [reader] = export(run, registry).readers
    assert reader.state == "differs" and reader.share == 0 and "it differs first in" in reader.said
    assert {layer.layer for layer in reader.layers if layer.differing} == {
        layer.layer for layer in reader.layers if layer.layer.endswith("bias")
    }


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("answer = {}", "it answered nothing, where"),
        ("answer = {k: v[None, :0] for k, v in held.items() if v.ndim}", "was expected"),
        ("raise ValueError('no such thing')", "ValueError: no such thing"),
        ("sys.exit('what I say')", "what I say"),
        ("import os; os.kill(os.getpid(), 9)", "it ended with status -9"),
        ("sys.exit(0)", "it ended with status 0"),
    ],
)
def test_readers_that_fail_are_told_in_a_line(
    does: str, said: str, run: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Arrays, "does", does)
    [reader] = export(run, registry).readers
    assert reader.state == "refused" and said in reader.said and "\n" not in reader.said


@pytest.mark.parametrize(
    ("way", "error", "said"),
    [
        ("raises", ComponentError, r"exporter acme-arrays:arrays 1 raised KeyError.*; expected"),
        ("none", ComponentError, r"gave None; expected a snnplug.Exported"),
        ("elsewhere", ComponentError, r"expected paths of files beside the one"),
        ("no readers", ComponentError, r"gave 'none'; expected a list of snnplug.Readers"),
        ("no suffix", ComponentError, r"gave None; expected a suffix"),
        ("refuses", ExportError, r"^one thing\nanother thing$"),
    ],
)
def test_exporters_that_misbehave_leave_nothing(
    way: str, error: type[Exception], said: str, run: Path, registry: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    with pytest.raises(error, match=said):
        export(run, registry, way, out=folder / "model.npz")
    assert not folder.exists() or not list(folder.iterdir())


def test_the_output_is_compared_where_nothing_else_is_expected(
    run: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Arrays, "does", "answer = {'output': np.zeros((*x.shape[:2], 10))}")
    record = export(run, registry, "spikes")
    assert record.readers[0].state == "differs"
    assert [layer.layer for layer in record.readers[0].layers] == ["output"]
    assert record.margins and all(margin.all for margin in record.margins)


def test_readers_are_named_with_their_python(run: Path, registry: Registry) -> None:
    [reader] = export(run, registry, readers=[f"np={sys.executable}"]).readers
    assert reader.state == "equal" and reader.python and reader.version == np.__version__
    with pytest.raises(RecipeError) as caught:
        export(run, registry, readers=["nnp", "np=/no/such/python"])
    assert caught.value.problems == (
        "no reader 'nnp' of this format. Did you mean 'np'? Readers: np",
        "the reader np is to run in '/no/such/python', which is no Python that can be started",
    )


def test_readers_that_are_not_installed_are_told(
    run: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Reader(name="none", module="no_such_module", distribution="none", script=Path("x"))
    assert version_there(Place(absent)) == "" and version_there(Place(absent, sys.executable)) == ""
    assert places({"none": absent}, ()) == [Place(absent)]


def test_what_cannot_be_written_is_said(run: Path, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        export(run, registry, out=tmp_path / "file" / "model.npz")
    with pytest.raises(RunDirectoryError):
        snnplug.load(tmp_path).export("arrays")


def test_no_file_of_the_run_is_overwritten(run: Path, registry: Registry) -> None:
    before = (run / "checkpoint.pt").read_bytes()
    for out in (run / "checkpoint.pt", run / "new.npz", run / "exports" / ".." / "summary.json"):
        with pytest.raises(RecipeError, match="is among the run's own files; name one in exports/ of it"):
            export(run, registry, out=out)
    assert (run / "checkpoint.pt").read_bytes() == before and not (run / "new.npz").exists()
    assert export(run, registry, out=run / "exports" / "mine.npz").file == "mine.npz"
    (run / "exports" / "folder.npz").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        export(run, registry, out=run / "exports" / "folder.npz")


def test_what_an_exporter_does_to_the_network_is_not_what_readers_are_held_against(
    run: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Arrays.__call__

    def changing(self: Arrays, network: Any, x: Any, path: Path) -> Any:
        for value in network.parameters():
            value.zero_()
        return written(self, network, x, path)

    clean = export(run, registry, "spikes", verify=False)
    monkeypatch.setattr(Arrays, "__call__", changing)
    changed = export(run, registry, "spikes", verify=False)
    assert changed.weights == clean.weights and changed.margins == clean.margins
    assert changed.files != clean.files


def test_a_run_without_its_data_is_verified_on_noise(
    run: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snnplug.engine import export as module
    from snnplug.errors import DataError

    def gone(*_: Any) -> Any:
        raise DataError("the data are gone")

    monkeypatch.setattr(module, "with_samples", gone)
    assert export(run, registry).inputs == "noise"


def test_a_reader_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snnplug.engine import read_back as module

    monkeypatch.setattr(module, "_LIMIT", 0.5)
    script = tmp_path / "slow.py"
    script.write_text("import time; time.sleep(60)")
    reader = Reader(name="slow", module="json", distribution="json", script=script)
    with pytest.raises(Refused, match=r"more than 0\.5 seconds"):
        read_back(Place(reader), tmp_path, tmp_path, tmp_path / "result.npz")


def test_spikes_are_compared_to_the_last_bit_and_values_to_digits() -> None:
    spikes = np.array([[[0.0, 1.0]], [[1.0, 1.0]]])
    values = np.array([[[0.5, 1000.0]], [[2.0, 3.0]]])
    other = spikes.copy()
    other[1, 0, 0] = 0
    first, second = agreements({"a": spikes, "output": values}, {"a": other, "output": values * (1 + 1e-5)})
    assert first == LayerAgreement(layer="a", share=0.75, differing=1, step=1)
    assert second == LayerAgreement(layer="output", share=1.0)
    [third] = agreements({"output": values}, {"output": values + 0.1})
    assert third.share == 0.25 and third.step == 0  # of the thousand 0.1 is rounding
    with pytest.raises(ValueError, match="it answered b, where a, output was expected"):
        agreements({"a": spikes, "output": values}, {"b": spikes})


def test_the_cause_is_ties_rounding_or_what_the_reader_is_known_for() -> None:
    layers = [LayerAgreement(layer="a", share=1.0), LayerAgreement(layer="b", share=0.9, differing=4, step=2)]
    ties = {"b": MarginRecord(layer="b", ties=5, close=5, all=100)}
    rounding = {"b": MarginRecord(layer="b", ties=0, close=4, all=100)}
    assert "differs first in b in step 2; 5 of its 100 potentials equal the threshold" in cause(
        layers, ties, "x"
    )
    assert "4 of its 100 potentials lie within rounding" in cause(layers, rounding, "x")
    assert (
        cause(layers, {}, "it is slow") == "it differs first in b in step 2; known of this reader: it is slow"
    )


def test_a_damaged_record_is_said(run: Path, registry: Registry) -> None:
    export(run, registry)
    text = (run / "exports.json").read_text()
    (run / "exports.json").write_text(text[:-20])
    assert "exports.json" in Records.read(run).problems
    export(run, registry)
    assert not Records.read(run).problems
    assert json.loads((run / "exports.json").read_text())["exports"]
