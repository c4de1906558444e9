"""What is damaged, or meant to harm: one line, and no code of it runs."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import snnplug
from snnplug import Registry
from snnplug.cli import main
from snnplug.errors import SnnplugError, UsageError
from snnplug.runs.checksums import checksum_of
from snnplug.runs.shared import read_weights, write_weights

# what the client itself does while it sends a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.trace = folder.parent / "it ran"

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


def refusal(folder: Path) -> str:
    """Return the one line that a folder is refused with, by what is loaded of it or first asked of it."""
    with pytest.raises(SnnplugError) as caught:
        snnplug.load(folder).model()
    line = str(caught.value)
    assert "\n" not in line
    assert not (folder.parent / "it ran").exists()
    return line


def config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change config.json."""
    content = json.loads((folder / "config.json").read_text())
    change(content)
    (folder / "config.json").write_text(json.dumps(content))


def weights(folder: Path, data: bytes) -> None:
    """Put other weights in place, as config.json tells of."""
    (folder / "model.safetensors").write_bytes(data)
    config(folder, lambda c: c.update(weights=checksum_of(folder / "model.safetensors")))


def test_a_pickle_in_place_of_weights(folder: Path) -> None:
    harm = Harm(folder)
    pickle.loads(pickle.dumps(harm))
    harm.trace.rmdir()  # so it does, where it is let
    weights(folder, pickle.dumps(harm))
    assert "model.safetensors is damaged: it holds no safetensors" in refusal(folder)
    torch.save({"model": harm}, folder / "pickled.pt")
    weights(folder, (folder / "pickled.pt").read_bytes())
    assert "it holds no safetensors" in refusal(folder)


def test_a_checkpoint_beside_the_weights_is_not_looked_at(folder: Path) -> None:
    torch.save({"model": Harm(folder)}, folder / "checkpoint.pt")
    (folder / "plugin.py").write_text("raise SystemExit('it ran')")
    (folder / "snnplug_lif.py").write_text("raise SystemExit('it ran')")
    assert snnplug.load(folder).model() is not None
    assert not Harm(folder).trace.exists()


def test_a_bit_that_was_flipped(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-3] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    told = refusal(folder)
    assert "model.safetensors is damaged: it is not what config.json tells of" in told
    assert told.endswith("Get the shared run again, or ask who shared it")


