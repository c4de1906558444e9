"""The conformance classes of the other kinds, on small good things of each kind and on broken ones."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnplug import (
    ArchitectureSpec,
    Benchmark,
    BenchmarkSpec,
    CallbackSpec,
    ChipSpec,
    Component,
    DatasetSpec,
    EncoderSpec,
    EnergyEstimate,
    EnergyItem,
    EnergyModelSpec,
    Exported,
    ExporterSpec,
    Fit,
    LossSpec,
    Need,
    Reader,
    Registry,
    ScorerSpec,
    SearchSpaceSpec,
    Spec,
    Splits,
    StrategySpec,
    Task,
    TrackedRun,
    TrackerSpec,
    TrainedNetwork,
    Trial,
)
from snnplug.nn import Callback, Encoder, FrameSplit, ImageSplit, Loss, record
from snnplug.testing import (
    ArchitectureConformance,
    BenchmarkConformance,
    CallbackConformance,
    ChipConformance,
    DatasetConformance,
    EncoderConformance,
    EnergyModelConformance,
    ExporterConformance,
    LossConformance,
    ScorerConformance,
    SearchSpaceConformance,
    StrategyConformance,
    TinySpace,
    TrackerConformance,
)

# one good thing of each kind


class Repeat(Encoder):
    """Shows the values at every step."""

    def __init__(self, task: Task, *, steps: int = 4) -> None:
        super().__init__(task, steps)

    def forward(self, values, generator=None):
        return values.expand(self.steps, *values.shape)


class Noise(Repeat):
    """Spikes with the values as probabilities."""

    def forward(self, values, generator=None):
        chance = torch.rand(self.steps, *values.shape, generator=generator)
        return (chance < values).to(values.dtype)


class CrossEntropy(Loss):
    """Cross-entropy of the mean over time."""

    def forward(self, outputs, target):
        return F.cross_entropy(outputs.mean(0), target)


class SpikeCount:
    """Counts the spikes of one batch."""

    def __init__(self, *, size: int = 4) -> None:
        self.size = size

    def __call__(self, candidate) -> float:
        model = candidate.build()
        with torch.no_grad(), record(model) as activity:
            model(candidate.batch(0, self.size)[0])
        return activity.spikes_per_sample


class Draw:
    """Draws at random."""

    def __init__(self, space: Any, seed: int, *, draws: int = 64) -> None:
        self.space, self.draws, self.asked = space, draws, 0
        self.rng = random.Random(seed)

    def ask(self, n):
        count = min(n, self.draws - self.asked)
        self.asked += count
        return [self.space.sample(self.rng) for _ in range(count)]

    def tell(self, trials):
        pass


class PerOperation:
    """Prices synaptic operations and multiply-accumulates."""

    def __call__(self, activity):
        items = (
            EnergyItem("synaptic operations", activity.synaptic_operations, 0.9e-12),
            EnergyItem("multiply-accumulates", activity.macs, 4.6e-12),
        )
        return EnergyEstimate(unit="J", items=items, reference="a table", assumptions=("45 nm",))


def stripes(*, count: int = 20) -> Splits:
    """Build images of random values, made from a seed."""
    images = torch.rand(3 * count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3 * count) % 3
    parts = [ImageSplit(i, k) for i, k in zip(images.split(count), labels.split(count), strict=True)]
    return Splits(task=Task(input_shape=(1, 8, 8), classes=3), train=parts[0], val=parts[1], test=parts[2])


def flashes(*, values: str = "counts", steps: int | None = 5, most: int = 4) -> Splits:
    """Build counts of events, whose number says the class."""
    labels = torch.arange(60) % 3
    chances = (1.0 + labels).view(-1, 1, 1, 1, 1).expand(-1, 5, 2, 6, 6)
    frames = (
        torch.poisson(chances, generator=torch.Generator().manual_seed(0)).clamp(max=most).to(torch.uint8)
    )
    parts = [FrameSplit(f, k) for f, k in zip(frames.split(20), labels.split(20), strict=True)]
    task = Task(input_shape=(2, 6, 6), classes=3, events=True, steps=steps, values=values)
    return Splits(task=task, train=parts[0], val=parts[1], test=parts[2])


def two_layers(task: Task, *, neuron: Component, channels: int = 4) -> nn.Module:
    """Build two convolutions with neurons and a linear readout."""
    return TinySpace(task, neuron=neuron, channels=channels).build({"layers": ["conv3", "conv3"]})


def table(*, factor: float = 1.0) -> Benchmark:
    """Give three networks, of which two are one."""
    networks = (("a", "11", 0.5), ("b", "12", 0.75), ("c", "11", 0.625))
    return Benchmark(
        networks=tuple(
            TrainedNetwork(id=name, genotype=cell, key=cell, accuracy=accuracy * factor, epochs=(0.25, 0.5))
            for name, cell, accuracy in networks
        ),
        recipe={"search": {"space": {"use": "cells"}}},
        note="3 networks",
    )


class Lines:
    """Writes a line a number."""

    def start(self, run: TrackedRun) -> str:
        run.folder.mkdir(parents=True, exist_ok=True)
        self.file = run.folder / "lines.txt"
        self.file.write_text("")
        return str(self.file)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        with open(self.file, "a") as file:
            file.writelines(f"{name} {step} {value}\n" for name, value in metrics.items())

    def trial(self, trial: Trial, metrics: Mapping[str, float]) -> None:
        self.log(metrics, trial.index)

    def finish(self, summary: Mapping[str, float]) -> None:
        pass


class Momentum(Callback):
    """Remembers every second gradient."""

    def __init__(self, *, share: float = 0.5) -> None:
        self.share, self.kept = share, {}

    def on_before_optimizer_step(self, training):
        for name, parameter in training.network.named_parameters():
            if name in self.kept:
                parameter.grad.add_(self.kept[name], alpha=self.share)
            self.kept[name] = parameter.grad.clone()

    def more_loss(self, training, batch):
        return 0.01 * batch.outputs.square().mean()

    def on_train_epoch_end(self, training):
        return {"kept": len(self.kept)}

    def state_dict(self):
        return dict(self.kept)

    def load_state_dict(self, state):
        self.kept = dict(state)


class Memory:
    """Has room for so many weights."""

    title, weight_bits, per_channel, source = "Memory", 8, False, "a data sheet of 2026-01-01"

    def __init__(self, *, weights: int = 10_000) -> None:
        self.weights = weights

    def __call__(self, network):
        used = sum(layer.weights for layer in network.weighted)
        return Fit(needs=(Need("", "weights", used, self.weights, "use fewer channels", self.source),))


READS = """
import sys
import numpy as np
with np.load(sys.argv[1]) as held:
    np.savez(sys.argv[3], **held)
