"""The settings of a training, as every stage that trains has them in its section, and the file it goes to."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from snnplug.recipe.section import Table, names_one

__all__ = ["TrainSection", "checkpoint_name"]

_at_least_0: Any = attrs.validators.ge(0)
_at_least_1: Any = attrs.validators.ge(1)
_fraction: Any = attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1))
_fractions: Any = attrs.validators.deep_iterable(_fraction)
_positive: Any = attrs.validators.gt(0)


@attrs.frozen(kw_only=True)
class TrainSection:
    """`[train]`: how the network is trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: samples per step, over all devices.
        optimizer: table; any optimizer of torch.optim in lower case, or timm's lamb, with its arguments.
            Parameters of neurons (time constants, initial potentials) get no weight decay.
        schedule: course of the learning rate over the epochs.
        schedule_by: it changes after every "epoch", or after every "batch" as far as the epoch has come.
        warmup_epochs: linear rise before it.
        final_lr: end of the cosine, as a fraction of the learning rate.
        milestones, gamma: for "step": fractions of the epochs at which it is multiplied by gamma.
        clip_norm: largest norm of the gradient, or 0 for no clipping.
        precision: "32-true", "16-mixed" or "bf16-mixed".
        early_stop: end after this many epochs without a better validation accuracy, or 0.
        keep: weights at the end: those of the last epoch, or of the best validation accuracy.
    """

    epochs: int = attrs.field(default=10, validator=_at_least_1)
    batch_size: int = attrs.field(default=64, validator=_at_least_1)
    optimizer: Table = names_one(lambda: {"use": "adamw", "lr": 2e-3})
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    schedule_by: Literal["epoch", "batch"] = "epoch"
    warmup_epochs: int = attrs.field(default=0, validator=_at_least_0)
    final_lr: float = attrs.field(default=0.0, validator=_fraction)
    milestones: tuple[float, ...] = attrs.field(default=(0.5, 0.75), validator=_fractions)
    gamma: float = attrs.field(default=0.1, validator=_positive)
    clip_norm: float = attrs.field(default=0.0, validator=_at_least_0)
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    early_stop: int = attrs.field(default=0, validator=_at_least_0)
    keep: Literal["last", "best"] = "last"


def checkpoint_name(stage: str) -> str:
    """Return the name of a stage's checkpoint."""
    return "checkpoint.pt" if stage == "train" else f"checkpoint-{stage}.pt"
