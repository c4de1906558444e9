"""The settings of a training, as every stage that trains has them in its section, and the file it goes to."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from snnplug.recipe.section import Table, names_one, uses_each

__all__ = ["TrainSection", "checkpoint_name"]

_at_least_0: Any = attrs.validators.ge(0)
_at_least_1: Any = attrs.validators.ge(1)
_fraction: Any = attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1))
_each_at_least_0: Any = attrs.validators.deep_iterable(_at_least_0)
_below_1: Any = attrs.validators.and_(attrs.validators.ge(0), attrs.validators.lt(1))
_positive: Any = attrs.validators.gt(0)
_share: Any = attrs.validators.and_(attrs.validators.gt(0), attrs.validators.le(1))
_rates: Any = attrs.validators.deep_mapping(value_validator=_at_least_0)


@attrs.frozen(kw_only=True)
class TrainSection:
    """`[train]`: how the network is trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: samples at a time, over all devices.
        accumulate: batches whose gradients make one step of the optimizer.
        optimizer: table; any optimizer of torch.optim in lower case, or of timm, with its arguments.
        decay: what its weight decay falls on: "weights"; "layers", biases and norms too; or "all", parameters
            of neurons (time constants, initial potentials) too.
        rates: learning rates of their own, as multiples of the optimizer's: of "weights", "biases", "norms",
            "neurons", or of parameters whose name fits a pattern such as "stem.*".
        layer_decay: the learning rate of each layer, as a multiple of that of the layer behind it.
        schedule: course of the learning rate over the epochs.
        schedule_by: it changes after every "epoch", or, as far as that has come, after every "batch", which
            is a step of the optimizer.
        warmup_epochs: linear rise before it.
        final_lr: lowest learning rate, at the end of a cosine, as a fraction of the learning rate.
        min_lr: the same as a learning rate.
        milestones, gamma: for "step": where it is multiplied by gamma, fractions of the epochs or, above 1,
            epochs; for "plateau" gamma alone.
        period: epochs in which a "cosine" goes down, then up again, and after which a "step" comes; 0: once,
            and at the milestones.
        power: for "poly": of the share of the training that is left.
        patience: for "plateau": epochs without a better validation accuracy before it is multiplied by gamma.
        clip_norm: largest norm of the gradient, or 0 for no clipping.
        ema: decay of a moving average of the weights over the steps, which is evaluated and is the result;
            0: none.
        algorithm: "bptt", backpropagation through time; or "sltt" or "ottt", which take the gradient of each
            step by itself, in memory that does not grow with the time steps; see docs/streams.md.
        precision: "32-true", "16-mixed" or "bf16-mixed".
        workers: processes that read samples ahead, also for evaluation; None for 2 with a GPU, else none.
        compile: run the network by torch.compile: true for the network or its neurons, whichever is faster on
            the first steps, or which of the two.
        memory: what the backward pass needs is kept ("keep"), spikes as bits and the rest computed again but
            for convolutions ("compress") or all of it ("recompute"); or "auto": the first that fits.
        memory_limit: GB that a step may take in a process, for "auto"; 0: what is free.
        checkpoint_minutes: a checkpoint in the middle of an epoch after so many, or 0 for none.
        early_stop: end after this many epochs without a better validation accuracy, or 0.
        keep: weights at the end: those of the last epoch, or of the best validation accuracy.
        callbacks: what hangs into the loop, a list of names or tables, called in this order.
    """

    epochs: int = attrs.field(default=10, validator=_at_least_1)
    batch_size: int = attrs.field(default=64, validator=_at_least_1)
    accumulate: int = attrs.field(default=1, validator=_at_least_1)
    optimizer: Table = names_one(lambda: {"use": "adamw", "lr": 2e-3})
    decay: Literal["weights", "layers", "all"] = "weights"
    rates: dict[str, float] = attrs.field(factory=dict, validator=_rates)
    layer_decay: float = attrs.field(default=1.0, validator=_share)
    schedule: Literal["constant", "cosine", "step", "poly", "plateau"] = "cosine"
    schedule_by: Literal["epoch", "batch"] = "epoch"
    warmup_epochs: int = attrs.field(default=0, validator=_at_least_0)
    final_lr: float = attrs.field(default=0.0, validator=_fraction)
    min_lr: float = attrs.field(default=0.0, validator=_at_least_0)
    milestones: tuple[float, ...] = attrs.field(default=(0.5, 0.75), validator=_each_at_least_0)
    gamma: float = attrs.field(default=0.1, validator=_positive)
    period: int = attrs.field(default=0, validator=_at_least_0)
    power: float = attrs.field(default=1.0, validator=_positive)
    patience: int = attrs.field(default=10, validator=_at_least_1)
    clip_norm: float = attrs.field(default=0.0, validator=_at_least_0)
    ema: float = attrs.field(default=0.0, validator=_below_1)
    algorithm: Literal["bptt", "sltt", "ottt"] = "bptt"
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    workers: int | None = attrs.field(default=None, validator=attrs.validators.optional(_at_least_0))
    compile: bool | Literal["network", "neurons"] = False
    memory: Literal["keep", "compress", "recompute", "auto"] = "keep"
    memory_limit: float = attrs.field(default=0.0, validator=_at_least_0)
    checkpoint_minutes: float = attrs.field(default=5.0, validator=_at_least_0)
    early_stop: int = attrs.field(default=0, validator=_at_least_0)
    keep: Literal["last", "best"] = "last"
    callbacks: list[str | Table] = uses_each("callback")


def checkpoint_name(stage: str) -> str:
    """Return the name of a stage's checkpoint."""
    return "checkpoint.pt" if stage == "train" else f"checkpoint-{stage}.pt"
