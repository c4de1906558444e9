"""The documentation covers what there is: hooks, keys, links, the catalogue, and the tutorial's package."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest
from click.testing import CliRunner

from snnplug import KINDS, testing
from snnplug.cli.main import COMMANDS, main
from snnplug.engine.stages.measure import EnergySection, MeasureSection
from snnplug.engine.stages.search import SearchSection
from snnplug.engine.train_section import TrainSection
from snnplug.recipe.built_in import built_in_recipes
from snnplug.recipe.recipe import Recipe
from snnplug.registry import hookspecs
from snnplug.registry.parameters import parameters_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
DIRECTIVE = re.compile(r"^::: ([\w.]+)\n(?: +options: \{(.*)\})?", re.MULTILINE)
PUBLIC = (
    "snnplug",
    "snnplug.contracts",
    "snnplug.errors",
    "snnplug.nn",
    "snnplug.nn.events",
    "snnplug.testing",
)
FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_hook_is_documented_with_its_signature(kind) -> None:
    signature = inspect.signature(getattr(hookspecs, kind.hook))
    heading = f"## `{kind.hook}() -> {signature.return_annotation}`"
    assert not signature.parameters
    assert heading in (DOCS / "kinds" / f"{kind.name}.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_is_documented_with_its_facts_and_its_conformance_class(kind) -> None:
    text = (DOCS / "kinds" / f"{kind.name}.md").read_text(encoding="utf-8")
    common = {field.name for field in attrs.fields(kind.spec.__mro__[1])}
    own = [field.name for field in attrs.fields(kind.spec) if field.name not in common]
    assert [name for name in own if f"- `{name}`" not in text] == []
    conformance = kind.spec.__name__.removesuffix("Spec") + "Conformance"
    assert conformance in testing.__all__
    assert f"`snnplug.testing.{conformance}`" in text


def test_the_readme_lists_every_kind() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [
        kind for kind in KINDS.values() if f"| `{kind.name}` |" not in text or f"`{kind.hook}`" not in text
    ] == []


@pytest.mark.parametrize(
    "section", [Recipe, SearchSection, TrainSection, MeasureSection, EnergySection], ids=lambda s: s.__name__
)
def test_every_key_of_a_recipe_is_documented(section) -> None:
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    keys = [field.name for field in attrs.fields(section) if field.name not in ("overridden", "sections")]
    assert [key for key in keys if f"`{key}`" not in text and f"`[{key}]`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_resolve(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_navigation() -> None:
    navigation = (DOCS / "mkdocs" / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert [page for page in pages if not re.search(rf" {re.escape(page)}$", navigation, re.MULTILINE)] == []


def script(name: str) -> ModuleType:
    """Return a script of docs/ as a module."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_catalogue_is_up_to_date(installed_registry) -> None:
    written = (DOCS / "catalogue.md").read_text(encoding="utf-8")
    assert written == script("catalogue").catalogue(installed_registry), "run: python docs/catalogue.py"


def test_every_parameter_has_a_meaning(installed_registry) -> None:
    catalogue, missing = script("catalogue"), []
    for kind in KINDS.values():
        for found in catalogue.entries(installed_registry, kind):
            parameters, _ = parameters_of(found.load(), kind.supplied)
            said = catalogue.meanings(found.load())
            missing += [f"{found.qualified} {name}" for name in parameters if not said.get(name)]
    assert missing == [], "say it under Args: in the docstring"


def test_every_neuron_is_drawn_as_it_answers_today(installed_registry) -> None:
    neurons = script("neurons")
    drawn = {path.stem: path.read_text(encoding="utf-8") for path in neurons.PICTURES.glob("*.svg")}
    answers = {}
    for found in neurons.neurons(installed_registry):
        neuron = neurons.build(installed_registry, found)
        responses = {name: neurons.respond(neuron, x) for name, x in neurons.currents(neuron).items()}
        answers[found.name] = [f">{name} current: {r.says}<" for name, r in responses.items()]
    assert drawn.keys() == answers.keys(), "run: python docs/neurons.py"
    stale = [name for name, said in answers.items() if not all(words in drawn[name] for words in said)]
    assert stale == [], "run: python docs/neurons.py"
    assert sum(map(len, drawn.values())) < 1_000_000


