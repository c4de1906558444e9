from __future__ import annotations

import pickle

import torch
import torch.nn.functional as F

from snnplug.nn import CropAndFlip


def test_every_image_is_a_shifted_or_mirrored_copy_of_itself() -> None:
    torch.manual_seed(0)
    x = torch.rand(200, 3, 5, 6)
    y = CropAndFlip(pad=2)(x)
    assert y.shape == x.shape
    wide = F.pad(x, [2] * 4)
    found = set()
    for i in range(200):
        crops = {(r, c): wide[i, :, r : r + 5, c : c + 6] for r in range(5) for c in range(5)}
        matches = [
            (r, c, flip)
            for (r, c), crop in crops.items()
            for flip in (False, True)
            if torch.equal(y[i], crop.flip(2) if flip else crop)
        ]
        assert len(matches) == 1
        found.add(matches[0])
    assert len(found) > 45  # of 5 x 5 shifts, mirrored or not
    assert {flip for *_, flip in found} == {False, True}


def test_without_padding_and_flip_nothing_changes() -> None:
    x = torch.rand(4, 1, 5, 5)
    assert torch.equal(CropAndFlip(pad=0, flip=False)(x), x)


def test_it_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(CropAndFlip(3))) == CropAndFlip(3)


def test_all_time_steps_of_a_sample_move_alike() -> None:
    x = torch.rand(6, 1, 2, 5, 6).expand(6, 4, 2, 5, 6).contiguous()  # the same at every step
    torch.manual_seed(0)
    y = CropAndFlip(pad=2)(x)
    assert y.shape == x.shape
    assert torch.equal(y, y[:, :1].expand_as(y))
    torch.manual_seed(0)
    assert torch.equal(CropAndFlip(pad=2)(x[:, 0]), y[:, 0])
