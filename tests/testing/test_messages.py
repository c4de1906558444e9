"""What the kit says of broken things: what was expected, what came, and what the author can set or mend."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import attrs
import pytest
import torch
from torch import nn

from snnplug import (
    KINDS,
    ArchitectureSpec,
    Benchmark,
    BenchmarkSpec,
    CallbackSpec,
    ChipSpec,
    DatasetSpec,
    EncoderSpec,
    EnergyEstimate,
    EnergyItem,
    EnergyModelSpec,
    ExecutorSpec,
    ExporterSpec,
    Fit,
    LossSpec,
    Need,
    NeuronSpec,
    Registry,
    ScorerSpec,
    SearchSpaceSpec,
    Splits,
    StrategySpec,
    Task,
    TrackedRun,
    TrackerSpec,
    TrainedNetwork,
    testing,
)
from snnplug.nn import Callback, Encoder, ImageSplit, Loss, MembraneState, SpikingNeuron
from snnplug.testing.base import Conformance

DOCS = Path(__file__).parents[2] / "docs" / "kinds"
KIT = Path(testing.__file__).parent
CLASSES = [getattr(testing, name) for name in testing.__all__ if name.endswith("Conformance")]


@pytest.mark.parametrize("file", sorted(KIT.glob("*.py")), ids=lambda file: file.stem)
def test_no_assertion_is_without_words(file: Path) -> None:
    bare = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assert) and node.msg is None:
            bare.append(node.lineno)
        if isinstance(node, ast.Call) and "assert_close" in ast.unparse(node.func):
            bare += [node.lineno for keyword in ["msg"] if keyword not in {k.arg for k in node.keywords}]
    assert not bare, f"{file.name}: lines {bare}"


@pytest.mark.parametrize("kit", CLASSES, ids=lambda kit: kit.__name__)
def test_every_attribute_is_on_the_page_of_the_kind(kit: type) -> None:
    if not issubclass(kit, Conformance):
        pytest.skip("of distributions, not of a kind")
    page = (DOCS / f"{kit.kind}.md").read_text(encoding="utf-8")
    names = {
        name
        for cls in kit.__mro__
        if issubclass(cls, Conformance) and cls is not Conformance
        for name, value in vars(cls).items()
        if not name.startswith("_") and name != "kind" and not callable(value) and not is_fixture(value)
    }
    assert [name for name in sorted(names) if f"| `{name}` |" not in page] == []


def is_fixture(value: object) -> bool:
    return "pytest" in type(value).__module__ or inspect.isroutine(value)


# one broken thing of each kind, and what an author reads


class Doubled(SpikingNeuron):
    """Sends spikes of 2."""

    def step(self, x, state):
        v = state.v + x
        return 2 * (v > 1).to(x), MembraneState(v)


class Bright(Encoder):
    """Adds one to the values."""

    def __init__(self, task: Task, *, steps: int = 4) -> None:
        super().__init__(task, steps)

    def forward(self, values, generator=None):
        return (values + 1).expand(self.steps, *values.shape)


class Summed(Loss):
    """Takes the sum over the batch."""

    def forward(self, outputs, target):
        return nn.functional.cross_entropy(outputs.mean(0), target, reduction="sum")


class Dense:
    """Counts what spikes do not change together with what they do."""

    def __call__(self, activity):
        items = (EnergyItem("all", activity.synaptic_operations + activity.macs, 1e-12),)
        return EnergyEstimate(unit="J", items=items, reference="none", assumptions=("none",))


class Tensors:
    """Returns a tensor."""

    def __call__(self, candidate):
        return torch.ones(())


class Forgetful:
    """Counts nothing."""

    def __init__(self, space, seed: int, *, draws: int = 64) -> None:
        self.draws = 64

    def ask(self, n):
        return []

    def tell(self, trials):
        pass


class Tuples(testing.TinySpace):
    """Draws what is no plain JSON."""

    def sample(self, rng):
        return {"layers": tuple(super().sample(rng)["layers"])}


def flat(task: Task, *, neuron) -> nn.Module:
    """Build a network that folds time into the batch for good."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(task.classes))


class Uncounted(Callback):
    """Counts steps, and does not keep how many."""

    steps = 0

    def on_after_optimizer_step(self, training):
        self.steps += 1

    def on_train_epoch_end(self, training):
        return {"steps": self.steps}


class Boundless:
    """Says that whatever there is fits."""

    title, weight_bits, per_channel, source = "Boundless", 8, False, "a data sheet of 2026-01-01"

    def __call__(self, network):
        return Fit(needs=(Need("", "layers", len(network.layers), 100),))


class Unread:
    """Nobody reads what it writes."""

    suffix, readers = ".npz", ()

    def __call__(self, network, x, path): ...


class Silent:
    """Does not say where to look."""

    def start(self, run): ...
    def log(self, metrics, step): ...
    def trial(self, trial, metrics): ...
    def finish(self, summary): ...


def percent() -> Benchmark:
    """Give accuracies in per cent."""
    return Benchmark(
        networks=(TrainedNetwork(id="a", genotype=[1], key="1", accuracy=93.5),), note="one network"
    )


def one_class() -> Splits:
    """Give samples of one class."""
    split = ImageSplit(torch.rand(20, 1, 4, 4), torch.zeros(20, dtype=torch.long))
    return Splits(task=Task(input_shape=(1, 4, 4), classes=2), train=split, val=split, test=None)