def test_the_reference_has_every_public_name() -> None:
    pytest.importorskip("torch")
    documented: dict[str, set[str]] = {}  # modules that a name is shown as part of
    for page in (DOCS / "api").glob("*.md"):
        for path, options in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            heading = re.search(r"heading: ([\w.]+)", options)
            module, _, name = (heading[1] if heading else path).rpartition(".")
            documented.setdefault(name, set()).add(module)
    missing = []
    for module in map(importlib.import_module, PUBLIC):
        for name in module.__all__:
            shown = [importlib.import_module(of) for of in documented.get(name, ()) if of in PUBLIC]
            if not any(getattr(of, name) is getattr(module, name) for of in shown):
                missing.append(f"{module.__name__}.{name}")
    assert missing == ["snnplug.__version__", "snnplug.errors"]


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the tutorial's package as shown, where this process finds it; return its folder."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("tutorial")
    for name, text in FILE.findall((DOCS / "write-a-plugin.md").read_text(encoding="utf-8")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    place = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(place), "./acme-neurons"]
    subprocess.run(command, cwd=folder, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        patch.setenv("SNNPLUG_STRICT", "1")
        yield folder


def output_of(*command: str) -> str:
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_tutorials_neuron_is_listed(tutorial) -> None:
    assert "leaky_by_constant" in output_of("list", "--kind", "neuron")
    assert "Fusi" in output_of("show", "neuron", "leaky_by_constant")
    shown = json.loads(output_of("show", "neuron", "leaky_by_constant", "--json"))
    defaults = {p["name"]: p["default"] for p in shown["parameters"]}
    assert defaults == {"leak": 0.1, "threshold": 1.0, "surrogate": "atan"}


def test_the_tutorials_recipe_runs(tutorial, monkeypatch) -> None:
    monkeypatch.chdir(tutorial)
    shorter = ["-s", "train.epochs=1", "-s", "neuron.leak=0.4"]
    output_of("run", "acme-neurons/acme.toml", "--out", "runs/acme", "--device", "cpu", *shorter)
    assert (tutorial / "runs" / "acme" / "report.html").is_file()


def test_the_tutorials_tests_pass(tutorial, run_pytest) -> None:
    reports = run_pytest(tutorial / "acme-neurons" / "tests")
    assert [report.longreprtext for report in reports.values() if report.failed] == []
    assert sum(report.passed for report in reports.values()) > 20


def test_every_built_in_recipe_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert [name for name in built_in_recipes() if f"| `{name}` |" not in text] == []


def test_every_command_and_option_is_documented() -> None:
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    missing = []
    for name in COMMANDS:
        module = f"snnplug.cli.{name.replace('-', '_')}_command"
        command = importlib.import_module(module).command
        options = [option for p in command.params for option in p.opts if option.startswith("--")]
        missing += [word for word in (f"`snnplug {name}", *options) if word not in text]
    assert missing == []


def test_only_what_belongs_there_stands_at_the_top() -> None:
    allowed = {"snnplug", "plugins", "tests", "docs", "pyproject.toml", "tox.ini"}
    allowed |= {"README.md", "CHANGELOG.md", "LICENSE"}
    made = {"build", "dist", "runs", "site"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - made == allowed


def test_every_surrogate_is_drawn_and_described() -> None:
    pytest.importorskip("torch")
    from snnplug.nn import SURROGATES

    text = (DOCS / "surrogates.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([\d.]+) \| .* \|$", text, re.MULTILINE)
    assert {name: float(alpha) for name, alpha in rows} == {n: s.alpha for n, s in SURROGATES.items()}
    drawn = re.findall(r">([^<>]+)</text>", (DOCS / "surrogates.svg").read_text(encoding="utf-8"))
    assert [name for name in SURROGATES if name not in drawn] == [], "run: python docs/surrogates.py"
    sharpness = {f"alpha = {s.alpha * factor:g}" for s in SURROGATES.values() for factor in (0.5, 1, 2)}
    assert {label for label in drawn if label.startswith("alpha")} == sharpness, (
        "run: python docs/surrogates.py"
    )


def test_every_promise_is_held_by_a_test_that_exists() -> None:
    named = re.findall(r"`((?:tests|plugins)/[\w/.-]+?\.py)(?:::(\w+))?`", (DOCS / "promises.md").read_text())
    assert len(named) > 50
    for file, test in named:
        source = (DOCS.parent / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source, f"{file} has no {test}"
