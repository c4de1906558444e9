"""Where a run computes: Lightning Fabric for device, precision and several GPUs."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import torch

from snnplug.engine.launcher import Launched, launched
from snnplug.errors import DeviceError
from snnplug.recipe.recipe import Recipe

__all__ = [
    "DEVICES",
    "Place",
    "alone",
    "deterministic",
    "device_name",
    "find_place",
    "precisions",
    "use_precision",
    "usual_settings",
    "worker_device",
]

DEVICES = ("auto", "cpu", "cuda")


@attrs.frozen
class Place:
    """Where a run computes: "cpu" or "cuda", number of devices of each node, and of nodes.

    `partial` says that training steps leave parameters unused, as those of one path of a supernet do.
    """

    accelerator: str
    devices: int = 1
    partial: bool = False
    nodes: int = 1

    @property
    def device(self) -> torch.device:
        """The device of a run that is not launched."""
        return torch.device(self.accelerator)

    def launch(self) -> Any:
        """Return a launched Fabric; with several devices this starts the other processes."""
        several = "ddp_find_unused_parameters_true" if self.partial else "ddp"
        strategy = several if self.devices * self.nodes > 1 else "auto"
        return _launch(self.accelerator, devices=self.devices, num_nodes=self.nodes, strategy=strategy)


def alone(device: torch.device) -> Any:
    """Return a launched Fabric of one device in this process, whatever others belong to the run."""
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    mine = [device.index or 0] if device.type == "cuda" else 1
    return _launch(device.type, devices=mine, plugins=[LightningEnvironment()])


def _launch(accelerator: str, **more: Any) -> Any:
    # what Fabric says on the way is for authors of training loops, not for users of a recipe
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lightning_fabric import Fabric

        fabric = Fabric(accelerator=accelerator, **more)
        fabric.launch()
    if fabric.device.type == "cuda" or not torch.cuda.is_available():
        # by it torch would look for GPUs in a library that it loads anew, in each step of an optimizer
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    return fabric


def precisions(recipe: Recipe) -> dict[str, str]:
    """Return the precision of each stage that trains, by its key in the recipe."""
    sections = recipe.sections.items()
    return {f"{name}.precision": s.precision for name, s in sections if hasattr(s, "precision")}


def use_precision(fabric: Any, precision: str) -> Any:
    """Let a launched Fabric train in another precision from now on: each stage has its own.

    Returns:
        Fabric's plugin, whose `state_dict` belongs to a training's checkpoint.
    """
    from lightning_fabric.plugins import MixedPrecision, Precision

    mixed = precision != "32-true"
    chosen = MixedPrecision(precision, fabric.device.type) if mixed else Precision()  # type: ignore[arg-type]
    fabric.strategy.precision = chosen
    return chosen


def find_place(
    device: str = "auto", devices: int = 1, wanted: Mapping[str, str] | None = None, *, partial: bool = False
) -> Place:
    """Return where to compute, without starting anything.

    Args:
        device: "auto", "cpu" or "cuda"; auto takes a GPU if there is one.
        devices: number of GPUs (or of processes on the CPU) of each node; where torchrun or srun has started
            the processes, as many as they say.
        wanted: precisions by their keys in the recipe.
        partial: training steps may leave parameters unused.

    Raises:
        DeviceError: the device is not there, or cannot compute in this precision.
    """
    if device not in DEVICES:
        raise DeviceError(f"unknown device {device!r}; choose one of {', '.join(DEVICES)}")
    nodes = 1
    if (started := launched()) is not None:
        _check_launched(started, devices)
        devices, nodes = started.devices, started.nodes
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        device = "cuda" if found else "cpu"
    if device == "cuda" and found < devices:
        has = f"{found} CUDA device{'s' * (found != 1)}" if found else "no usable CUDA device"
        raise DeviceError(
            f"asked for {devices} CUDA device(s), this machine has {has}; use --device cpu or auto"
        )
    if devices < 1:
        raise DeviceError(f"the number of devices must be at least 1, got {devices}")
    for key, precision in (wanted or {}).items():
        if device == "cpu" and precision == "16-mixed":
            raise DeviceError(f"{key} 16-mixed needs a GPU; on the CPU use 32-true or bf16-mixed")
    return Place(device, devices, partial, nodes)


def _check_launched(started: Launched, devices: int) -> None:
    """Refuse processes that another program has started in another number or form."""
    if devices not in (1, started.devices):
        raise DeviceError(
            f"asked for {devices} devices, and {started.by} has started {started.devices} processes on this "
            "node; leave --devices out, or start as many"
        )
    if started.by == "srun" and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise DeviceError(
            f"srun has started {started.devices * started.nodes} processes by --ntasks alone, of which "
            f"nobody knows where they are; start them with --ntasks-per-node={started.devices}"
        )


def device_name(fabric: Any) -> str:
    """Return "cpu" or the GPU's name, with their number if more than one."""
    name = torch.cuda.get_device_name(fabric.device) if fabric.device.type == "cuda" else "cpu"
    return f"{fabric.world_size} x {name}" if fabric.world_size > 1 else name


def worker_device(device: torch.device, number: int, devices: int) -> torch.device:
    """Return where a worker process computes: on GPUs the first one on the run's own, the next on the next.

    Args:
        device: of the run.
        number: of the worker, from 0.
        devices: GPUs that there are.
    """
    if device.type != "cuda":
        return device
    return torch.device("cuda", ((device.index or 0) + number) % max(devices, 1))


@contextlib.contextmanager
def usual_settings() -> Iterator[None]:
    """Compute as torch does by default, whatever the program around has set, and put that back.

    That is its default type and device, gradients switched off or inference mode left on, and autocast.
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    cast = [name for name in ("cpu", "cuda") if torch.is_autocast_enabled(name)]
    cached = torch.is_autocast_cache_enabled()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    for name in cast:
        torch.set_autocast_enabled(name, False)
    if cast:  # inside the caller's block it would never be emptied, and weights never be seen to change
        torch.set_autocast_cache_enabled(False)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device.type == "cpu" else device)
        for name in cast:
            torch.set_autocast_enabled(name, True)
        torch.set_autocast_cache_enabled(cached)


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Let torch choose algorithms that give the same result twice, where it has them."""
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    benchmark = torch.backends.cudnn.benchmark
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS at its first use
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
