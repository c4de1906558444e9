from __future__ import annotations

import pytest
import torch
from snnplug_autosnn.blocks import Make, block, check_blocks
from torch import nn

from snnplug.nn import SpikingNeuron, record, spike
from snnplug.testing.candidates import TinyNeuron

MAKE = Make(TinyNeuron, "joint")


class Passes(SpikingNeuron):
    """Passes its current on: what stands around it shows."""

    graded = True

    def sequence(self, x, state):
        return x, state


def plain(name, inputs, outputs, stride):
    """A block whose neurons pass on what they get, with batch norm as it starts, in float64."""
    return block(name, Make(Passes, "joint"), inputs, outputs, stride).double().eval()


def values(channels=4, size=6):
    return torch.rand(
        2, 3, channels, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("outputs", [4, 6])
@pytest.mark.parametrize("name", ["skip", "SCB_k3", "SRB_k5", "SRB_k7", "SIB_k3_e2"])
def test_shapes(name, outputs, stride, size):
    x = values(size=size)
    y = block(name, MAKE, 4, outputs, stride).double()(x)
    assert y.shape == (2, 3, outputs, (size + 1) // stride if stride == 2 else size, y.shape[-2])


def test_skip_is_nothing_where_nothing_changes():
    x = values()
    assert block("skip", MAKE, 4, 4, 1)(x) is x


def scale(module):
    return 1 / (1 + module.eps) ** 0.5  # of batch norm as it starts


def test_skip_with_stride_2_sees_two_pixels_of_four():
    skip = plain("skip", 1, 2, 2)
    x = values(1)
    for conv in (skip.conv1, skip.conv2):
        nn.init.ones_(conv.weight)
    y = skip(x) / scale(skip.norm.layers[0])
    torch.testing.assert_close(y[:, :, 0], x[:, :, 0, ::2, ::2])
    torch.testing.assert_close(y[:, :, 1], x[:, :, 0, 1::2, 1::2])


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 6, 1), (4, 8, 2)])
def test_residual_adds_the_shortcut_before_the_last_neuron(inputs, outputs, stride):
    residual = plain("SRB_k3", inputs, outputs, stride)
    branch = plain("SCB_k3", inputs, outputs, stride)
    branch.load_state_dict({k: v for k, v in residual.state_dict().items() if "shortcut" not in k})
    x = values(inputs)
    shortcut = residual.shortcut(x)
    assert len(list(residual.shortcut.parameters())) == (0 if (inputs, stride) == (outputs, 1) else 3)
    torch.testing.assert_close(residual(x), branch(x) + shortcut)


@pytest.mark.parametrize(
    ("name", "neurons", "kernels"),
    [("SCB_k5", 2, [5, 5]), ("SRB_k3", 2, [3, 3, 1]), ("SIB_k5_e3", 3, [1, 5, 1, 1]), ("skip", 1, [1])],
)
def test_neurons_and_kernels(name, neurons, kernels):
    built = block(name, MAKE, 4, 6, 1)
    assert sum(isinstance(part, SpikingNeuron) for part in built.modules()) == neurons
    found = [part.kernel_size[0] for part in built.modules() if isinstance(part, nn.Conv2d)]
    assert found == kernels
    assert all(part.bias is None for part in built.modules() if isinstance(part, nn.Conv2d))


def test_inverted_block_is_wide_inside_and_has_no_shortcut_with_stride_2():
    inverted = block("SIB_k3_e3", MAKE, 4, 4, 2)
    assert [part.out_channels for part in inverted.modules() if isinstance(part, nn.Conv2d)] == [12, 12, 4]
    assert inverted.shortcut is None


def test_batch_norm_per_step_sees_each_step_alone():
    torch.manual_seed(0)  # of 1,500 seeds five give both as many spikes
    x = torch.stack([values()[0], 3 + values()[1]])
    joint, stepwise = (
        block("SCB_k3", Make(lambda: TinyNeuron(), how), 4, 4, 1).double() for how in ("joint", "per_step")
    )
    stepwise.load_state_dict(joint.state_dict())
    with record(joint) as one, record(stepwise) as other:
        joint(x), stepwise(x)
    assert one.spikes_per_sample != other.spikes_per_sample
    alone = block("SCB_k3", MAKE, 4, 4, 1).double()
    alone.load_state_dict(stepwise.state_dict())
    torch.testing.assert_close(stepwise.conv1(x)[1:], alone.conv1(x[1:]))


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ((), "at least one"),
        (("skip", "skip"), "different names"),
        (("SRB",), "got 'SRB'"),
        (("SCB_k4",), "odd kernels"),
        (("SIB_k3_e0",), "widen at least once"),
    ],
)
def test_unknown_blocks_are_refused(names, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_blocks(names)


def test_spikes_stay_binary_between_blocks():
    x = spike(values() - 0.5)
    assert set(block("SRB_k3", MAKE, 4, 4, 1).double()(x).unique().tolist()) <= {0.0, 1.0}
