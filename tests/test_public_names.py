"""Public names: `__all__` is sorted and true, hooks are documented, and importing stays light."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import snnplug
from snnplug import KINDS

PACKAGE = Path(snnplug.__file__).parent
MODULES = sorted(
    m.name for m in pkgutil.walk_packages([str(PACKAGE)], "snnplug.") if m.name != "snnplug.__main__"
)


def _listed(module: str) -> list[str] | None:
    """`__all__` as it is written, without importing anything."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id == "__all__":
            return ast.literal_eval(node.value)
    return None


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: as ruff sorts."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2), name


@pytest.mark.parametrize("module", ["snnplug", *MODULES])
def test_all_is_sorted_and_true(module):
    listed = _listed(module)
    if listed is None:
        pytest.skip("no __all__")
    assert listed == sorted(listed, key=_order)
    assert len(set(listed)) == len(listed)
    try:
        loaded = importlib.import_module(module)
        missing = [name for name in listed if not hasattr(loaded, name)]
    except ModuleNotFoundError as error:
        if str(error.name).startswith("snnplug"):
            raise
        pytest.skip(f"needs {error.name}")
    assert not missing, f"{module}.__all__ lists what is not there: {missing}"
    own = {
        name
        for name, value in vars(loaded).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module
    }
    unlisted = own - set(listed) - {kind.hook for kind in KINDS.values()}
    assert not unlisted, f"public in {module} but not in __all__: {sorted(unlisted)}"


def test_the_package_exports_every_spec():
    assert {kind.spec.__name__ for kind in KINDS.values()} <= set(snnplug.__all__)
    with pytest.raises(AttributeError, match="module 'snnplug' has no attribute 'nothing'"):
        snnplug.nothing  # noqa: B018


def test_importing_stays_light():
    heavy = ("torch", "numpy", "matplotlib", "optuna", "sklearn", "lightning_fabric")
    steps = [
        "import snnplug",
        "import snnplug.recipe.plan",
        "import snnplug.cli",
        "import snnplug.testing",
        "snnplug.Recipe",
        "snnplug.Registry.from_installed()",
    ]
    check = "import sys\n" + "".join(
        f"{step}\nprint(*[({step!r}, m) for m in {heavy} if m in sys.modules])\n" for step in steps
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
