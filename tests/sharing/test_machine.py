"""What goes out says nothing of the machine, its user, or how the training stood."""

from __future__ import annotations

import getpass
import json
import os
import socket
from pathlib import Path

import pytest
import torch
from shared_recipes import RECIPES

import snnplug
from snnplug import Run, TrackedRun, Tracker
from snnplug.errors import UsageError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.export_records import ExportRecord, ExportsRecord, ReaderRecord
from snnplug.runs.portable import Machine, portable_resolved
from snnplug.runs.reading import to_plain

ADA = Machine(folders=("/home/ada/my runs/x", "/home/ada"), names=("ada", "gpu-7"))
SECRET = "token-of-a-tracker"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/ada/data/digits", "digits"),
        ("/home/ada", "…"),
        ("~/data/digits", "digits"),
        ("~ada", "…"),
        ("../../ada/digits", "digits"),
        (r"C:\Users\ada\net.pt", "net.pt"),
        (r"\\server\share\net.pt", "net.pt"),
        ("file:///srv/data/net.pt", "net.pt"),
        ("cannot read /home/ada/my runs/x/a.pt: it is gone", "cannot read a.pt: it is gone"),
        ("weights of /srv/w.pt: 3 tensors", "weights of w.pt: 3 tensors"),
        ("snnplug run ~ada/r.toml -s dataset.root=/srv/x", "snnplug run r.toml -s dataset.root=x"),
        ("the worker on gpu-7 died, says ada", "the worker on … died, says …"),
        ("https://arxiv.org/abs/2306.1234/home/ada", "https://arxiv.org/abs/2306.1234/home/ada"),
        ("doi:10.1109/TNNLS.2021.3110991; spikes/sample, 1/2 or and/or", None),
        ("data/digits", None),
        ("0303 0030 0002 0000", None),
        ("</td><td>a / b</td>", None),
        ("acme-gpu-7:ada", None),  # a name of a method, in which nothing is of the machine
    ],
)
def test_paths_and_names_are_taken_out_of_texts(text: str, left: str | None) -> None:
    assert ADA.text(text) == (text if left is None else left)


def test_they_are_taken_out_of_tables_keys_and_lists() -> None:
    plain = {"a": ["/home/ada/x", 1, None, {"/srv/y/z": True}], "b": 2.5}
    assert ADA.without(plain) == {"a": ["x", 1, None, {"z": True}], "b": 2.5}


def test_what_has_lost_a_path_is_named() -> None:
    plain = {
        "command": "snnplug run /home/ada/recipe.toml -s train.weights=/srv/w/w.pt",
        "recipe": {
            "dataset": {"use": "acme:files", "root": "/srv/data/files"},
            "train": {"weights": "/srv/w/w.pt", "epochs": 3},
        },
        "components": [
            {"key": "dataset", "use": "acme:files", "parameters": {"root": "/srv/data/files", "n": 1}}
        ],
        "environment": {"python": "3.12", "platform": "Linux-6.1-of-ada", "machine": "x86_64"},
    }
    content, changed = portable_resolved(plain, ADA)
    assert changed == ("dataset.root", "train.weights")
    assert content == {
        "command": "snnplug run recipe.toml",
        "recipe": {"dataset": {"use": "acme:files"}, "train": {"weights": "w.pt", "epochs": 3}},
        "components": [{"key": "dataset", "use": "acme:files", "parameters": {"n": 1}}],
        "environment": {"python": "3.12"},
    }


class Secretive(Tracker):
    """Tells what it was given, in a failure."""

    def __init__(self, token: str) -> None:
        self.token = token

    def start(self, run: TrackedRun) -> str:
        raise RuntimeError(f"{self.token} is not known")


def test_a_run_full_of_the_machine_leaves_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of the run, the recipe and the weights tell who made it; a tracker has a secret."""
    home = tmp_path / "home" / "adalovelace"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(getpass, "getuser", lambda: "adalovelace")
    monkeypatch.setattr(socket, "gethostname", lambda: "analytical-engine-7")
    monkeypatch.chdir(home)
    first = snnplug.run(RECIPES["trained"], out=home / "first", device="cpu")
    torch.save(first.model().state_dict(), home / "weights of ada.pt")
    (home / "recipe.toml").write_text(
        f'# made by adalovelace\ndataset = {{ use = "digits" }}\nneuron = "plif"\n'
        f'architecture = {{ use = "vgg", layers = [8, "M", 16, "M"] }}\n'
        f'[train]\nepochs = 1\nweights = "{home}/weights of ada.pt"\n'
    )
    tracker = Secretive(SECRET)
    run = snnplug.run(home / "recipe.toml", out=home / "second", device="cpu", trackers=[tracker])
    exports = run.directory / "exports"
    exports.mkdir()
    (exports / "model.nir").write_bytes(b"\x89HDF of numbers")
    (exports / "note.txt").write_text(f"written in {home}/second")
    said = f"{home}/a cannot be read"
    reader = ReaderRecord(name="one", python=f"{home}/python", state="refused", said=said)
    record = ExportRecord(exporter="acme:nir", file="exports/model.nir", readers=(reader,))
    content = to_plain(ExportsRecord(exports=(record,)))
    RunDirectory.open(run.directory).write_json("exports.json", content)
    (exports / "key").symlink_to(home / "recipe.toml")
    folder = Path(run.push("acme/digits", folder=tmp_path / "shared", dry_run=True))
    files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert "exports/model.nir" in files and "exports/key" not in files
    for file in files:
        content = (folder / file).read_bytes()
        for word in (str(tmp_path), "adalovelace", "analytical-engine", SECRET, os.uname().release):
            assert word.encode() not in content, (file, word)
    assert set(first.model().state_dict()) == set(_names(folder / "model.safetensors"))
    assert json.loads((folder / "config.json").read_text())["left_out"] == ["train.weights"]
    card = (folder / "README.md").read_text()
    assert "-s train.weights=PATH" in card
    assert "Of files that the recipe names, the name alone is given: train.weights." in card
    assert "| one |  | not read |" in card and "`exports/model.nir`, by acme:nir" in card


def _names(file: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return list(opened.keys())


def test_a_file_that_cannot_be_cleaned_is_refused(trained: Run, tmp_path: Path) -> None:
    exports = trained.directory / "exports"
    exports.mkdir()
    try:
        (exports / "model.onnx").write_bytes(
            b"\x08 made in " + str(trained.directory).encode() + b"/x.py\x00"
        )
        with pytest.raises(UsageError, match=r"^exports/model\.onnx holds the path .* of this machine"):
            trained.push("acme/digits", folder=tmp_path / "shared", dry_run=True)
        assert not (tmp_path / "shared").exists()
    finally:
        (exports / "model.onnx").unlink()
        exports.rmdir()


def test_tensors_that_share_memory_or_are_no_blocks_are_kept(tmp_path: Path) -> None:
    from snnplug.runs.shared import read_weights, write_weights

    base = torch.randn(3, 4, 5, 6)
    state = {
        "one": base,
        "the same": base,
        "a part": base[1:],
        "turned": base.transpose(0, 3),
        "channels last": base.to(memory_format=torch.channels_last),
        "number": torch.tensor(7),
        "none": torch.empty(0, 3),
        "half": base.to(torch.bfloat16),
        "truth": base > 0,
    }
    write_weights(state, tmp_path / "w.safetensors")
    found = read_weights(tmp_path / "w.safetensors")
    assert set(found) == set(state)
    for name, value in state.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name
