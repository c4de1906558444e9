"""The parameters of a target read from its source, nothing imported: completion must not load torch.

What the text does not tell (a function made by another one, a base class of some library) is unknown here;
whoever builds the thing reads its real signature.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence

__all__ = ["parameters_in_source"]

_RECORDS = ("define", "frozen", "mutable", "dataclass", "attrs")  # decorators that write an __init__
_Named = tuple[str, str]  # a parameter and its annotation as it is written


def parameters_in_source(target: str, supplied: Sequence[str] = ()) -> dict[str, str] | None:
    """Return the parameters of a target and their types as text; None where its source does not tell.

    Args:
        target: `"package.module:Attribute"`.
        supplied: as for `parameters_of`.
    """
    module, _, name = target.partition(":")
    try:
        arguments = _of_name(module, name)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    if arguments is None:
        return None
    positional, named = arguments
    return dict([*positional[len(supplied) :], *named])


def _of_name(module: str, name: str) -> tuple[list[_Named], list[_Named]] | None:
    """Return the arguments of a function or class of a module: those with a place, those with only a name."""
    found = _top_level(module).get(name)
    if isinstance(found, ast.FunctionDef):
        return _of_function(module, found)
    if isinstance(found, ast.ClassDef):
        return _of_class(module, found)
    if isinstance(found, ast.ImportFrom):
        where = _import(module, found, name)
        return _of_name(*where) if where else None
    return None


def _of_function(module: str, node: ast.FunctionDef) -> tuple[list[_Named], list[_Named]]:
    positional = [*node.args.posonlyargs, *node.args.args]
    return [_named(module, one) for one in positional], [_named(module, one) for one in node.args.kwonlyargs]


def _named(module: str, argument: ast.arg) -> _Named:
    return argument.arg, _type(module, argument.annotation) if argument.annotation else ""


def _type(module: str, annotation: ast.expr) -> str:
    """Return a type as it is written; where it is a name for another type, that one."""
    found = _top_level(module).get(annotation.id) if isinstance(annotation, ast.Name) else None
    if isinstance(found, ast.Assign | ast.AnnAssign) and found.value:
        return ast.unparse(found.value)
    if isinstance(found, ast.ImportFrom) and isinstance(annotation, ast.Name):
        where = _import(module, found, annotation.id)
        return _type(where[0], ast.Name(where[1])) if where else annotation.id
    return ast.unparse(annotation)


def _of_class(module: str, node: ast.ClassDef) -> tuple[list[_Named], list[_Named]] | None:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            positional, named = _of_function(module, inner)
            return positional[1:], named  # without self
    of_bases = [_of_base(module, base) for base in node.bases]
    inherited = next((found for found in of_bases if found), None)
    if not any(_last_name(decorator) in _RECORDS for decorator in node.decorator_list):
        return inherited if node.bases else ([], [])
    before = [*inherited[0], *inherited[1]] if inherited else []
    fields = list(dict([*before, *_fields(module, node)]).items())
    return ([], fields) if "kw_only=True" in map(ast.unparse, _keywords(node)) else (fields, [])


def _keywords(node: ast.ClassDef) -> Iterator[ast.keyword]:
    for decorator in node.decorator_list:
        yield from decorator.keywords if isinstance(decorator, ast.Call) else ()


def _of_base(module: str, base: ast.expr) -> tuple[list[_Named], list[_Named]] | None:
    return _of_name(module, base.id) if isinstance(base, ast.Name) else None


def _fields(module: str, node: ast.ClassDef) -> Iterator[_Named]:
    for inner in node.body:
        if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
            kind = _type(module, inner.annotation)
            if not kind.startswith(("ClassVar", "typing.ClassVar")) and "init=False" not in ast.unparse(
                inner
            ):
                yield inner.target.id.lstrip("_"), kind


def _last_name(node: ast.expr) -> str:
    """Return `frozen` for `@attrs.frozen(kw_only=True)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _import(module: str, node: ast.ImportFrom, name: str) -> tuple[str, str] | None:
    """Return module and name that an imported name stands for; None where it is not ours to read."""
    package = module if _file_of(module).endswith("__init__.py") else module.rpartition(".")[0]
    where = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    if where.partition(".")[0] not in (module.partition(".")[0], "snnplug"):
        return None
    return where, next(alias.name for alias in node.names if name == (alias.asname or alias.name))


@functools.cache
def _top_level(module: str) -> dict[str, ast.stmt]:
    with open(_file_of(module), encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: node for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


@functools.cache
def _file_of(module: str) -> str:
    """Return the file of a module without importing it or its packages.

    Raises:
        ValueError: there is none.
    """
    top, *rest = module.split(".")
    loaded = sys.modules.get(top)
    places = list(getattr(loaded, "__path__", None) or ())
    if not places:
        spec = importlib.util.find_spec(top)
        if spec and spec.origin and not rest:
            return spec.origin
        places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        path = os.path.join(place, *rest)
        for file in (f"{path}.py", os.path.join(path, "__init__.py")):
            if os.path.isfile(file):
                return file
    raise ValueError(f"no source of {module}")
