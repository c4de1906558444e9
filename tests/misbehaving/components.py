"""A component of every kind that misbehaves at one place in one way, as its parameters say."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import toys
from torch import Generator, Tensor, nn
from ways import act

from snnplug import (
    Activity,
    Answer,
    ArchitectureSpec,
    Benchmark,
    BenchmarkSpec,
    CallbackSpec,
    Candidate,
    ChipSpec,
    Component,
    DatasetSpec,
    EncoderSpec,
    EnergyEstimate,
    EnergyItem,
    EnergyModelSpec,
    ExecutorSpec,
    Exported,
    ExporterSpec,
    Fit,
    Graph,
    LayerGraph,
    LossSpec,
    Need,
    NeuronSpec,
    Reader,
    Registry,
    ScorerSpec,
    SearchSpaceSpec,
    Splits,
    StrategySpec,
    Task,
    TrackedRun,
    TrackerSpec,
    TrainedNetwork,
    Trial,
)
from snnplug.nn import Batch, Callback, MembraneState, Training

PLUGIN, VERSION = "acme-bad", "1.2"


class Places:
    """Where it misbehaves, and how."""

    def prepare(self, place: str, way: str, late: str) -> None:
        self.place, self.way, self.late = place, way, late
        self.at("build", None)

    def at(self, place: str, good: Any) -> Any:
        return act(self.way, self.late, good) if place == self.place else good


class BadNeuron(toys.ToyNeuron, Places):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        super().__init__()
        self.prepare(place, way, late)

    def initial_state(self, x: Tensor) -> Any:
        return self.at("initial_state", super().initial_state(x))

    def step(self, x: Tensor, state: MembraneState) -> Any:
        spikes, state = super().step(x, state)
        return self.at("step", spikes), state

    def sequence(self, x: Tensor, state: Any) -> Any:
        spikes, state = super().sequence(x, state)
        return self.at("sequence", spikes), state


class BadEncoder(toys.ToyEncoder, Places):
    def __init__(self, task: Task, *, steps: int = 3, place: str = "", way: str = "", late: str = "") -> None:
        super().__init__(task, steps=steps)
        self.prepare(place, way, late)

    @property
    def output_shape(self) -> Any:
        return self.at("output_shape", self.task.input_shape)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Any:
        return self.at("forward", super().forward(values, generator))


class BadLoss(toys.ToyLoss, Places):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        super().__init__()
        self.prepare(place, way, late)

    def forward(self, outputs: Tensor, target: Tensor) -> Any:
        return self.at("forward", super().forward(outputs, target))

    def readout(self, outputs: Tensor) -> Any:
        return self.at("readout", super().readout(outputs))

    def watch(self, model: nn.Module) -> None:
        self.at("watch", None)

    def unwatch(self) -> None:
        self.at("unwatch", None)


class BadSplit(Places):
    def __init__(self, split: Any, place: str, way: str, late: str) -> None:
        self.split, self.place, self.way, self.late = split, place, way, late

    def __len__(self) -> int:
        return self.at("length", len(self.split))

    def batch(self, indices: Tensor) -> Any:
        values, labels = self.split.batch(indices)
        return self.at("batch", (self.at("values", values), self.at("labels", labels)))


def bad_data(*, place: str = "", way: str = "", late: str = "") -> Any:
    splits = toys.toy_data()
    good = attrs.evolve(splits, train=BadSplit(splits.train, place, way, late))
    if place == "build":
        return act(way, late, good)
    if place.startswith("task."):
        field = place.removeprefix("task.")
        return attrs.evolve(good, task=attrs.evolve(good.task, **{field: act(way, late, 1)}))
    if place == "train":
        return Splits(task=good.task, train=act(way, late, good.train), val=None, test=None)
    return good


class BadNet(nn.Module, Places):
    def __init__(self, task: Task, neuron: Component, place: str, way: str, late: str) -> None:
        super().__init__()
        self.net = toys.toy_net(task, neuron=neuron)
        self.prepare(place, way, late)

    def forward(self, x: Tensor) -> Any:
        return self.at("forward", self.net(x))


def bad_net(task: Task, *, neuron: Component, place: str = "", way: str = "", late: str = "") -> Any:
    net = BadNet(task, neuron, "" if place == "build" else place, way, late)
    return act(way, late, net) if place == "build" else net


class BadSpace(toys.ToySpace, Places):
    def __init__(
        self, task: Task, *, neuron: Component, place: str = "", way: str = "", late: str = ""
    ) -> None:
        super().__init__(task, neuron=neuron)
        self.prepare(place, way, late)
        if place == "methods":
            self.mutate = None

    def sample(self, rng: random.Random) -> Any:
        return self.at("sample", super().sample(rng))

    def key(self, genotype: int) -> Any:
        return self.at("key", super().key(genotype))

    def build(self, genotype: int) -> Any:
        return self.at("network", super().build(genotype))

    def graph(self, genotype: int) -> Any:
        return self.at("graph", Graph(self.at("nodes", ("input", "output")), ()))


class BadStrategy(toys.ToyRandom, Places):
    def __init__(
        self, space: Any, seed: int, *, draws: int = 4, place: str = "", way: str = "", late: str = ""
    ) -> None:
        super().__init__(space, seed, draws=draws)
        self.prepare(place, way, late)
        self.draws = self.at("draws", self.draws)

    def ask(self, n: int) -> Sequence[Any]:
        if self.place == "without end":
            return [self.space.sample(random.Random(i)) for i in range(n)]
        return self.at("ask", super().ask(n))

    def tell(self, trials: Iterable[Trial]) -> None:
        self.at("tell", None)


class BadScorer(toys.ToyScorer, Places):
    """Misbehaves for narrow networks only, unless it is to do so always."""

    def __init__(self, *, place: str = "", way: str = "", late: str = "", always: bool = False) -> None:
        super().__init__()
        self.always = always
        self.prepare(place, way, late)

    def __call__(self, candidate: Candidate) -> Any:
        good = super().__call__(candidate)
        return self.at("call", good) if self.always or candidate.genotype <= 6 else good


class BadEnergy(Places):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        self.prepare(place, way, late)

    def __call__(self, activity: Activity) -> Any:
        if self.place == "activity":
            activity.neurons.clear()
            activity.samples = 0
        name = "\ud800" if self.place == "half a letter" else self.at("name", "operations")
        items = (EnergyItem(name, self.at("count", activity.synaptic_operations), 1.0),)
        return self.at("call", EnergyEstimate(unit=self.at("unit", "J"), items=self.at("items", items)))


def bad_benchmark(*, place: str = "", way: str = "", late: str = "") -> Any:
    def at(name: str, good: Any) -> Any:
        return act(way, late, good) if name == place else good

    networks = tuple(
        TrainedNetwork(
            id=at("id", str(width)),
            genotype=at("genotype", width),
            key=at("key", str(width)),
            accuracy=at("accuracy", 0.5),
            epochs=at("epochs", (0.1, 0.2)),
            facts=at("facts", {"parameters": 3.0}),
        )
        for width in range(1, 5)
    )
    recipe = at("recipe", {"search": {"space": {"use": "toy"}}})
    return at("build", Benchmark(networks=at("networks", networks), recipe=recipe, note=at("note", "toys")))


class BadExecutor(Places):
    """Workers that never get as far as to work."""

    def __init__(self, build: Any, workers: int, *, place: str = "", way: str = "", late: str = "") -> None:
        self.prepare(place, way, late)
        self.number = 0

    def start(self, number: int) -> None:
        self.number = number
        self.at("start", None)

    def give(self, number: int, item: Any) -> None:
        self.at("give", None)

    def answers(self, seconds: float | None) -> Any:
        return self.at("answers", [Answer(self.number)])

    def end(self, number: int) -> None:
        pass

    def close(self) -> None:
        pass


class BadTracker(Places):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        self.prepare(place, way, late)

    def start(self, run: TrackedRun) -> Any:
        return self.at("start", "here")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.at("log", None)

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        self.at("trial", None)

    def finish(self, summary: Mapping[str, float]) -> None:
        self.at("finish", None)


class BadCallback(Places, Callback):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        self.prepare(place, way, late)

    def on_train_start(self, training: Training) -> None:
        self.at("on_train_start", None)

    def more_loss(self, training: Training, batch: Batch) -> Any:
        return self.at("more_loss", batch.outputs.square().mean())

    def on_after_optimizer_step(self, training: Training) -> None:
        self.at("on_after_optimizer_step", None)

    def weights(self, training: Training) -> Any:
        return self.at("weights", None)

    def on_train_epoch_end(self, training: Training) -> Any:
        return self.at("on_train_epoch_end", {"one": self.at("fact", 1.0)})

    def state_dict(self) -> Any:
        return self.at("state_dict", {"one": 1})


class BadChip(Places):
    title, weight_bits, per_channel, source = "Bad", 8, False, "nowhere"

    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        self.prepare(place, way, late)

    def __call__(self, network: LayerGraph) -> Any:
        need = Need("", "layers", self.at("has", len(network.layers)), 100)
        return self.at("call", Fit(needs=self.at("needs", (need,))))


class BadExporter(Places):
    def __init__(self, *, place: str = "", way: str = "", late: str = "") -> None:
        self.prepare(place, way, late)
        self.suffix = self.at("suffix", ".bad")
        script = Path(__file__)
        self.readers = self.at("readers", [Reader(name="bad", module="a", distribution="a", script=script)])

    def __call__(self, network: Any, x: Tensor, path: Path) -> Any:
        path.write_text("written")
        exported = Exported(files=self.at("files", [path]), notes=self.at("notes", ()))
        return self.at("call", exported)


SPECS = (
    NeuronSpec(name="bad", target=BadNeuron, summary="Bad."),
    EncoderSpec(name="bad", target=BadEncoder, summary="Bad."),
    DatasetSpec(name="bad", target=bad_data, summary="Bad."),
    ArchitectureSpec(name="bad", target=bad_net, summary="Bad.", components={"neuron": "neuron"}),
    SearchSpaceSpec(name="bad", target=BadSpace, summary="Bad.", components={"neuron": "neuron"}),
    ScorerSpec(name="bad", target=BadScorer, summary="Bad."),
    StrategySpec(name="bad", target=BadStrategy, summary="Bad."),
    LossSpec(name="bad", target=BadLoss, summary="Bad."),
    EnergyModelSpec(name="bad", target=BadEnergy, summary="Bad."),
    BenchmarkSpec(name="bad", target=bad_benchmark, summary="Bad."),
    ExecutorSpec(name="bad", target=BadExecutor, summary="Bad."),
    TrackerSpec(name="bad", target=BadTracker, summary="Bad."),
    CallbackSpec(name="bad", target=BadCallback, summary="Bad."),
    ChipSpec(name="bad", target=BadChip, summary="Bad."),
    ExporterSpec(name="bad", target=BadExporter, summary="Bad."),
)


def bad_registry() -> Registry:
    """Return a registry of the toys and of one bad thing of every kind."""
    registry = toys.toy_registry()
    for spec in SPECS:
        registry.register(spec, plugin=PLUGIN, version=VERSION)
    return registry


def recipe_with(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return a small recipe in which the thing of a kind is the bad one."""
    bad = {"use": "bad", **settings}
    recipe: dict[str, Any] = {
        "name": "bad",
        "seed": 3,
        "dataset": {"use": "toy"},
        "encoder": {"use": "toy"},
        "neuron": {"use": "toy"},
        "loss": {"use": "toy"},
    }
    if kind in ("search_space", "strategy", "scorer", "executor", "chip"):
        search = {name: {"use": "toy"} for name in ("space", "strategy", "scorer")}
        search["strategy"]["draws"] = 6
        if kind == "chip":
            return recipe | {"search": {**search, "limits": {"chip": bad}, "baselines": False}}
        return recipe | {
            "search": {**search, kind.removeprefix("search_"): bad, "round_size": 3, "baselines": False}
        }
    recipe |= {
        "architecture": {"use": "toy"},
        "train": {"epochs": 2, "batch_size": 16},
        "energy": {"models": ["toy"]},
    }
    if kind == "callback":
        return recipe | {"train": {**recipe["train"], "callbacks": [bad]}}
    if kind == "energy_model":
        return recipe | {"energy": {"models": ["toy", bad]}}
    return recipe | {kind: bad}
