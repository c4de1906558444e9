"""Tab in the shells themselves, where they are installed, and what each of them is answered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from snnplug.cli import main
from snnplug.cli.main import COMMANDS

HERE = str(Path(sys.executable).parent)
BASH = """
eval "$(snnplug completion bash)"
compopt() { printf 'no space after: '; }
COMP_LINE="$1"; COMP_POINT=${#1}; COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_snnplug_completion snnplug
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(line: str, shell: str = "bash", **more: str) -> list[str]:
    """Return what a shell is answered for a line that is being typed, as values alone."""
    environment = {"_SNNPLUG_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_BREAKS": " ", **more}
    done = subprocess.run(
        [sys.executable, "-c", "from snnplug.cli import main; main(prog_name='snnplug')"],
        env={**os.environ, **environment, "SNNPLUG_STRICT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return [answer.partition(",")[2] for answer in done.stdout.splitlines() if answer]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_and_options():
    assert complete("snnplug ") == list(COMMANDS)
    assert complete("snnplug rep") == ["replay"]
    assert "--resume" in complete("snnplug run --re")


def test_recipes_built_in_and_files(tmp_path):
    (tmp_path / "events_mine.toml").touch()
    (tmp_path / "events.txt").touch()
    (tmp_path / "events_more").mkdir()
    (tmp_path / "events_more" / "one.toml").touch()
    found = complete("snnplug run ev")
    assert {"events", "events_mine.toml", "events_more/"} <= set(found)
    assert "events.txt" not in found
    assert complete("snnplug check events_more/") == ["events_more/one.toml"]
    assert complete("snnplug recipes events_s") == ["events_search"]


def test_run_directories(tmp_path):
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "resolved.json").touch()
    (tmp_path / "runs" / "plain").mkdir()
    for command in ("replay", "compare", "run --resume", "energy", "export-table"):
        assert complete(f"snnplug {command} runs/") == ["runs/first", "runs/plain/"]
    assert complete("snnplug replay ") == ["runs/"]


def test_kinds_and_keys():
    assert complete("snnplug show neu") == complete("snnplug list --kind neu") == ["neuron"]
    assert complete("snnplug run -s measure.sam") == ["measure.samples="]
    assert complete("snnplug run -s train.prec") == ["train.precision="]
    assert complete("snnplug run -s measure.samples=1 -s measure.r") == ["measure.raster="]
    assert complete("snnplug run no_such.toml -s neuron.us") == ["neuron.use="]
    assert complete("snnplug run -s a.b.c.d.e=") == []


def test_names():
    from snnplug import Registry

    neurons = Registry.from_installed(quiet=True).list("neuron")
    if not neurons:
        pytest.skip("no plugin is installed")
    first = neurons[0]
    assert first.name in complete(f"snnplug show neurons {first.name[:1]}")
    assert first.name in complete(f"snnplug show neuron {first.name}")
    assert first.qualified in complete(f"snnplug show neuron {first.plugin}")
    assert f"neuron.use={first.name}" in complete(f"snnplug run -s neuron.use={first.name}")


def test_bash_has_what_stands_before_a_break():
    breaks = {"COMP_BREAKS": " =:"}
    assert complete("snnplug run -s train.schedule=c", **breaks) == ["constant", "cosine"]
    assert complete("snnplug run -s train.prec", **breaks) == ["train.precision="]


def test_a_tab_loads_no_torch():
    code = (
        "import os, sys\n"
        "os.environ.update(_SNNPLUG_COMPLETE='bash_complete', COMP_WORDS='snnplug run -s neuron.')\n"
        "from snnplug.cli import main\n"
        "try: main(prog_name='snnplug')\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'numpy', 'rich', 'cattrs', 'importlib.metadata') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "part,neuron.use=" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_says_where_it_belongs(shell):
    text = CliRunner().invoke(main, ["completion", shell]).stdout
    assert f"snnplug completion {shell} > ~/" in text
    assert f"_SNNPLUG_COMPLETE={shell}_complete" in text
    assert text.startswith("#compdef snnplug\n") == (shell == "zsh")
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, timeout=60, check=True)


def test_another_shell_is_refused():
    result = CliRunner().invoke(main, ["completion", "csh"])
    assert result.exit_code == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in result.stderr


@pytest.mark.skipif(not Path(HERE, "snnplug").exists(), reason="snnplug is not on the path")
class TestShells:
    """The shells themselves."""

    def run(self, *command: str) -> list[str]:
        path = f"{HERE}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.splitlines()

    @pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
    def test_bash(self):
        assert self.run("bash", "-c", BASH, "bash", "snnplug run -s train.schedule=cos") == ["cosine"]
        assert self.run("bash", "-c", BASH, "bash", "snnplug run -s train.prec") == [
            "no space after: train.precision="
        ]

    @pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
    def test_fish(self):
        script = "snnplug completion fish | source; complete -C 'snnplug run -s train.schedule=c'"
        assert self.run("fish", "--no-config", "-c", script) == [
            "train.schedule=constant",
            "train.schedule=cosine",
        ]
