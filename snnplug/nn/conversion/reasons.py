"""Why operations without a rule are refused, and what to use instead."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["reason"]

_NO_NEURON = "no spiking neuron computes it; train the model with ReLU in its place"
_NORM = "its scale depends on the input, and a synapse's weight does not; use batch norm"
_ATTENTION = "it multiplies and normalises values that depend on the input, which no synapse does"
_UPSAMPLES = "upsampling has no rule; resize the data before the network"
_RECURRENT = "a recurrent layer has gates that multiply values; a converted network is feedforward"
_GREATEST = "it takes the greatest value over axes; use a max pool, such as nn.AdaptiveMaxPool2d(1)"
_BRANCH = "a data-dependent branch: a spiking network does the same for every input"

_REASONS: Mapping[str, str] = {
    **dict.fromkeys(("sigmoid", "hardsigmoid", "log_sigmoid"), f"a sigmoid (gate): {_NO_NEURON}"),
    **dict.fromkeys(
        ("silu", "gelu", "tanh", "hardswish", "mish", "elu", "selu", "celu", "softplus"), _NO_NEURON
    ),
    **dict.fromkeys(("leaky_relu", "prelu", "rrelu", "softsign", "softshrink", "hardshrink"), _NO_NEURON),
    **dict.fromkeys(("exp", "log", "sqrt", "rsqrt", "pow", "square", "abs", "sin", "cos", "glu"), _NO_NEURON),
    **dict.fromkeys(
        ("softmax", "_softmax", "log_softmax", "_log_softmax"),
        "softmax divides by a sum over values; return the logits",
    ),
    **dict.fromkeys(
        ("scaled_dot_product_attention", "_native_multi_head_attention"), f"attention: {_ATTENTION}"
    ),
    **dict.fromkeys(("bmm", "baddbmm", "einsum", "dot", "addmm", "addcmul"), _ATTENTION),
    **dict.fromkeys(("group_norm", "layer_norm", "instance_norm", "native_group_norm", "rms_norm"), _NORM),
    **dict.fromkeys(
        ("native_layer_norm", "local_response_norm", "cosine_similarity", "linalg_vector_norm"), _NORM
    ),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        "a transposed convolution has no rule; use a convolution",
    ),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _RECURRENT),
    **dict.fromkeys(("amax", "max"), _GREATEST),
    **dict.fromkeys(("cond", "while_loop", "where", "item", "masked_fill"), _BRANCH),
    **dict.fromkeys(("gt", "lt", "ge", "le", "eq", "ne", "sign", "topk", "sort", "argmax"), _BRANCH),
    **dict.fromkeys(("instance_norm", "cudnn_batch_norm", "native_batch_norm"), _NORM),
    **dict.fromkeys(("rand", "rand_like", "randn", "randn_like", "bernoulli"), "draws random numbers"),
    **dict.fromkeys(("copy", "index_put", "fill", "zero"), "writes into a part of a tensor"),
}


def reason(name: str, namespace: str) -> str:
    """Return why an operation is refused.

    Args:
        name: of the operation.
        namespace: "aten" for torch's own.
    """
    if namespace == "higher_order":
        return _REASONS.get(name, "an operation that takes functions has no rule")
    if namespace != "aten":
        return f"a custom operation of {namespace!r}, which may compute anything"
    if name.startswith(("upsample", "_upsample", "interpolate", "grid_sampler")):
        return _UPSAMPLES
    return _REASONS.get(name, "it has no rule, and what is not known to be right is not converted")
