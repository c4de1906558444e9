"""`snnplug new` writes a package of any kind, and says what it cannot write."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snnplug import KINDS
from snnplug.cli import new_command
from snnplug.cli.main import main
from snnplug.scaffold import package
from snnplug.scaffold.names import target_of
from snnplug.version import REQUIREMENT

LONG = "abcdefghijklmnopqrstuvwxyz0123456789abcd"  # as long as a name may be
LONG_METHOD = "a_name_that_is_quite_long_for_a_method_x"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNNPLUG_DISABLE", "*")


def new(*arguments: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(main, ["new", *arguments], input=answers)


def test_every_kind_has_a_template() -> None:
    assert {folder.name for folder in (package.TEMPLATES / "kinds").iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_the_package_says_what_it_is(kind) -> None:
    done = new(f"acme-{kind.name}", "--kind", kind.name, "--licence", "MIT", "--author", "A. Person")
    assert done.exit_code == 0, done.output
    folder, module = Path(f"acme-{kind.name.replace('_', '-')}"), f"acme_{kind.name}"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == folder.name
    assert project["entry-points"] == {"snnplug": {module: f"{module}.plugin"}}
    assert project["dependencies"][0] == REQUIREMENT
    plugin = (folder / module / "plugin.py").read_text()
    assert f"def {kind.hook}() -> Iterable[{kind.spec.__name__}]" in plugin
    assert "torch" not in {name for node in ast.walk(ast.parse(plugin)) for name in imported(node)}
    card = (folder / "README.md").read_text()
    for word in ("Source:", kind.contract, "| parameter | default |", f"pip install {folder.name}"):
        assert word in card
    assert "A. Person" in (folder / "LICENSE").read_text()
    for file in (".gitignore", ".github/workflows/test.yml", "example.toml", f"{module}/py.typed"):
        assert (folder / file).is_file()
    assert "${{ matrix.python }}" in (folder / ".github/workflows/test.yml").read_text()
    tests = (folder / "tests" / f"test_{module}.py").read_text()
    assert f"({kind.spec.__name__.removesuffix('Spec')}Conformance)" in tests
    assert [line.strip() for line in done.stdout.splitlines()[1:]][:2] == [
        f"cd {folder}",
        "pip install -e . --group test && pytest",
    ]


def imported(node: ast.AST) -> list[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else names


def test_torch_is_required_where_it_is_imported() -> None:
    for kind in KINDS:
        new("acme", "--kind", kind, "--out", kind)
        project = tomllib.loads(Path(kind, "pyproject.toml").read_text())["project"]
        source = "".join(file.read_text() for file in Path(kind, "acme").glob("*.py"))
        needs_torch = "snnplug.nn" in source or "from torch" in source
        assert needs_torch == any(line.startswith("torch") for line in project["dependencies"]), kind


def test_it_is_written_in_good_style() -> None:
    if shutil.which("ruff") is None:
        pytest.skip("ruff is not installed")
    for kind in KINDS:
        assert new("acme", "--kind", kind, "--out", f"short-{kind}").exit_code == 0
        assert new(LONG, "--kind", kind, "--method", LONG_METHOD, "--out", f"long-{kind}").exit_code == 0
    for command in (["ruff", "check"], ["ruff", "format", "--diff"]):
        done = subprocess.run([*command, "--no-cache"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_its_types_are_strict() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("mypy")
    folders = []
    for kind in KINDS:
        assert new(f"acme-{kind}", "--kind", kind, "--out", kind).exit_code == 0
        folders += [f"{kind}/acme_{kind}", f"{kind}/tests"]
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", ".cache", *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "NAME and --kind are missing; write snnplug new NAME --kind KIND"),
        (["acme"], "--kind is missing; write snnplug new NAME --kind KIND"),
        (["--kind", "loss"], "NAME is missing"),
        (["acme", "--kind", "nuron"], "unknown kind 'nuron'. Did you mean 'neuron'?"),
        (["acme!", "--kind", "loss"], "'acme!' is no name of a distribution"),
        (["9lives", "--kind", "loss"], "which Python cannot import"),
        (["torch", "--kind", "loss"], "'torch', which is taken"),
        (["random", "--kind", "loss"], "'random', which is taken"),
        ([LONG + "e", "--kind", "loss"], "has 41 letters; at most 40"),
        (["acme", "--kind", "loss", "--method", "MyLoss"], "not a lower_snake_case name"),
        (["acme", "--kind", "loss", "--licence", "apache"], "Did you mean 'Apache-2.0'?"),
        (["acme", "--kind", "loss", "--description", 'a "loss"'], "without double quotes"),
        (["acme", "--kind", "loss", "--description", " "], "not one line of 1 to 88"),
        (["acme", "--kind", "loss", "--author", "a\nb"], "the author 'a\\nb' is not one line"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(arguments, message) -> None:
    done = new(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(Path().iterdir())


def test_a_folder_that_exists_is_left_alone() -> None:
    Path("acme").mkdir()
    done = new("acme", "--kind", "loss")
    assert done.exit_code == 2
    assert "acme exists already; give another folder with --out" in done.stderr
    assert not list(Path("acme").iterdir())
    assert new("acme", "--kind", "loss", "--out", "deep/inside").exit_code == 0
    assert Path("deep/inside/pyproject.toml").is_file()


def test_a_terminal_is_asked_for_what_is_missing(monkeypatch) -> None:
    monkeypatch.setattr(new_command, "_is_terminal", lambda: True)
    done = new("--licence", "MIT", answers="acme-loss\nloss\nmine\nA loss of mine\n\n")
    assert done.exit_code == 0, done.output
    project = tomllib.loads(Path("acme-loss/pyproject.toml").read_text())["project"]
    assert project["description"] == "A loss of mine."
    assert project["authors"] == [{"name": "The acme-loss authors"}]
    assert 'name="mine"' in Path("acme-loss/acme_loss/plugin.py").read_text()


def test_a_name_that_another_plugin_offers_is_noted(distributions, monkeypatch) -> None:
    code = (
        "from snnplug import LossSpec, hookimpl\n@hookimpl\ndef snnplug_losses():\n"
        "    return [LossSpec(name='mine', target='a.b:C', summary='Mine.')]\n"
    )
    distributions.add("other-losses", code)
    done = distributions.run("-m", "snnplug", "new", "acme", "--kind", "loss", "--method", "mine")
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "note: other-losses offers 'mine' too; recipes tell them apart by acme:mine and other-losses:mine\n"
    )


@pytest.mark.parametrize(
    ("method", "sort", "target"),
    [
        ("my_loss", "class", "MyLoss"),
        ("loss", "class", "LossLoss"),  # the base class is called so
        ("bars", "function", "bars"),
        ("lambda", "function", "lambda_loss"),
        ("len", "function", "len_loss"),
        ("torch", "function", "torch_loss"),
    ],
)
def test_the_target_hides_nothing(method, sort, target) -> None:
    assert target_of(method, sort, {"Loss", "torch"}, "loss") == target
