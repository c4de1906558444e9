"""Plugins that misbehave while they are imported, all installed at once, around a good one.

What cannot be contained costs the plugin; what changes the process is put back. Both are said in one line.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

HEAD = "import os, sys\nfrom snnplug import NeuronSpec, hookimpl\n"
HOOK = """

@hookimpl
def snnplug_neurons():
    yield NeuronSpec(name="fine", target="nowhere:Fine", summary="Fine.")
"""


def hook(body: str) -> str:
    return f"{HEAD}\n@hookimpl\ndef snnplug_neurons():\n    {body}\n"


SPEC = "NeuronSpec(name=f'fine_{i}', target='nowhere:Fine', summary='Fine.')"

LEFT_OUT = {  # source of plugin.py: what the line says
    "exits well": ("import sys; sys.exit(0)", "(import): {}.plugin: SystemExit: 0"),
    "quits": ("raise SystemExit", "SystemExit"),
    "interrupts itself": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "skips a test": ("import pytest; pytest.skip('not here', allow_module_level=True)", "Skipped: not here"),
    "fails a test": ("import pytest; pytest.fail('no')", "Failed: no"),
    "is cancelled": ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
    "closes a generator": ("raise GeneratorExit", "GeneratorExit"),
    "is of a base of its own": ("class E(BaseException): pass\nraise E('mine')", "E: mine"),
    "cannot be printed": ("class E(BaseException):\n    def __str__(self): raise SystemExit\nraise E", "E"),
    "recurses": ("def f(): f()\nf()", "RecursionError"),
    "has no memory": ("raise MemoryError", "MemoryError"),
    "stops iteration": ("raise StopIteration", "StopIteration"),
    "speaks in colours": (
        "raise OSError('\\x1b[31mred\\x1b[0m\\n\\nand more')",
        "OSError: ?[31mred?[0m and more",
    ),
    "fails to assert": ("assert False, 'never'", "AssertionError: never"),
    "is no Python": ("plugin = {", "SyntaxError"),
    "is binary": (f"x = '{chr(0)}'", "null bytes"),
    "needs what is not there": ("import acme_is_not_there", "ModuleNotFoundError"),
    "has a hostile attribute": (
        f"{HEAD}class H:\n    def __getattr__(self, name): raise SystemExit(name)\nh = H()\n{HOOK}"
        "def __getattr__(name): raise KeyboardInterrupt\n",
        "KeyboardInterrupt",
    ),
    "exits in its hook": (hook("sys.exit(0)"), "snnplug_neurons: SystemExit: 0"),
    "interrupts in its hook": (hook("raise KeyboardInterrupt"), "snnplug_neurons: KeyboardInterrupt"),
    "skips in its hook": (hook("import pytest; pytest.skip('no')"), "snnplug_neurons: Skipped: no"),
    "is cancelled in its hook": (hook("import asyncio; raise asyncio.CancelledError"), "CancelledError"),
    "exits half way": (hook(f"i = 0; yield {SPEC}; sys.exit(0)"), "snnplug_neurons: SystemExit: 0"),
    "offers specs without end": (
        hook(f"import itertools\n    for i in itertools.count(): yield {SPEC}"),
        "snnplug_neurons gives more than 20000 specs; it was stopped at 'fine_20000'",
    ),
    "offers numbers without end": (
        hook("import itertools; return itertools.count()"),
        "more than 20000 specs",
    ),
    "offers letters": (hook("return 'fine'"), "must return NeuronSpec objects, got str"),
    "offers nothing": (hook("return None"), "must return an iterable of NeuronSpec, got NoneType"),
    "offers one name often": (hook(f"i = 1; return [{SPEC}] * 3"), "is offered twice by the same plugin"),
    "iterates badly": (
        hook("class I:\n        def __iter__(self): raise SystemExit(0)\n    return I()"),
        "snnplug_neurons: SystemExit: 0",
    ),
}

PUT_BACK = {  # what is done: what the note says
    "moves": ("os.chdir('/')", "the working directory"),
    "moves to what it removes": (
        "import tempfile\nd = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
        "the working directory",
    ),
    "recurses deeper": ("sys.setrecursionlimit(54321)", "the recursion limit"),
    "recurses less": ("sys.setrecursionlimit(200)", "the recursion limit"),
    "seeds random": ("import random; random.seed(0)", "the seed of random"),
    "draws from random": ("import random; random.random()", "the seed of random"),
    "sets the environment": ("os.environ['ACME'] = '1'", "environment variables"),
    "clears the environment": ("os.environ.clear()", "environment variables"),
    "adds to the path": ("sys.path.insert(0, '/acme')", "sys.path"),
    "replaces the path": ("sys.path = ['/acme']", "sys.path"),
    "empties the path": ("sys.path.clear()", "sys.path"),
    "ignores Ctrl-C": ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", "signal handlers"),
    "handles SIGTERM": ("import signal; signal.signal(signal.SIGTERM, lambda *_: None)", "signal handlers"),
    "silences warnings": ("import warnings; warnings.simplefilter('ignore')", "the filters of warnings"),
    "raises warnings": ("import warnings; warnings.simplefilter('error')", "the filters of warnings"),
    "prints": ("print('hello', 'there')", "standard output, by printing 'hello there'"),
    "prints much": ("print('a b ' * 100000)", "standard output, by printing 'a b a b"),
    "prints bytes": (
        "sys.stdout.reconfigure(line_buffering=True); sys.stdout.buffer.write(b'raw \\xff')",
        "standard output, by printing 'raw \N{REPLACEMENT CHARACTER}'",
    ),
    "closes what it prints to": (
        "sys.stdout.write('bye'); sys.stdout.close()",
        "standard output, by printing 'bye'",
    ),
    "replaces standard error": ("import io; sys.stderr = io.StringIO()", "standard error"),
    "stops the collector": ("import gc; gc.disable()", "the garbage collector"),
    "hooks exceptions": ("sys.excepthook = lambda *_: None", "sys.excepthook"),
    "speaks another language": ("import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')", "the locale"),
    "does much at once": (
        "os.chdir('/'); import random; random.seed(1)",
        "the working directory, the seed of random",
    ),
}

OF_TORCH = {
    "computes in doubles": ("torch.set_default_dtype(torch.float64)", "the default type of torch"),
    "computes in halves": ("torch.set_default_dtype(torch.float16)", "the default type of torch"),
    "wants no gradients": ("torch.set_grad_enabled(False)", "the gradient mode of torch"),
    "seeds torch": ("torch.manual_seed(0)", "the seed of torch"),
    "draws from torch": ("torch.rand(1)", "the seed of torch"),
    "takes threads": ("torch.set_num_threads(3)", "the number of threads of torch"),
    "seeds numpy": ("import numpy; numpy.random.seed(0)", "the seed of numpy"),
}

STATE = """
import gc, locale, os, random, signal, sys, warnings
def state():
    found = [os.getcwd(), sys.getrecursionlimit(), dict(os.environ), list(sys.path), gc.isenabled()]
    found += [hash(random.getstate()), [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]]
    found += [sys.stderr, sys.stdout, sys.excepthook, locale.setlocale(locale.LC_ALL), list(warnings.filters)]
    if 'torch' in sys.modules:
        import numpy, torch
        found += [torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()]
        found += [torch.get_rng_state().tolist(), numpy.random.get_state()[1].tolist()]
    return found
