"""The SNASNet networks and scores against the results of the original code."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snnplug import Candidate, Component, Registry, Task
from snnplug.nn import Dropout, record
from snnplug.testing import covering

pytestmark = pytest.mark.data

CELLS = {
    "0302": "cell0_0302-0030-3003-0000_backward_cifar100",
    "0303": "cell1_0303-0030-2002-0200_backward_cifar100",
    "0331": "cell2_0331-0024-0003-0000_backward_cifar100",
    "0343": "cell3_0343-0021-0003-0000_forward_cifar100",
    "cifar10": "cell4_0303-0030-2002-0200_backward_cifar10",
}
FORWARD = ("0-1", "0-2", "1-2", "0-3", "1-3", "2-3")
BACKWARD = ("1-0", "2-0", "3-0", "2-1", "3-1", "3-2")


def our_name(name: str) -> str:
    """Translate a parameter or layer name of the original."""
    name = re.sub(r"cell_architecture_back\.(\d)", lambda m: f"edges.{BACKWARD[int(m[1])]}", name)
    name = re.sub(r"cell_architecture\.(\d)", lambda m: f"edges.{FORWARD[int(m[1])]}", name)
    parts = {"0": "neuron", "1": "conv", "2": "norm"}
    name = re.sub(r"(edges\.\d-\d)\.(\d)", lambda m: f"{m[1]}.{parts[m[2]]}", name)
    for old, new in {
        "downconv1.0": "reduction.norm",
        "downconv1.1": "reduction.neuron",
        "downconv1.2": "reduction.conv",
        "downconv1.3": "reduction.out_norm",
        "last_act.0": "classifier.norm",
        "last_act.1": "classifier.neuron",
        "classifier.1": "classifier.hidden",
        "classifier.2": "classifier.hidden_neuron",
        "classifier.3": "classifier.output",
    }.items():
        if name == old or name.startswith(old + "."):
            return new + name.removeprefix(old)
    return name


class Case:
    """One file of results with the network that it is about."""

    def __init__(self, folder: Path, cell: str, variant: str) -> None:
        with np.load(folder / "snasnet" / f"{CELLS[cell]}_{variant}.npz", allow_pickle=False) as file:
            self.file = {key: file[key] for key in file.files}
        self.matrix = self.file["matrix"].tolist()
        self.cifar10 = cell == "cifar10"
        self.layers = [our_name(name) for name in self.file["lif_names"].tolist()]
        self.x = torch.from_numpy(self.file["x"])
        self.labels = torch.from_numpy(self.file["labels"])

    def model(self, registry: Registry, lif: Component, dropout: float = 0.0) -> nn.Module:
        """Return the network with the original's weights."""
        space = registry.create(
            "search_space",
            "snasnet",
            Task(input_shape=(3, 32, 32), classes=10 if self.cifar10 else 100, steps=5),
            neuron=lif,
            channels=16 if self.cifar10 else 8,
            hidden=32,
            dropout=dropout,
            final_pool=4 if self.cifar10 else None,
        )
        model: nn.Module = space.build(self.matrix)
        model.load_state_dict(
            {our_name(k[3:]): torch.from_numpy(v) for k, v in self.file.items() if k.startswith("sd/")}
        )
        return model

    def input(self, dtype: torch.dtype) -> Tensor:
        """Return the batch, constant over five time steps."""
        return self.x.to(dtype).expand(5, *self.x.shape)


@pytest.fixture(scope="session")
def lif(registry: Registry) -> Component:
    return registry.use("neuron", "lif", tau=4 / 3)


VARIANTS = ("init", "perturbed")
CASES = [(cell, variant) for cell in CELLS for variant in VARIANTS]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest, oracles: Path) -> Case:
    return Case(oracles, *request.param)


@pytest.fixture(scope="module", params=list(CELLS))
def firing(request: pytest.FixtureRequest, oracles: Path) -> Case:
    """The variant in which every layer fires."""
    return Case(oracles, request.param, "perturbed")


TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.mark.parametrize(
    ("case", "mode", "dtype"),
    [tuple(row.values()) for row in covering(case=CASES, mode=["eval", "train"], dtype=TOLERANCES)],
    indirect=["case"],
    ids=str,
)
def test_spikes_are_equal_and_logits_agree(
    case: Case, registry: Registry, lif: Component, mode: str, dtype: torch.dtype
) -> None:
    suffix, tolerance = "f64" if dtype == torch.float64 else "f32", TOLERANCES[dtype]
    model = case.model(registry, lif).to(dtype).train(mode == "train")
    seen: dict[str, list[Tensor]] = {}
    with (
        torch.no_grad(),
        record(model, on_spikes=lambda name, s: seen.setdefault(name, []).append(s.flatten(2).sum(2))),
    ):
        outputs = model(case.input(dtype))
    assert outputs.shape[:2] == (5, 16)
    spikes = torch.stack([torch.cat(seen[name]) for name in case.layers])
    np.testing.assert_array_equal(spikes.numpy(), case.file[f"{mode}/spikes_{suffix}"])
    assert set(seen) == set(case.layers)
    np.testing.assert_allclose(outputs.mean(0), case.file[f"{mode}/logits_{suffix}"], rtol=0, atol=tolerance)


