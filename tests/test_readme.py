"""The code in the README and the documentation runs and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
]


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and text of each code block; one with a title is a file and not run here."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(language if not title.strip() else "file", text) for language, title, text in found]


def has_python(page: Path) -> bool:
    return any(language == "python" for language, _ in blocks(page))


@pytest.mark.parametrize("page", [p for p in PAGES if has_python(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_run_and_print_what_is_shown(page: Path) -> None:
    pytest.importorskip("torch")
    names: dict[str, object] = {"__name__": "example"}
    found = blocks(page)
    for (language, text), (after, shown) in zip(found, [*found[1:], ("", "")], strict=True):
        if language != "python":
            continue
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(text, str(page), "exec"), names)
        if after == "text":
            assert output.getvalue() == shown


def test_readme_fits_on_three_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_commands_of_the_readme_are_those_that_are_run() -> None:
    shell = [text.strip() for language, text in blocks(ROOT / "README.md") if language == "sh"]
    assert any(text.endswith(".venv/bin/snnplug run") for text in shell)
    (tested,) = [text for text in shell if text.endswith(".venv/bin/tox")]
    assert tested in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_light_installation_has_what_the_default_recipe_uses() -> None:
    (names,) = re.findall(
        r"\./plugins/snnplug-\{([\w,-]+)\}", (ROOT / "README.md").read_text(encoding="utf-8")
    )
    installed = {f"snnplug-{name}" for name in names.split(",")}
    recipe = (ROOT / "snnplug" / "recipes" / "default.toml").read_text(encoding="utf-8")
    assert set(re.findall(r'"(snnplug-[\w-]+):', recipe)) <= installed
    assert all((ROOT / "plugins" / name).is_dir() for name in installed)


def test_recipe_of_the_readme_is_valid() -> None:
    pytest.importorskip("torch")
    from snnplug.recipe.plan import make_plan
    from snnplug.recipe.recipe import Recipe
    from snnplug.registry.registry import Registry

    (text,) = [t for language, t in blocks(ROOT / "README.md") if language == "toml" and "[search]" in t]
    plan = make_plan(Recipe.from_dict(tomllib.loads(text)), Registry.from_installed())
    assert plan.recipe.stages == ("search", "train", "measure", "report")
