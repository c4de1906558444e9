"""`snnplug convert`: a trained PyTorch model of the user's own becomes a spiking network."""

from __future__ import annotations

from pathlib import Path

import click

from snnplug.errors import ParameterError
from snnplug.registry.registry import Registry

__all__ = ["command"]

RECIPE = "convert_model"


@click.command("convert")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--coding", required=True, metavar="NEURON", help="What stands for every activation; see snnplug list."
)
@click.option("--data", metavar="DATASET", help="What the model is calibrated and judged by.")
@click.option(
    "-s",
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a key, such as dataset.root=data.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run directory to make [default: a new one under runs/]."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Print the run directory only.")
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    coding: str,
    data: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    device: str,
    quiet: bool,
) -> None:
    """Convert MODEL, a file that torch.export.save wrote, to a spiking network.

    Without --data it says what becomes of every operation of the model, with its line of source, and exits
    with 1 if some cannot be converted. With --data it makes a run of the built-in recipe convert_model: the
    neurons are calibrated, the network is measured beside the model, and where it errs is traced. The
    directory is printed last.

    \b
    Examples:
      snnplug convert model.pt2 --coding NEURON
      snnplug convert model.pt2 --coding NEURON --data DATASET -s dataset.root=data -s convert.neuron.slots=4
    """
    if data is None:
        if overrides or out is not None:
            raise click.UsageError("-s and --out go with --data")
        if not _say_account(model, coding):
            ctx.exit(1)
        return
    from snnplug.cli.run_command import command as run_command

    chosen = (f"architecture.file={model}", f"convert.neuron.use={coding}", f"dataset.use={data}")
    ctx.invoke(
        run_command,
        recipe=RECIPE,
        out=out,
        overrides=(*chosen, *overrides),
        device=device,
        devices=1,
        quiet=quiet,
    )


def _say_account(model: Path, coding: str) -> bool:
    """Print what becomes of every operation; return whether all can be converted."""
    from snnplug.engine.process import own_process

    own_process()  # before torch is loaded
    from snnplug.nn import convert

    neuron = Registry.from_installed().use("neuron", coding)
    if neuron.load().analog:
        raise ParameterError(f"--coding: {neuron.name} sends no spikes; take a neuron that does")
    found = convert(model, None, neuron, strict=False)
    click.echo(str(found))
    return not found.refused
