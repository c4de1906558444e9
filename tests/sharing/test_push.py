"""`snnplug push`: what goes out, what is refused, and what each failure of the hub is told as."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from shared_recipes import RECIPES

import snnplug
from snnplug import ArchitectureSpec, Registry, Run
from snnplug.cli import main
from snnplug.errors import RunDirectoryError, UsageError

# what the client itself does while it sends a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

WITHOUT_A_SEARCH = {
    "README.md",
    "activity.json",
    "config.json",
    "model.safetensors",
    "recipe.toml",
    "report.html",
    "summary.json",
}


def push(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["push", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refusal(*arguments: object) -> str:
    """Return the line that a push is refused with."""
    lines = push(*arguments, code=2).stderr.strip().splitlines()
    [line] = [line for line in lines if line.startswith("snnplug: ")]
    assert lines[-1] == line
    return line.removeprefix("snnplug: ")


def test_the_files_are_sent_in_one_commit_and_the_address_comes_last(trained: Run, hub: Any) -> None:
    told = push(trained.directory, "acme/digits", "--private", "--message", "Digits")
    assert told.stdout.splitlines()[-1] == f"{hub.url}/acme/digits"
    assert "7 files written and read back" in told.stderr and "upload 7/7" in told.stderr
    assert set(hub.files("acme/digits")) - {".gitattributes"} == WITHOUT_A_SEARCH
    assert "acme/digits" in hub.private and hub.messages == ["Digits"]
    assert push(trained.directory, "acme/digits", "-q").stderr == ""


def test_a_dry_run_writes_the_folder_and_asks_no_hub(trained: Run, hub: Any, tmp_path: Path) -> None:
    told = push(trained.directory, "acme/digits", "--dry-run", "-o", tmp_path / "new" / "shared")
    assert told.stdout.strip() == str(tmp_path / "new" / "shared")
    assert {file.name for file in (tmp_path / "new" / "shared").iterdir()} == WITHOUT_A_SEARCH
    assert hub.asked == []
    again = refusal(trained.directory, "acme/digits", "--dry-run", "-o", tmp_path / "new" / "shared")
    assert again == f"{tmp_path}/new/shared exists already and is not an empty folder; name another one"
    assert "--out DIR" in push(trained.directory, "acme/digits", "--dry-run", code=2).stderr


def test_a_push_again_removes_what_is_no_more(run_of: Callable[[str], Run], trained: Run, hub: Any) -> None:
    push(run_of("searched").directory, "acme/net", "-q")
    hub.files("acme/net")["exports/old.nir"] = b"old"
    hub.files("acme/net")["notes.md"] = b"of the owner"
    assert "trials.jsonl" in hub.files("acme/net")
    push(trained.directory, "acme/net", "-q")
    assert set(hub.files("acme/net")) == {".gitattributes", "notes.md", *WITHOUT_A_SEARCH}


def test_an_unfinished_run_is_refused(trained: Run, tmp_path: Path) -> None:
    import shutil

    half = tmp_path / "half"
    shutil.copytree(trained.directory, half)
    for name in ("summary.json", "report.html"):
        (half / name).unlink()
    told = refusal(half, "acme/digits", "--dry-run", "-o", tmp_path / "shared")
    assert told == (
        f"{half} is not finished, so there is nothing to share yet; finish it with: "
        f"snnplug run --resume {half}"
    )
    assert not (tmp_path / "shared").exists()


def test_a_shared_run_is_refused(folder: Path, hub: Any, tmp_path: Path) -> None:
    told = refusal(folder, "acme/other", "--dry-run", "-o", tmp_path / "again")
    assert told.startswith(f"{folder} was shared already; what is pushed is a run of your own")
    with pytest.raises(RunDirectoryError, match="was shared already"):
        snnplug.load(folder).push("acme/other")


def test_a_search_alone_has_no_network_to_share(tmp_path: Path) -> None:
    recipe = {name: value for name, value in RECIPES["searched"].items() if name != "train"}
    recipe["search"] = {**recipe["search"], "strategy": "random", "rungs": []}
    recipe["search"]["strategy"] = {"use": "random", "draws": 1}
    run = snnplug.run(recipe, out=tmp_path / "run", device="cpu")
    told = refusal(run.directory, "acme/cell", "--dry-run", "-o", tmp_path / "shared")
    assert "holds no trained network" in told


def test_a_network_of_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)
    )
    example = (torch.zeros(2, 1, 8, 8),)
    shape = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(model.eval(), example, dynamic_shapes=shape), tmp_path / "m.pt2")
    overrides = [f"architecture.file={tmp_path}/m.pt2", "convert.samples=64"]
    run = snnplug.run("convert_model", out=tmp_path / "run", overrides=overrides, device="cpu")
    told = refusal(run.directory, "acme/net", "--dry-run", "-o", tmp_path / "shared")
    assert "reads its network from a file (snnplug-models:exported_model)" in told


def test_what_was_registered_from_python_is_refused(tmp_path: Path) -> None:
    from snnplug_models.vgg import vgg

    registry = Registry.from_installed()
    spec = ArchitectureSpec(name="my_net", target=vgg, summary="Mine.", components={"neuron": "neuron"})
    registry.register(spec)
    recipe = {**RECIPES["trained"], "architecture": {"use": "my_net", "layers": [4, "M"]}}
    run = snnplug.run(recipe, out=tmp_path / "run", registry=registry, device="cpu")
    with pytest.raises(UsageError, match=r"my_net, registered from Python.*snnplug new"):
        run.push("acme/net", folder=tmp_path / "shared", dry_run=True)


@pytest.mark.parametrize(
    "repo", ["digits", "acme/dig its", "acme/a/b", "../x", "acme/..", "acme/a--b", "-a/b", ""]
)
def test_a_wrong_name_is_told(repo: str, tmp_path: Path) -> None:
    told = refusal("--dry-run", "-o", tmp_path / "x", "--", tmp_path, repo)
    assert told.startswith(f"{repo} is no repository of a hub: expected ORG/NAME")


def test_who_is_not_logged_in_is_told_how(trained: Run, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    told = refusal(trained.directory, "acme/digits")
    assert told == (
        "cannot push to hf://acme/digits: you are not logged in, or your token is not valid; run: "
        "hf auth login (or set HF_TOKEN)"
    )
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert refusal(trained.directory, "acme/digits") == told
    assert hub.repos == {}


def test_an_organisation_that_is_not_there_is_told(trained: Run, hub: Any) -> None:
    told = refusal(trained.directory, "nobody/digits")
    assert told.startswith(
        "cannot push to hf://nobody/digits: there is no nobody, or you may not write there"
    )
    assert hub.repos == {}


def test_no_network_is_told(trained: Run, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    unreachable = (
        "the hub cannot be reached; look at the network, HF_ENDPOINT and HF_HUB_OFFLINE, and try again"
    )
    assert refusal(trained.directory, "acme/digits") == f"cannot push to hf://acme/digits: {unreachable}"
    with pytest.raises(UsageError) as caught:
        snnplug.load("hf://acme/digits")
    assert str(caught.value) == f"cannot load hf://acme/digits: {unreachable}"


def test_what_is_not_on_the_hub_is_told(trained: Run, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="hf://acme/none: there is no such repository, or it is private"):
        snnplug.load("hf://acme/none")
    push(trained.directory, "acme/digits", "-q")
    with pytest.raises(UsageError, match="hf://acme/digits@v9: it has no branch, tag or commit v9"):
        snnplug.load("hf://acme/digits@v9")
    hub.repos["acme/empty"] = {"main": {"README.md": b"---\n---\n"}}
    with pytest.raises(UsageError, match=r"hf://acme/empty holds no run of snnplug: it has no config\.json"):
        snnplug.load("hf://acme/empty")
    hub.private.add("acme/digits")
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    with pytest.raises(UsageError, match="there is no such repository, or it is private"):
        snnplug.load("hf://acme/digits")


def test_without_the_client_the_extra_is_named(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "huggingface_hub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    told = 'a hub needs its client, huggingface_hub, which is not installed: pip install "snnplug[hub]"'
    assert refusal(trained.directory, "acme/digits") == told
    with pytest.raises(UsageError) as caught:
        snnplug.load("hf://acme/digits")
    assert str(caught.value) == told
    trained.push("acme/digits", folder=tmp_path / "shared", dry_run=True)  # which needs none
    monkeypatch.setitem(sys.modules, "safetensors", None)
    told = refusal(trained.directory, "acme/digits", "--dry-run", "-o", tmp_path / "other")
    assert (
        told == 'weights of shared runs need safetensors, which is not installed: pip install "snnplug[hub]"'
    )