"""
PROBE = f"""
{STATE}
import json
import snnplug
before = state()
registry = snnplug.Registry.from_installed()
after = state()
changed = [repr(old)[:80] for old, new in zip(before, after, strict=True) if old != new]
print(json.dumps(dict(
    changed=changed, names=[r.qualified for r in registry], problems=list(map(str, registry.problems)),
    notes=list(map(str, registry.notes)),
)))
"""


def name_of(case: str) -> str:
    return f"acme-{case.lower().replace(' ', '-')}"


def found_in(folder: Any, sources: dict[str, str], before: str = "", **environment: str) -> dict[str, Any]:
    """Return what a process finds in which all plugins are installed, its error output among it."""
    for case, source in sources.items():
        folder.add(name_of(case), source)
    folder.add("acme-a-good-one", HEAD + HOOK)
    folder.add("zz-good-too", HEAD + HOOK)
    done = folder.run("-c", before + PROBE, LC_ALL="C", **environment)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr.splitlines()}


@pytest.fixture(scope="module")
def found(distributions_in: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    sources = {case: source for case, (source, _) in LEFT_OUT.items()}
    sources |= {case: f"{HEAD}{source}\n{HOOK}" for case, (source, _) in PUT_BACK.items()}
    return found_in(distributions_in(tmp_path_factory.mktemp("bad") / "site"), sources)


@pytest.fixture(scope="module")
def found_with_torch(distributions_in: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pytest.importorskip("torch")
    sources = {case: f"{HEAD}import torch\n{source}\n{HOOK}" for case, (source, _) in OF_TORCH.items()}
    folder = distributions_in(tmp_path_factory.mktemp("torch") / "site")
    return found_in(folder, sources, before="import torch\n")


def said_once(found: dict[str, Any], lines: str, case: str) -> str:
    """Return the one line about a plugin, which was said on standard error too."""
    [line] = [line for line in found[lines] if f" {name_of(case)} " in line]
    assert line.isprintable()
    [said] = [said for said in found["stderr"] if f" {name_of(case)} " in said]
    assert line in said
    return line


@pytest.mark.parametrize("case", LEFT_OUT)
def test_plugin_is_left_out(found: dict[str, Any], case: str) -> None:
    line = said_once(found, "problems", case)
    assert f"plugin {name_of(case)} 1.0 was left out (" in line
    assert LEFT_OUT[case][1].format(name_of(case).replace("-", "_")) in line


@pytest.mark.parametrize("case", PUT_BACK)
def test_what_a_plugin_changes_is_put_back(found: dict[str, Any], case: str) -> None:
    line = said_once(found, "notes", case)
    assert f"plugin {name_of(case)} 1.0 changed {PUT_BACK[case][1]}" in line
    assert f"{name_of(case)}:fine" in found["names"]


@pytest.mark.parametrize("case", OF_TORCH)
def test_what_a_plugin_changes_of_torch_is_put_back(found_with_torch: dict[str, Any], case: str) -> None:
    line = said_once(found_with_torch, "notes", case)
    assert OF_TORCH[case][1] in line
    assert f"{name_of(case)}:fine" in found_with_torch["names"]


def test_nothing_is_changed_and_no_other_plugin_harmed(found: dict[str, Any]) -> None:
    assert found["changed"] == []
    assert {"acme-a-good-one:fine", "zz-good-too:fine"} <= set(found["names"])
    assert len(found["problems"]) == len(LEFT_OUT)
    assert len(found["notes"]) == len(PUT_BACK)


def test_nothing_is_changed_of_torch(found_with_torch: dict[str, Any]) -> None:
    assert found_with_torch["changed"] == []
    assert len(found_with_torch["notes"]) == len(OF_TORCH)


def test_the_table_is_whole() -> None:
    assert len(LEFT_OUT) + len(PUT_BACK) + len(OF_TORCH) + len(DAMAGED) >= 45


METHODS = {  # what the module of a method does: what the note says
    "moves": ("import os; os.chdir('/')", "the working directory"),
    "recurses deeper": ("import sys; sys.setrecursionlimit(54321)", "the recursion limit"),
    "ignores Ctrl-C": ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", "signal handlers"),
    "seeds": ("import random; random.seed(0)", ""),  # many a library draws
}


def test_what_a_method_changes_is_put_back_where_it_is_used(distributions: Any) -> None:
    for case, (source, _) in METHODS.items():
        name = name_of(case)
        package = name.replace("-", "_")
        target = HOOK.replace("nowhere:Fine", f"{package}.method:Fine")
        distributions.add(name, HEAD + target, files={"method.py": f"{source}\nclass Fine: pass\n"})
    code = f"{STATE}before = state()\nfor r in registry: r.load()\nresult['same'] = state() == before"
    found = distributions.probe(code)
    assert found["same"]
    end = "while it was imported; that was put back"
    said = {
        f"snnplug: note: neuron {name_of(case)}:fine 1.0 changed {words} {end}"
        for case, (_, words) in METHODS.items()
        if words
    }
    assert set(found["stderr"]) == said


DAMAGED = {  # content of entry_points.txt: what is said
    "section not closed": (
        b"[snnplug\nit = acme.plugin\n",
        "entry_points.txt has no entry in a section [snnplug]",
    ),
    "section without entries": (b"[snnplug]\n", "entry_points.txt has no entry in a section [snnplug]"),
    "line without a sign": (b"[snnplug]\nit acme.plugin\n", "entry_points.txt is damaged"),
    "cut in half": (b"[snnplug]\nit", "entry_points.txt is damaged"),
    "no text": (b"[snnplug]\nit = \xff\xfe\x00plugin\n", "entry_points.txt is damaged (UnicodeDecodeError"),
    "emptied": (b"", "entry_points.txt is empty"),
    "value that is none": (b"[snnplug]\nit = ???\n", "'???' names no module"),
}


def test_damaged_entry_points_are_named(distributions: Any) -> None:
    for case, (content, _) in DAMAGED.items():
        info = distributions.add(name_of(case), HEAD + HOOK)
        (info / "entry_points.txt").write_bytes(content)
    distributions.add("good-plugin", HEAD + HOOK)
    (distributions.add("other-package", "") / "entry_points.txt").write_bytes(b"[console_scripts\n\xff")
    found = distributions.probe()
    assert found["names"] == ["good-plugin:fine"]
    assert sorted(problem[0] for problem in found["problems"]) == sorted(map(name_of, DAMAGED))
    for case, (_, words) in DAMAGED.items():
        [line] = [line for line in found["stderr"] if f" {name_of(case)} 1.0 " in line]
        assert words in line


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"Name acme\n", b"Name:\nVersion:\n"])
def test_damaged_metadata_is_named(distributions: Any, content: bytes) -> None:
    info = distributions.add("acme-plugin", HEAD + HOOK)
    (info / "METADATA").write_bytes(content)
    distributions.add("good-plugin", HEAD + HOOK)
    found = distributions.probe()
    assert found["names"] == ["good-plugin:fine"]
    [(plugin, _, phase, error, _)] = found["problems"]
    assert (plugin, phase) == ("acme-plugin", "metadata")
    assert "METADATA file is missing or damaged; install it again" in error


def test_ten_thousand_specs(distributions: Any) -> None:
    distributions.add("acme-many", hook(f"for i in range(10_000): yield {SPEC}"))
    found = distributions.probe("registry.merged(Registry())")  # quadratic, it would take a minute
    assert len(found["names"]) == 10_000
    assert found["stderr"] == []


def test_slow_import_is_attributed(distributions: Any) -> None:
    distributions.add("acme-slow", f"{HEAD}import time; time.sleep(0.3)\n{HOOK}")
    distributions.add("good-plugin", HEAD + HOOK)
    code = (
        "import snnplug.registry.discovery as d\nd._SLOW = 0.25\n"
        "result['notes'] = [str(note) for note in d.discover()[2]]\n"
        "for name in [n for n in sys.modules if n.startswith('acme_slow')]: del sys.modules[name]\n"
        "result['again'] = [str(note) for note in d.discover()[2]]"
    )
    found = distributions.probe(code)
    assert found["stderr"] == []
    assert [note.partition(" takes ")[0] for note in found["again"]] == ["plugin acme-slow 1.0"]
    assert "s to import; every command waits for it" in found["again"][0]


KILLERS = {
    "acme-exit": ("import os; os._exit(0)", "importing it ends the process with exit code 0"),
    "acme-crash": ("import ctypes; ctypes.string_at(0)", "importing it crashes the process (SIGSEGV)"),
    "acme-abort": ("import os; os.abort()", "importing it crashes the process (SIGABRT)"),
}


def test_what_a_plugin_logs_later_is_no_result(distributions: Any) -> None:
    source = f"{HEAD}import logging\nlog = logging.StreamHandler(sys.stdout)\n{HOOK}"
    distributions.add("acme-logs", source)
    code = "import acme_logs.plugin as p, logging\np.log.emit(logging.makeLogRecord({'msg': 'later'}))"
    assert distributions.probe(code)["stderr"] == ["later"]


def test_isolated_finds_who_ends_the_process(distributions: Any) -> None:
    for name, (source, _) in KILLERS.items():
        distributions.add(name, source)
    distributions.add("acme-broken", "raise ValueError('no')")
    distributions.add("acme-talks", f"{HEAD}print('hello'); os.write(1, b'raw')\n{HOOK}")
    distributions.add("good-plugin", HEAD + HOOK)
    done = distributions.run("-m", "snnplug", "list", "--isolated", "--json")
    assert done.returncode == 1, done.stderr
    found = {plugin["plugin"]: plugin for plugin in json.loads(done.stdout)}
    assert found["good-plugin"]["problem"] == ""
    assert found["acme-broken"]["problem"] == "(import) acme_broken.plugin: ValueError: no"
    assert found["acme-talks"]["notes"] == [
        "changed standard output, by printing 'hello' while it was imported; that was put back"
    ]
    for name, (_, words) in KILLERS.items():
        assert found[name]["killed"]
        hint = f"disable it by SNNPLUG_DISABLE={name} in the environment, or uninstall it"
        assert found[name]["problem"] == f"{words}; {hint}"
    disabled = ",".join([*KILLERS, "acme-broken"])
    assert distributions.run("-m", "snnplug", "list", "--isolated", SNNPLUG_DISABLE=disabled).returncode == 0


def test_import_that_never_ends_is_ended(distributions: Any) -> None:
    distributions.add("acme-waits", "import time\nwhile True: time.sleep(1)")
    code = (
        "from snnplug.registry.isolation import import_each\n"
        "print([plugin.problem for plugin in import_each(patience=3)])"
    )
    done = distributions.run("-c", code)
    assert "its import did not end within 3 s; disable it by SNNPLUG_DISABLE=acme-waits" in done.stdout


def test_ctrl_c_while_importing_is_the_users(distributions: Any) -> None:
    distributions.add("acme-waits", "import signal; signal.raise_signal(signal.SIGINT)")
    done = distributions.run("-m", "snnplug", "list")
    assert done.returncode == 130
    assert done.stderr.splitlines() == ["snnplug: interrupted"]
