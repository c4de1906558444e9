"""`snnplug schema`: what recipes may hold, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


@click.command("schema")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="File to write [default: standard output]."
)
def command(out: Path | None) -> None:
    """Print the JSON Schema of recipes with all that is installed: keys, ranges, defaults, descriptions.

    With it an editor completes and checks recipes; a recipe names the file in its first line:

    \b
      #:schema recipe.schema.json

    Make it again after a plugin has come or gone.
    """
    from snnplug.recipe.schema import recipe_schema
    from snnplug.registry.registry import Registry

    schema, unknown = recipe_schema(Registry.from_installed())
    for line in unknown:
        click.echo(f"snnplug: note: {line}; its parameters are not in the schema", err=True)
    text = json.dumps(schema, indent=2)
    if out is None:
        click.echo(text)
    else:
        out.write_text(f"{text}\n", encoding="utf-8")
        click.echo(out)
