"""CPU time of starting: `import snnplug`, a listing and a Tab, in bare interpreters.

python tests/benchmarks/bench_startup.py
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON = sys.executable
SNNPLUG = [PYTHON, "-c", "from snnplug.cli import main; main(prog_name='snnplug')"]  # as the script does
TAB = {"_SNNPLUG_COMPLETE": "bash_complete", "COMP_WORDS": "snnplug run -s neuron.t", "COMP_CWORD": "3"}

PLUGIN = """
from snnplug import EncoderSpec, NeuronSpec, hookimpl


@hookimpl
def snnplug_neurons():
    for i in range(3):
        name = f"neuron_{{i}}_of_{index}"
        yield NeuronSpec(name=name, target="{package}.neuron:Neuron", summary="A neuron.", reference="2026")


@hookimpl
def snnplug_encoders():
    return [EncoderSpec(name="encoder_of_{index}", target="{package}.encoder:Encoder", summary="An encoder.")]
"""


def install_plugins(folder: Path, count: int) -> None:
    """Write `count` installed distributions with four specs each."""
    for index in range(count):
        package = f"bench_plugin_{index}"
        info = folder / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
        (folder / package / "plugin.py").write_text(PLUGIN.format(package=package, index=index))
        (info / "entry_points.txt").write_text(f"[snnplug]\nit = {package}.plugin\n")
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: bench-plugin-{index}\nVersion: 1.0\n"
            "Requires-Dist: snnplug<0.2,>=0.1\nRequires-Dist: torch>=2\n"
        )


def cases(folder: str, plugins: int) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return what is measured: commands, and what they have in the environment beside what is there."""
    more = {"PYTHONPATH": folder}
    return {
        "python -c pass": ([PYTHON, "-c", "pass"], {}),
        "import click": ([PYTHON, "-c", "import click"], {}),
        "import click, attrs, pluggy": ([PYTHON, "-c", "import click, attrs, pluggy"], {}),
        "import snnplug": ([PYTHON, "-c", "import snnplug"], {}),
        "snnplug --version": ([*SNNPLUG, "--version"], {}),
        "snnplug list, all plugins disabled": ([*SNNPLUG, "list"], {"SNNPLUG_DISABLE": "*"}),
        "snnplug list": ([*SNNPLUG, "list"], {}),
        f"snnplug list, {plugins} plugins more": ([*SNNPLUG, "list"], more),
        "snnplug run -s neuron.t<Tab>": (SNNPLUG, TAB),
    }


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return user plus system seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure all cases in turn, round by round, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--plugins", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=25)
    options = parser.parse_args()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SNNPLUG_", "PYTHON"))}
    with tempfile.TemporaryDirectory() as folder:
        install_plugins(Path(folder), options.plugins)
        measured = cases(folder, options.plugins)
        seconds: dict[str, list[float]] = {name: [] for name in measured}
        for turn in range(options.repeat + 1):
            for name, (command, variables) in measured.items():
                taken = cpu_seconds(command, {**inherited, **variables})
                if turn:  # the first one writes the bytecode
                    seconds[name].append(taken)
    bare = statistics.median(seconds["python -c pass"])
    print(f"{'user + system':<36}{'ms':>8}{'bare interpreters':>20}")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"{name:<36}{1000 * median:8.1f}{median / bare:20.1f}")


if __name__ == "__main__":
    main()
