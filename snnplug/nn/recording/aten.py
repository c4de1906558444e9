"""What torch's operations do to the values of a network, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

__all__ = ["is_harmless", "may_multiply", "multiplies"]

_HARMLESS = frozenset(  # where weights are among the operands: add, compare, choose, copy or normalise
    [
        *("add", "sub", "rsub", "cat", "stack", "copy", "fill", "where", "index_add", "scatter_add"),
        *("maximum", "minimum", "fmax", "fmin", "clamp", "clamp_min", "clamp_max"),
        *("eq", "ne", "lt", "le", "gt", "ge", "isin", "bucketize", "searchsorted", "heaviside"),
        *("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"),
        *("masked_fill", "masked_scatter", "index_put", "_index_put_impl", "index_copy"),
        *("scatter", "slice_scatter", "select_scatter", "_linalg_check_errors"),
        *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
        *("_batch_norm_with_update", "_batch_norm_no_update", "_batch_norm_impl_index"),
        *("cudnn_batch_norm", "miopen_batch_norm"),
        *("native_layer_norm", "native_group_norm", "_fused_rms_norm"),
    ]
)
_FACTORS: Mapping[str, slice] = {  # of elementwise ones: which operands they multiply
    **dict.fromkeys(("mul", "div"), slice(0, 2)),
    **dict.fromkeys(("addcmul", "addcdiv", "lerp"), slice(1, 3)),
}
_MULTIPLYING = frozenset(
    [
        *("pow", "prod", "cumprod", "cross", "conv_tbc", "_trilinear", "_embedding_bag", "_grouped_mm"),
        *("_cdist_forward", "_euclidean_dist", "_pdist_forward", "grid_sampler_2d", "grid_sampler_3d"),
        *("_native_multi_head_attention", "_transformer_encoder_layer_fwd"),
        *("_thnn_fused_lstm_cell", "_thnn_fused_gru_cell", "lstm_mps"),
    ]
)
_FAMILIES = (
    *("linalg_", "_linalg_", "_fft_", "_scaled_", "_cudnn_", "cudnn_", "miopen_", "mkldnn_", "_mps_", "mps_"),
    *("_sparse_", "sparse_", "_flash_", "_efficient_", "_weight_int", "slow_conv", "_slow_conv", "thnn_conv"),
)


def is_harmless(operation: str) -> bool:
    """Whether an operation that has weights among its operands multiplies nothing, or only to normalise."""
    return operation in _HARMLESS


def may_multiply(operation: str) -> bool:
    """Whether an operation, not a product, may multiply tensors."""
    return operation in _FACTORS or operation in _MULTIPLYING or operation.startswith(_FAMILIES)


def multiplies(operation: str, args: tuple[Any, ...]) -> bool:
    """Whether an operation that may multiply tensors does so: scaling by one number is none."""
    factors = args[_FACTORS[operation]] if operation in _FACTORS else ()
    return all(isinstance(factor, Tensor) and factor.numel() > 1 for factor in factors)
