"""Write docs/neurons/NAME.svg, what each neuron answers to two currents: `python docs/neurons.py`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import attrs
import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from snnplug import Registration, Registry
from snnplug.nn import SpikingNeuron, WindowNeuron, seeded

PICTURES = Path(__file__).with_name("neurons")
OURS = {path.name for path in PICTURES.parents[1].glob("plugins/snnplug-*")}

REQUIRED = {"imp": {"base": "lif"}}  # parameters without a default
STEPS, WINDOW = 40, 8  # of a current, and of one to a windowed code, which waits for all of it
LEVEL, VALUE = 1.2, 0.7  # of a constant current, and what a code is given to send; thresholds are 1
INK, BLUE, RED = "#4a5568", "#2b6cb0", "#c05621"


@attrs.frozen
class Response:
    """What a neuron answers to a current.

    Attributes:
        current: `[T]`.
        sent: spikes or values `[R]`, those of a windowed code after its window.
        potential: membrane potential after each step `[T]`, or None where it has none.
        says: the answer in a few words.
    """

    current: Tensor
    sent: Tensor
    potential: Tensor | None
    says: str


def neurons(registry: Registry) -> Iterator[Registration]:
    """Return the neurons of our own plugins."""
    return (found for found in registry.list("neuron") if found.plugin in OURS)


def build(registry: Registry, registration: Registration) -> SpikingNeuron:
    """Return a neuron as it is at the start; a windowed code is set from potentials between 0 and 1."""
    with seeded(0):
        neuron = registry.create("neuron", registration.qualified, **REQUIRED.get(registration.name, {}))
    assert isinstance(neuron, SpikingNeuron)
    neuron.double().eval()
    if isinstance(neuron, WindowNeuron):
        neuron.domain = "event"
        neuron.start(torch.linspace(0, 1, 1001, dtype=torch.float64).unsqueeze(1))
    return neuron


def currents(neuron: SpikingNeuron) -> dict[str, Tensor]:
    """Return a constant and a noisy current `[T]`, by name."""
    noise = random.Random(0)
    noisy = torch.tensor([1 + noise.gauss() for _ in range(STEPS)], dtype=torch.float64)
    shapes = {"constant": torch.ones_like(noisy), "noisy": noisy}
    if isinstance(neuron, WindowNeuron):
        return {name: shape[:WINDOW] * VALUE / WINDOW for name, shape in shapes.items()}
    if not neuron.graded:
        return {name: shape * LEVEL for name, shape in shapes.items()}
    period = neuron.bias_every or 1  # a code of several steps is given its value in the first of them
    at_first = torch.arange(STEPS).remainder(period).eq(0)
    return {name: shape * VALUE * at_first for name, shape in shapes.items()}


def respond(neuron: SpikingNeuron, current: Tensor) -> Response:
    """Run a neuron for one current `[T]`."""
    x = current.view(-1, 1, 1)
    with torch.no_grad():
        with seeded(0):  # parameters that take their shape from the current are drawn here
            sent, potential = neuron(x).flatten(), None
        if not neuron.windowed and not neuron.analog:
            steps, potentials, state = [], [], neuron.initial_state(x[0])
            for now in x:
                out, state = neuron.step(now, state)
                steps.append(out.flatten())
                potentials.append(state.v.flatten())
            sent, potential = torch.cat(steps), torch.cat(potentials)
    return Response(current, sent, potential, _words(neuron, sent))


def _words(neuron: SpikingNeuron, sent: Tensor) -> str:
    if neuron.analog:
        return "analog values, no spikes"
    number = int(sent.count_nonzero())
    spikes = f"{number} spike{'' if number == 1 else 's'}"
    return f"{spikes}, sum {float(sent.sum()):.2f}" if neuron.graded else spikes


def picture(neuron: SpikingNeuron) -> Figure:
    """Return current, membrane potential where there is one, and output, for both currents."""
    responses = {name: respond(neuron, current) for name, current in currents(neuron).items()}
    has_potential = all(response.potential is not None for response in responses.values())
    heights = (1, 1.6, 1) if has_potential else (1, 1)
    figure = Figure(figsize=(6.4, 0.55 + 0.52 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(heights), 2, sharex="col", sharey="row", height_ratios=heights)
    for column, (name, response) in enumerate(responses.items()):
        current, *middle, output = rows[:, column]
        current.set_title(f"{name} current: {response.says}", fontsize=9)
        current.step(_from_one(response.current), response.current, where="mid", color=INK, lw=1)
        for axes in middle:
            assert response.potential is not None
            axes.plot(_from_one(response.potential), response.potential, color=BLUE, lw=1.2)
        _draw_output(output, neuron, response)
    labels = ("current", "potential", "output") if has_potential else ("current", "output")
    for axes, label in zip(rows[:, 0], labels, strict=True):
        axes.set_ylabel(label, fontsize=8)
    for axes in rows.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7, length=2)
        axes.locator_params(axis="x", nbins=5)
        axes.locator_params(axis="y", nbins=3)
    for axes in rows[:-1].flat:
        axes.tick_params(bottom=False)
    figure.supxlabel("time step", fontsize=8)
    figure.align_ylabels()
    return figure


def _draw_output(axes: Axes, neuron: SpikingNeuron, response: Response) -> None:
    if neuron.analog:
        axes.step(_from_one(response.sent), response.sent, where="mid", color=RED, lw=1.2)
        return
    after = len(response.current) if isinstance(neuron, WindowNeuron) else 0  # the window has to be complete
    at = response.sent.nonzero().flatten()
    gaps = torch.full_like(response.sent[at], torch.nan)
    lines = torch.stack([torch.zeros_like(gaps), response.sent[at], gaps], 1)
    axes.plot((at + 1 + after).repeat_interleave(3), lines.flatten(), color=RED, lw=1.4)  # one path for all
    axes.axhline(0, color=INK, lw=0.5)
    axes.set_ylim(bottom=min(0.0, float(response.sent.min())))
    if after:
        axes.axvline(after + 0.5, color=INK, lw=0.8, ls=":")
        axes.set_xlim(0, after + len(response.sent) + 1)
    elif not neuron.graded:
        axes.set_yticks([])


def _from_one(values: Tensor) -> range:
    return range(1, len(values) + 1)


if __name__ == "__main__":
    registry = Registry.from_installed()
    PICTURES.mkdir(exist_ok=True)
    for registration in neurons(registry):
        # text stays text, and nothing in the file depends on the day or the machine
        with mpl.rc_context(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": registration.name,
                "font.sans-serif": ["DejaVu Sans"],
            }
        ):
            figure = picture(build(registry, registration))
            figure.savefig(PICTURES / f"{registration.name}.svg", metadata={"Date": None, "Creator": None})