class Mute:
    """Workers that are started and never heard of."""

    def __init__(self, build, workers):
        pass

    def start(self, number):
        pass

    def answers(self, seconds):
        return []


BROKEN = [
    (NeuronSpec, Doubled, "spikes_are_binary", ["spikes must be 0 or 1, got 2", "graded = True"]),
    (EncoderSpec, Bright, "output_is_in_range", ["from 0 to 1, got 1 to 2", "set `lowest` and `highest`"]),
    (
        DatasetSpec,
        one_class,
        "labels_are_class_indices",
        ["of 20 samples", "label 0", "set a larger `samples`"],
    ),
    (
        ArchitectureSpec,
        flat,
        "outputs_are_one_score_per_class_and_step",
        ["[T, B, K] = [2, 4, 3]", "TimeSequential or snnplug.nn.fold"],
    ),
    (SearchSpaceSpec, Tuples, "samples_are_inside", ["comes back from JSON", "use lists in place of tuples"]),
    (
        ScorerSpec,
        Tensors,
        "score_is_a_finite_float",
        ["finite Python floats, got tensor(1.)", "tensor.item()"],
    ),
    (
        StrategySpec,
        Forgetful,
        "ends_after_its_draws",
        ["draws = 12 it says draws = 64", "set self.draws from the parameter"],
    ),
    (
        LossSpec,
        Summed,
        "loss_is_a_mean_over_the_batch",
        ["take the mean over the batch, not the sum", "Expected"],
    ),
    (
        EnergyModelSpec,
        Dense,
        "no_spikes_cost_nothing",
        ["item 'all' grows with the spikes, from 4e-10 J", "fixed_items = ('all',)"],
    ),
    (BenchmarkSpec, percent, "accuracies_are_fractions", ["network a", "got 93.5; divide per cent by 100"]),
    (
        ExecutorSpec,
        Mute,
        "waiting_has_an_end",
        ["1 answers were expected within 0.1 s", "each worker that is ready"],
    ),
    (
        TrackerSpec,
        Silent,
        "start_says_where_to_look",
        ["start must return in one line where it can be looked at", "got None"],
    ),
    (
        CallbackSpec,
        Uncounted,
        "a_training_goes_on_where_it_was_stopped",
        ["ends with other numbers", "keep in `state_dict` what it depends on"],
    ),
    (
        ChipSpec,
        Boundless,
        "a_network_beyond_all_measure_does_not_fit",
        ["a million channels must not fit", "compare what its layers need"],
    ),
    (
        ExporterSpec,
        Unread,
        "it_says_what_it_writes_and_who_reads_it",
        ["set self.readers to a list of one snnplug.Reader at least", "()"],
    ),
]


def test_there_is_one_of_every_kind() -> None:
    assert [spec.kind for spec, *_ in BROKEN] == list(KINDS)


@pytest.mark.parametrize(("spec", "target", "check", "words"), BROKEN, ids=[s.kind for s, *_ in BROKEN])
def test_a_broken_thing_is_told_what_to_do(spec, target, check, words) -> None:
    registry = Registry()
    registry.register(spec(name="broken", target=target, summary="Broken on purpose."))
    component = registry.use(spec.kind, "broken")
    kit = getattr(testing, f"{spec.__name__.removesuffix('Spec')}Conformance")()
    given = {
        "component": component,
        "splits": lambda: target(),
        "benchmark": lambda: target(),
        "executor": lambda: target(None, 2),
        "space": lambda: target(kit.task),
        "neuron": "leaky",
        "run": TrackedRun(name="a", directory=Path(), folder=Path("own"), parameters={}),
        "chunk": 5,
    }
    kit.patience = 0.1
    method = getattr(kit, f"test_{check}")
    arguments = {
        name: value() if inspect.isfunction(value := given[name]) else value
        for name in inspect.signature(method).parameters
    }
    with pytest.raises(AssertionError) as caught:
        method(**arguments)
    for word in words:
        assert word in str(caught.value)


def test_a_supernet_that_copies_its_weights_is_told(monkeypatch) -> None:
    space = testing.TinySpace()
    supernet = space.supernet()
    weights = supernet.weights
    monkeypatch.setattr(
        supernet, "weights", lambda genotype: {n: x.clone() for n, x in weights(genotype).items()}
    )
    with pytest.raises(AssertionError, match="are copies; return the supernet's own tensors"):
        testing.SearchSpaceConformance().test_weights_are_shared(space, supernet)


def test_a_window_of_too_many_spikes_is_told() -> None:
    code = attrs.evolve(Registry().register(NeuronSpec(name="a", target=Doubled, summary="A.")), plugin="me")
    with pytest.raises(AssertionError, match="windowed = True and graded = True, got False and False"):
        testing.WindowNeuronConformance().test_spec_names_a_window(code)


NOT_INSTALLED = """
from snnplug.testing import PluginConformance

class TestPlugin(PluginConformance):
    name = "acme-nowhere"
"""


def test_what_is_not_installed_is_told(run_pytest, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(NOT_INSTALLED)
    told = run_pytest(tmp_path, "-k", "one_entry_point")["TestPlugin::test_one_entry_point"]
    assert (
        "no distribution 'acme-nowhere' is installed; run pip install -e . in its folder" in told.longreprtext
    )
