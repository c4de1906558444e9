"""Weights of a file that a training starts from, such as those of an ANN of the same layers.

Tensors are taken by name. Where no name is known, and the layers of both follow each other alike, they are
taken in order, as torchvision's networks give them to others of the same layers. A tensor of another
shape, such as the last layer for other classes, stays new; so do parameters of neurons that the file has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.engine.train_section import checkpoint_name
from snnplug.errors import DataError, RunDirectoryError, one_line
from snnplug.nn import SpikingNeuron
from snnplug.runs.checksums import checksum_of
from snnplug.runs.opening import open_directory

if TYPE_CHECKING:
    from snnplug.engine.session import Session

__all__ = ["FILE", "Matched", "match", "read_weights", "start_from"]

FILE = "weights.pt"
"""In the run directory: what was taken, so that the other file may go."""
_INSIDE = ("model", "state_dict", "model_state_dict", "net")  # of checkpoints of training scripts
_WRAPPERS = ("module.", "_orig_mod.", "model.")
_LAYERS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@attrs.frozen
class Matched:
    """What a network takes of given weights.

    Attributes:
        taken: tensors by the network's names.
        new: names of those that stay as they are.
        unused: names of given ones that it has no place for.
        by: "name" or "order".
    """

    taken: Mapping[str, Tensor]
    new: tuple[str, ...]
    unused: tuple[str, ...]
    by: str


def read_weights(path: str, key: str) -> dict[str, Tensor]:
    """Return the tensors of a file that torch has saved, or of a run directory's trained network, by name.

    Args:
        path: a state_dict, or a checkpoint that holds one; nothing in it is executed.
        key: of the recipe, for messages.

    Raises:
        DataError: there is no such file, or no weights in it.
        RunDirectoryError: the run has trained nothing, or its checkpoint is damaged.
    """
    if Path(path).is_dir():
        found: Any = open_directory(Path(path)).load_checkpoint(checkpoint_name("train"))
        if found is None:
            raise RunDirectoryError(f"{key}: {path} has no trained network: no {checkpoint_name('train')}")
    else:
        try:
            found = torch.load(path, map_location="cpu", weights_only=True)
        except OSError as error:
            raise DataError(f"{key}: {path} cannot be read: {error.strerror or one_line(error)}") from error
        except Exception as error:  # torch raises whatever it stumbles over
            raise DataError(
                f"{key}: {path} is no file of weights; make one with torch.save(model.state_dict(), file)"
            ) from error
    while isinstance(found, Mapping) and (inside := [name for name in _INSIDE if name in found]):
        found = found[inside[0]]
    if not isinstance(found, Mapping) or not any(isinstance(value, Tensor) for value in found.values()):
        raise DataError(f"{key}: {path} holds no weights; expected a state_dict, names to tensors")
    return {_plain(name): value for name, value in found.items() if isinstance(value, Tensor)}


def _plain(name: str) -> str:
    while wrapper := next((one for one in _WRAPPERS if name.startswith(one)), ""):
        name = name.removeprefix(wrapper)
    return name


def match(model: nn.Module, given: Mapping[str, Tensor], where: str) -> Matched:
    """Return what of given weights fits a network.

    Args:
        model: every parameter has its shape.
        given: by name.
        where: they come from, with the key of the recipe, for messages.

    Raises:
        DataError: nothing fits.
    """
    own = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    plain = {_plain(name): name for name in given}
    partners, by = {name: name for name in own if name in given}, "name"
    if not partners:
        partners = {name: plain[name] for name in own if name in plain}
    if not partners:
        partners, by = _in_order(model, own, given, where), "order"
    taken = {name: given[other] for name, other in partners.items() if given[other].shape == own[name].shape}
    if not taken:
        name, other = next(iter(partners.items()))
        raise DataError(
            f"{where}: no tensor has the shape of this network's; {other} is {list(given[other].shape)}, "
            f"{name} {list(own[name].shape)}"
        )
    used = {partners[name] for name in taken}
    return Matched(
        taken=taken,
        new=tuple(name for name in own if name not in taken),
        unused=tuple(name for name in given if name not in used),
        by=by,
    )


def _in_order(
    model: nn.Module, own: Mapping[str, Tensor], given: Mapping[str, Tensor], where: str
) -> dict[str, str]:
    neurons = {
        f"{name}.{key}"
        for name, module in model.named_modules()
        if isinstance(module, SpikingNeuron)
        for key in module.state_dict()
    }
    here = [name for name in own if name not in neurons and _leaf(name) in _LAYERS]
    there = [name for name in given if _leaf(name) in _LAYERS]
    if [*map(_leaf, here)] != [*map(_leaf, there)]:
        raise DataError(
            f"{where}: none of its names is of this network ({_some(there)}; here {_some(here)}), and its "
            f"layers are others in order: {len(there)} tensors, here {len(here)}. Rename them, or take the "
            "network that they belong to"
        )
    return dict(zip(here, there, strict=True))


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _some(names: list[str]) -> str:
    return f"such as {names[0]}" if names else "none"


def start_from(session: Session, model: nn.Module, path: str, key: str) -> dict[str, Any]:
    """Give a network the weights of a file before its training, once, and return what is recorded of that.

    Args:
        session: of the run; its directory keeps what was taken.
        model: changed in place.
        path: see `read_weights`.
        key: of the recipe.

    Raises:
        DataError: see `read_weights` and `match`.
        RunDirectoryError: see `read_weights`.
    """
    own = session.directory
    if session.leads and not own.file(FILE).exists():
        matched = match(model, read_weights(path, key), f"{key}: {path}")
        kept = {"taken": dict(matched.taken), "unused": list(matched.unused), "by": matched.by}
        own.save_checkpoint(kept, FILE)
    session.wait()
    state = own.load_checkpoint(FILE)
    assert state is not None
    model.load_state_dict(state["taken"], strict=False)
    new = [name for name in model.state_dict() if name not in state["taken"]]
    session.report.say(
        f"weights of {path}: {len(state['taken'])} tensors by {state['by']}"
        + (f"; new: {', '.join(new[:4])}{' ...' if len(new) > 4 else ''}" if new else "")
    )
    return {
        "weights": path,
        "sha256": checksum_of(own.file(FILE)),
        "by": state["by"],
        "taken": len(state["taken"]),
        "new": new,
        "unused": state["unused"],
    }