"""


class Weights:
    """Writes weights as arrays."""

    suffix = ".npz"

    def __init__(self, *, script: str = "read.py") -> None:
        file = Path(tempfile.mkdtemp()) / script
        file.write_text(READS)
        self.readers: Any = (Reader(name="numpy", module="numpy", distribution="numpy", script=file),)

    def __call__(self, network, x, path):
        held = {name: value.numpy().copy() for name, value in network.state_dict().items()}
        np.savez(path, **held)
        return Exported(files=[path], expected=held)


class Misnamed(Weights):
    """Writes another file than the one it is given."""

    def __call__(self, network, x, path):
        return super().__call__(network, x, path.with_name("other.npz"))


class Careless(Weights):
    """Puts the network in another mode."""

    def __call__(self, network, x, path):
        network.train()
        return super().__call__(network, x, path)


class Wrong(Weights):
    """Writes other weights than it says."""

    def __call__(self, network, x, path):
        exported = super().__call__(network, x, path)
        np.savez(path, **{name: value + 1 for name, value in exported.expected.items()})
        return exported


class Unreadable(Weights):
    """Writes what its reader cannot read."""

    def __call__(self, network, x, path):
        path.write_text("nothing")
        return Exported(files=[path], expected={"a": np.zeros(3)})


@pytest.mark.parametrize(
    ("target", "check", "said"),
    [
        (Misnamed, "it_writes_the_file_it_is_given", "the first of Exported.files must be"),
        (Careless, "the_network_stays_as_it_is", "work on a copy: changed are its mode"),
        (Wrong, "it_is_read_back_as_what_it_is", "numpy reads other values than the network's: 0.0000"),
        (Unreadable, "it_is_read_back_as_what_it_is", "no reader that is installed reads the file: numpy"),
    ],
)
def test_broken_exporter_fails_its_check(target, check, said, tmp_path) -> None:
    with pytest.raises(AssertionError, match=said):
        getattr(ExporterConformance(), f"test_{check}")(component(ExporterSpec, target), tmp_path)


def spec(cls: type[Spec], target: Any, **facts: Any) -> Spec:
    return cls(name=target.__name__.lower(), target=target, summary="For tests.", **facts)


@pytest.fixture(scope="module")
def installed_registry() -> Registry:
    registry = Registry()
    for made in (
        spec(EncoderSpec, Repeat),
        spec(EncoderSpec, Noise, stochastic=True),
        spec(LossSpec, CrossEntropy),
        spec(ScorerSpec, SpikeCount),
        spec(SearchSpaceSpec, TinySpace),
        spec(StrategySpec, Draw),
        spec(EnergyModelSpec, PerOperation),
        spec(DatasetSpec, stripes),
        spec(DatasetSpec, flashes),
        spec(ArchitectureSpec, two_layers),
        spec(BenchmarkSpec, table),
        spec(TrackerSpec, Lines),
        spec(CallbackSpec, Momentum),
        spec(ChipSpec, Memory),
        spec(ExporterSpec, Weights),
    ):
        registry.register(made)
    return registry


class TestRepeat(EncoderConformance):
    name = "repeat"


class TestNoise(EncoderConformance):
    name = "noise"


class TestCrossEntropy(LossConformance):
    name = "crossentropy"


class TestSpikeCount(ScorerConformance):
    name = "spikecount"


class TestTinySpace(SearchSpaceConformance):
    name = "tinyspace"
    params = ({}, {"channels": 2})


class TestDraw(StrategyConformance):
    name = "draw"


class TestPerOperation(EnergyModelConformance):
    name = "peroperation"


class TestStripes(DatasetConformance):
    name = "stripes"


class TestFlashes(DatasetConformance):
    name = "flashes"
    params = ({}, {"values": "binary", "most": 1}, {"steps": None})


class TestTwoLayers(ArchitectureConformance):
    name = "two_layers"


class TestTable(BenchmarkConformance):
    name = "table"


class TestMomentum(CallbackConformance):
    name = "momentum"
    params = ({}, {"share": 0.1})


class TestMemory(ChipConformance):
    name = "memory"
    params = ({}, {"weights": 100})


class TestWeights(ExporterConformance):
    name = "weights"
    params = ({}, {"script": "own.py"})


class TestLines(TrackerConformance):
    name = "lines"

    def written(self, run: TrackedRun) -> list[tuple[str, int, float]]:
        lines = [line.split() for line in (run.folder / "lines.txt").read_text().splitlines()]
        return [(name, int(step), float(value)) for name, step, value in lines]


# broken ones


class CopiesOut(Repeat):
    """Writes the values out T times."""

    def forward(self, values, generator=None):
        return super().forward(values).contiguous()


class GlobalNoise(Repeat):
    """Draws from the global generator."""

    def forward(self, values, generator=None):
        return (torch.rand(self.steps, *values.shape) < values).to(values.dtype)


class Summed(CrossEntropy):
    """Sums over the batch."""

    def forward(self, outputs, target):
        return super().forward(outputs, target) * outputs.shape[1]


class LastIsWrong(CrossEntropy):
    """Reads the outputs backwards."""

    def readout(self, outputs):
        return -outputs.mean(0)


class Counts(SpikeCount):
    """Adds the number of times it was called."""

    calls = 0

    def __call__(self, candidate):
        self.calls += 1
        return super().__call__(candidate) + self.calls


class Reseeds(SpikeCount):
    """Seeds the global generator."""

    def __call__(self, candidate):
        torch.manual_seed(candidate.seed)
        return super().__call__(candidate)


class Endless(Draw):
    """Does not count."""

    def ask(self, n):
        return [self.space.sample(self.rng) for _ in range(n)]


class Unseeded(Draw):
    """Takes the time for a seed."""

    def __init__(self, space: Any, seed: int, *, draws: int = 64) -> None:
        super().__init__(space, seed, draws=draws)
        self.rng = random.Random()


class Chunked(Draw):
    """Draws more than is asked for and throws it away."""

    def ask(self, n):
        genotypes = super().ask(n)
        self.space.sample(self.rng)
        return genotypes


class Saves(PerOperation):
    """Gives energy back for spikes."""

    def __call__(self, activity):
        item = EnergyItem("synaptic operations", max(1e4 - activity.synaptic_operations, 0), 1e-12)
        return EnergyEstimate(unit="J", items=(item,))


class Totals(PerOperation):
    """Forgets that the estimate is for one sample."""

    def __call__(self, activity):
        item = EnergyItem("synaptic operations", activity.synaptic_operations * activity.samples, 1e-12)
        return EnergyEstimate(unit="J", items=(item,))


class Shrinking(TinySpace):
    """States too small a size."""

    def size(self):
        return 2


class ShortKey(TinySpace):
    """Has a key of its own make."""

    def key(self, genotype):
        return "-".join(genotype["layers"])


class MergesNetworks(TinySpace):
    """Gives all networks one key."""

    def key(self, genotype):
        return super().key({"layers": ["conv1" for _ in genotype["layers"]]})


class ChangesParent(TinySpace):
    """Mutates in place."""

    def mutate(self, genotype, rng):
        genotype["layers"][0] = "conv1" if genotype["layers"][0] == "conv3" else "conv3"
        return genotype


def leaking(*, count: int = 20) -> Splits:
    """Build splits that share an image."""
    good = stripes(count=count)
    good.test.images[0] = good.train.images[0]
    return good


def bytes_not_values(*, count: int = 20) -> Splits:
    """Build images with values up to 255."""
    good = stripes(count=count)
    good.test.images.mul_(255)
    return good


def frozen_layer(task: Task, *, neuron: Component) -> nn.Module:
    """Build a network that forgets one of its layers."""
    model = two_layers(task, neuron=neuron)
    model.unused = nn.Linear(2, 2)
    return model


def shares_of_events() -> Splits:
    """Divide counts by their largest, and still call them counts."""
    good = flashes()
    return attrs.evolve(good, train=ImageSplit(good.train.images / 4, good.train.labels))


def all_at_once() -> Splits:
    """Put all events of a sample into the first time step."""
    good = flashes()
    frames = torch.zeros_like(good.train.images)
    frames[:, 0] = good.train.images[:, 0]
    return attrs.evolve(good, train=FrameSplit(frames, good.train.labels))


class OwnSteps(Repeat):
    """Takes events, with a number of time steps of its own."""

    def forward(self, values, generator=None):
        return values.transpose(0, 1) if self.task.events else super().forward(values)


def percent(*, factor: float = 100.0) -> Benchmark:
    """Give accuracies in percent."""
    return table(factor=factor)


def unrecognised() -> Benchmark:
    """Give each network a key of its own."""
    good = table()
    return attrs.evolve(good, networks=tuple(attrs.evolve(n, key=n.id) for n in good.networks))


def component(cls: type[Spec], target: Any) -> Component:
    registry = Registry()
    registry.register(spec(cls, target))
    return registry.use(cls.kind, target.__name__.lower())


CASES = [
    (EncoderConformance, EncoderSpec, GlobalNoise, "global_generator_is_left_alone"),
    (EncoderConformance, EncoderSpec, GlobalNoise, "same_seed_gives_the_same_output"),
    (EncoderConformance, EncoderSpec, OwnSteps, "events_keep_their_steps"),
    (LossConformance, LossSpec, Summed, "loss_is_a_mean_over_the_batch"),
    (LossConformance, LossSpec, LastIsWrong, "right_outputs_are_better_than_wrong_ones"),
    (ScorerConformance, ScorerSpec, Counts, "order_does_not_matter"),
    (ScorerConformance, ScorerSpec, Reseeds, "global_generators_are_left_as_found"),
    (StrategyConformance, StrategySpec, Unseeded, "same_seed_asks_the_same"),
    (StrategyConformance, StrategySpec, Chunked, "chunks_do_not_matter"),
    (EnergyModelConformance, EnergyModelSpec, Saves, "spikes_matter_and_never_save_energy"),
    (EnergyModelConformance, EnergyModelSpec, Totals, "estimate_is_for_one_sample"),
    (EnergyModelConformance, EnergyModelSpec, Totals, "source_and_assumptions_are_stated"),
]


@pytest.mark.parametrize(
    ("kit", "cls", "target", "check"), CASES, ids=lambda case: getattr(case, "__name__", case)
)
def test_broken_thing_fails_its_check(kit, cls, target, check) -> None:
    with pytest.raises(AssertionError):
        getattr(kit(), f"test_{check}")(component(cls, target))


def test_constant_output_written_out_is_caught() -> None:
    registration = Registry().register(spec(EncoderSpec, CopiesOut))
    with pytest.raises(AssertionError, match="expand"):
        EncoderConformance().test_constant_output_is_an_expansion(
            component(EncoderSpec, CopiesOut), registration
        )


def test_endless_strategy_is_caught() -> None:
    with pytest.raises(AssertionError, match="does not end"):
        StrategyConformance().test_ends_after_its_draws(component(StrategySpec, Endless), 5)


@pytest.mark.parametrize(
    ("space", "check"),
    [
        (Shrinking, "size_is_not_below_what_is_drawn"),
        (ShortKey, "key_is_a_digest"),
        (MergesNetworks, "equal_keys_mean_equal_networks"),
        (ChangesParent, "mutants_are_inside"),
    ],
)
def test_broken_space_fails_its_check(space, check) -> None:
    with pytest.raises(AssertionError):
        getattr(SearchSpaceConformance(), f"test_{check}")(space(SearchSpaceConformance.task))


@pytest.mark.parametrize(
    ("build", "check"),
    [
        (leaking, "splits_share_no_sample"),
        (bytes_not_values, "values_are_what_the_task_says"),
        (partial(flashes, values="binary"), "values_are_what_the_task_says"),
        (partial(flashes, values="scaled"), "values_are_what_the_task_says"),
        (shares_of_events, "values_are_what_the_task_says"),
        (partial(flashes, steps=4), "steps_are_what_the_task_says"),
        (all_at_once, "steps_are_what_the_task_says"),
    ],
)
def test_broken_dataset_fails_its_check(build, check) -> None:
    with pytest.raises(AssertionError):
        getattr(DatasetConformance(), f"test_{check}")(build())


@pytest.mark.parametrize(
    ("build", "check"),
    [(percent, "accuracies_are_fractions"), (unrecognised, "equal_genotypes_have_equal_keys")],
)
def test_broken_benchmark_fails_its_check(build, check) -> None:
    with pytest.raises(AssertionError):
        getattr(BenchmarkConformance(), f"test_{check}")(build())


class Amnesic(Momentum):
    """Keeps nothing."""

    def state_dict(self):
        return {}


class Replaced(Momentum):
    """Puts another layer into the network."""

    def on_train_start(self, training):
        training.network.layers[4] = nn.Linear(4 * 6 * 6, 3, bias=False)


class Coded(Momentum):
    """Keeps what only code can read."""

    def state_dict(self):
        return {"kept": TinySpace}


class Unbounded(Momentum):
    """Tells a number that is none."""

    def on_train_epoch_end(self, training):
        return {"kept": float("inf")}


class Cut(Momentum):
    """Adds a loss that reaches nothing."""

    def more_loss(self, training, batch):
        return batch.outputs.detach().mean()


@pytest.mark.parametrize(
    ("target", "check", "said"),
    [
        (Amnesic, "a_training_goes_on_where_it_was_stopped", "ends with other weights"),
        (Replaced, "it_hangs_into_a_training", "change them in place"),
        (Coded, "its_state_is_plain", "state_dict cannot be read back"),
        (Unbounded, "numbers_of_an_epoch_are_finite", "got inf for 'kept'"),
        (Cut, "more_loss_is_a_scalar_with_a_gradient", "leave the outputs in the graph"),
    ],
)
def test_broken_callback_fails_its_check(target, check, said) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception), match=said):
        getattr(CallbackConformance(), f"test_{check}")(component(CallbackSpec, target))


class Nameless(Memory):
    """Does not say what it is."""

    title = ""


class Strange(Memory):
    """Names a layer that is not there."""

    def __call__(self, network):
        return Fit(needs=(Need("nowhere", "weights", 1, 2),))


class Speechless(Memory):
    """Says that there is too much, and no more."""

    def __call__(self, network):
        return Fit(needs=(Need("", "weights", 2, 1),))


class Reversed(Memory):
    """Has more room for more."""

    def __call__(self, network):
        return Fit(needs=(Need("", "weights", 1, network.weighted[0].weights),))


class Counting(Memory):
    """Says something else each time."""

    asked = 0

    def __call__(self, network):
        self.asked += 1
        return Fit(needs=(Need("", "weights", self.asked, 10),))


@pytest.mark.parametrize(
    ("target", "check", "said"),
    [
        (Nameless, "it_says_what_it_is", "set self.title to what the chip is called"),
        (Strange, "needs_are_of_layers_of_the_network", "of the layer 'nowhere'"),
        (Speechless, "misfits_say_what_to_change", "say what to change in Need.advice"),
        (Reversed, "a_larger_network_leaves_no_more_room", "got headrooms by channels"),
        (Counting, "an_answer_depends_on_the_network_alone", "asked twice about one network"),
    ],
)
def test_broken_chip_fails_its_check(target, check, said) -> None:
    with pytest.raises(AssertionError, match=said):
        getattr(ChipConformance(), f"test_{check}")(component(ChipSpec, target))


class Appending(Lines):
    """Goes on behind what it has."""

    def start(self, run: TrackedRun) -> str:
        self.file = run.folder / "lines.txt"
        run.folder.mkdir(parents=True, exist_ok=True)
        return ""


class Amnesiac(Lines):
    """Leaves every second epoch out."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        if step % 2:
            super().log(metrics, step)


@pytest.mark.parametrize(
    ("target", "check"),
    [
        (Appending, "a_run_that_was_killed_is_told_again"),
        (Appending, "a_run_that_was_stopped_is_told_again"),
        (Amnesiac, "it_takes_a_whole_run"),
    ],
)
def test_broken_tracker_fails_its_check(target, check, tmp_path: Path) -> None:
    run = TrackedRun(name="a", directory=tmp_path, folder=tmp_path / "own", parameters={})
    with pytest.raises(AssertionError, match="begin anew in `start`, or leave out what it has"):
        getattr(TestLines(), f"test_{check}")(component(TrackerSpec, target), run)


def test_layer_without_gradient_is_named() -> None:
    with pytest.raises(AssertionError, match=r"unused\.weight gets no gradient"):
        ArchitectureConformance().test_gradient_reaches_every_parameter(
            component(ArchitectureSpec, frozen_layer), "leaky"
        )