def test_weights_that_are_cut_off_or_gone(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    weights(folder, data[: len(data) // 2])
    assert "it holds no safetensors" in refusal(folder)
    (folder / "model.safetensors").unlink()
    assert "holds no trained network" in refusal(folder)


@pytest.mark.parametrize("change", ["shape", "missing", "more"])
def test_weights_of_another_network(folder: Path, change: str) -> None:
    state = read_weights(folder / "model.safetensors")
    name = next(name for name in state if name.endswith("weight"))
    if change == "shape":
        state[name] = torch.zeros(7, 3)
    elif change == "missing":
        del state[name]
    else:
        state["more"] = torch.zeros(2)
    write_weights(state, folder / "model.safetensors")
    weights(folder, (folder / "model.safetensors").read_bytes())
    told = refusal(folder)
    assert "model.safetensors does not fit the network of this recipe" in told
    assert {"shape": "size mismatch", "missing": "Missing key", "more": "Unexpected key"}[change] in told


def test_a_name_that_is_no_plugin(folder: Path) -> None:
    def evil(content: dict[str, Any]) -> None:
        content["recipe"]["architecture"]["use"] = "os:system"
        next(c for c in content["components"] if c["key"] == "architecture")["use"] = "os:system"

    config(folder, evil)
    assert refusal(folder).endswith("this run needs os 0.1.0, not installed here; run: pip install os")


def test_a_name_that_only_the_recipe_names(folder: Path) -> None:
    config(folder, lambda c: c["recipe"]["neuron"].update(use="builtins:exec"))
    assert "builtins:exec" in refusal(folder)
    config(folder, lambda c: c["recipe"]["neuron"].update(use="snnplug_lif.neuron:LIF"))
    assert "snnplug_lif.neuron:LIF" in refusal(folder)


def test_a_network_that_would_be_read_from_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.pt2").write_bytes(pickle.dumps(Harm(folder)))

    def evil(content: dict[str, Any]) -> None:
        table = {"use": "snnplug-models:exported_model", "file": str(tmp_path / "m.pt2")}
        content["recipe"]["architecture"] = table
        component = next(c for c in content["components"] if c["key"] == "architecture")
        component.update(use=table["use"], parameters={"file": table["file"]})

    config(folder, evil)
    assert "reads its network from a file" in refusal(folder)


def test_parameters_that_are_not_there_or_out_of_range(folder: Path) -> None:
    config(folder, lambda c: c["recipe"]["neuron"].update(command="rm -rf /"))
    assert "command" in refusal(folder)
    config(folder, lambda c: (c["recipe"]["neuron"].pop("command"), c["recipe"]["neuron"].update(tau=-1)))
    assert "tau" in refusal(folder)


def test_data_are_not_built(folder: Path) -> None:
    config(folder, lambda c: c.update(task=None))
    assert "config.json is damaged: it does not say what its network takes" in refusal(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "config.json is damaged"),
        ("{", "config.json is damaged"),
        ("[]", "its config.json is not of snnplug"),
        ('{"model_type": "bert"}', "its config.json is not of snnplug"),
        ('{"library_name": "snnplug", "format": 99}', "has format 99 of shared runs"),
        ('{"library_name": "snnplug", "format": 1}', "it does not say what its network takes"),
        (
            '{"library_name": "snnplug", "format": 1, "task": {}}',
            "was not written by this version of snnplug",
        ),
        ("[" * 100_000, "config.json is damaged"),
    ],
)
def test_a_config_of_anything(folder: Path, text: str, told: str) -> None:
    (folder / "config.json").write_text(text)
    assert told in refusal(folder)


def test_a_pickle_in_place_of_texts(folder: Path) -> None:
    (folder / "summary.json").write_bytes(pickle.dumps(Harm(folder)))
    assert "summary.json is damaged" in refusal(folder)
    (folder / "summary.json").unlink()
    (folder / "config.json").write_bytes(pickle.dumps(Harm(folder)))
    assert "config.json is damaged" in refusal(folder)


def test_a_plugin_that_is_not_installed_is_named(folder: Path) -> None:
    def other(content: dict[str, Any]) -> None:
        content["recipe"]["neuron"]["use"] = "snnplug-acme:acme"
        component = next(c for c in content["components"] if c["key"] == "neuron")
        component.update(use="snnplug-acme:acme", version="2.1")

    config(folder, other)
    told = f"{folder}: this run needs snnplug-acme 2.1, not installed here; run: pip install snnplug-acme"
    assert refusal(folder) == told
    result = CliRunner().invoke(main, ["stream", str(folder)], input=b"")
    assert (result.exit_code, result.stderr.strip()) == (2, f"snnplug: {told}")


def test_another_version_is_said_once(folder: Path) -> None:
    config(folder, lambda c: c["origins"][0]["versions"].update({"snnplug-plif": "0.0.9", "attrs": "1"}))
    run = snnplug.load(folder)
    with pytest.warns(
        UserWarning, match=r"made with other versions: snnplug-plif 0\.0\.9 -> 0\.1\.0; what it"
    ):
        run.model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.model()
        run.predict(torch.rand(1, 1, 8, 8))


def test_names_that_lead_out_of_the_repository_are_not_downloaded(
    folder: Path, hub: Any, tmp_path: Path
) -> None:
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    evil = [
        "../../../../evil",
        "exports/../../../evil",
        "plugin.py",
        "exports/model.pt2",
        "model.safetensors.py",
    ]
    hub.repos["acme/evil"] = {"main": {**files, **dict.fromkeys(evil, b"raise SystemExit")}}
    assert snnplug.load("hf://acme/evil").model() is not None
    asked = [line for line in hub.asked if "/resolve/" in line]
    assert {line.rpartition("/")[2] for line in asked} == set(files)
    for name in ("evil", "plugin.py", "model.pt2", "config.json.py"):
        assert not list(tmp_path.rglob(name)) and not list(tmp_path.parent.glob(name))


@pytest.mark.parametrize(
    "address", ["hf://../../x", "hf://acme", "hf://acme/x@../../main", "hf://a/b/c", "hf://"]
)
def test_addresses_that_lead_elsewhere(address: str, hub: Any) -> None:
    with pytest.raises(UsageError):
        snnplug.load(address, registry=Registry())
    assert hub.asked == []