def test_running_statistics_after_a_training_pass(case: Case, registry: Registry, lif: Component) -> None:
    model = case.model(registry, lif).double()
    with torch.no_grad():
        model(case.input(torch.float64))
    ours = model.state_dict()
    names = [name for name in case.file if name.startswith("train/after/")]
    assert len(names) > 20
    for name in names:
        np.testing.assert_allclose(
            ours[our_name(name[12:])], case.file[name], rtol=1e-10, atol=1e-12, err_msg=name
        )


def test_gradients(firing: Case, registry: Registry, lif: Component) -> None:
    model = firing.model(registry, lif).double()
    outputs = model(firing.input(torch.float64))
    loss = nn.functional.cross_entropy(outputs.mean(0), firing.labels)
    loss.backward()
    file = firing.file
    assert loss.item() == pytest.approx(float(file["grad/loss_f64"]), rel=1e-10)
    ours = {name: p.grad for name, p in model.named_parameters()}
    names = [our_name(name) for name in file["grad/names"].tolist()]
    assert set(names) == set(ours)
    tolerance = 1e-9 * file["grad/l2norm_f64"].max()
    np.testing.assert_allclose(
        [ours[n].norm() for n in names], file["grad/l2norm_f64"], rtol=0, atol=tolerance
    )
    np.testing.assert_allclose([ours[n].sum() for n in names], file["grad/sum_f64"], rtol=0, atol=tolerance)
    for name in ("stem.0.weight", "downconv1.2.weight"):
        np.testing.assert_allclose(ours[our_name(name)], file[f"grad/{name}_f64"], rtol=0, atol=tolerance)


def test_dropout_keeps_its_mask_over_time(
    firing: Case, registry: Registry, lif: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = firing.model(registry, lif, dropout=0.5).double()
    mask = 2.0 * torch.from_numpy(firing.file["dropout/mask_keep"])
    monkeypatch.setattr(Dropout, "mask", lambda self, x: mask.to(x))
    with torch.no_grad():
        outputs = model(firing.input(torch.float64))
    np.testing.assert_allclose(outputs.mean(0), firing.file["dropout/logits_f64"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["forward", "backward"])
def test_pruning_and_acceptance(oracles: Path, registry: Registry, lif: Component, kind: str) -> None:
    from snnplug_snasnet.genotype import parse, prune

    from snnplug.errors import ParameterError

    with np.load(oracles / "snasnet" / "sampler_seed0.npz") as file:
        raw, pruned, accepted = (file[f"{kind}_{part}"] for part in ("raw", "pruned", "accepted"))
    space = registry.create(
        "search_space",
        "snasnet",
        Task(input_shape=(1, 8, 8), classes=10, steps=4),
        neuron=lif,
        backward=kind == "backward",
    )
    for i in range(len(raw)):
        np.testing.assert_array_equal(prune(parse(raw[i].tolist())), pruned[i])
        try:
            space.key(raw[i].tolist())
            ours = True
        except ParameterError:
            ours = False
        assert ours == bool(accepted[i])


SCORES: dict[str, tuple[str, dict[str, Any], float]] = {
    "v1": ("sahd", {}, 1e-5),
    "head": ("sahd", {"alpha": "release_2022_07"}, 5e-4),
    "hd": ("hamming", {}, 1e-8),
}


SCORED = [
    ((row["cell"], row["variant"]), row["version"])
    for row in covering(cell=CELLS, version=SCORES, variant=VARIANTS)
]
# the other half: a score is the determinant of a kernel
KERNELS = [pair for pair in itertools.product(CASES, SCORES) if pair not in SCORED]


@pytest.mark.parametrize(("case", "version"), SCORED, indirect=["case"], ids=str)
def test_scores(case: Case, registry: Registry, lif: Component, version: str) -> None:
    name, parameters, tolerance = SCORES[version]
    candidate = _candidate(case, registry, lif)
    score = registry.create("scorer", name, repeats=1, batch_size=16, **parameters)(candidate)
    reference = "float64" if version == "hd" else "original"
    assert score == pytest.approx(float(case.file[f"score/score_{version}_{reference}"]), abs=tolerance)
    # the same spikes in exact arithmetic leave nothing but the rounding of the determinant
    assert score == pytest.approx(float(case.file[f"score/score_{version}_float64"]), rel=1e-7)
    # a sum over n kernels instead of their mean adds B ln n
    summed = registry.create("scorer", name, batch_size=16, aggregate="sum", **parameters)(candidate)
    assert summed - score == pytest.approx(16 * np.log(float(case.file["score/n_hook_calls"])), abs=1e-6)


@pytest.mark.parametrize(("case", "version"), KERNELS, indirect=["case"], ids=str)
def test_kernels(case: Case, registry: Registry, lif: Component, version: str) -> None:
    name, parameters, _ = SCORES[version]
    scorer = registry.create("scorer", name, **parameters)
    kernel, layers = scorer.kernel(case.model(registry, lif), case.input(torch.float32))
    assert layers == int(case.file["score/n_hook_calls"])
    np.testing.assert_allclose(kernel.numpy(), case.file[f"score/K_sum_{version}_float64"], rtol=1e-9)
    if version != "hd":
        np.testing.assert_allclose(
            kernel.numpy(), case.file[f"score/K_sum_{version}_original"], rtol=0, atol=0.05
        )


def _candidate(case: Case, registry: Registry, lif: Component) -> Candidate:
    return Candidate(
        genotype=case.matrix,
        key="oracle",
        build=lambda repeat=0: case.model(registry, lif),
        batch=lambda index, size: (case.input(torch.float32), case.labels),
        seed=0,
    )
