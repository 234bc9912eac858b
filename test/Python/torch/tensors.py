# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The random operands of ops as tensors of PyTorch."""

import ml_dtypes
import numpy as np
import torch

from effattn.ops import Mask


def to_torch(value):
    """Arrays, also those in lists and masks, as tensors."""
    if isinstance(value, Mask):
        return value.replace(iter([to_torch(operand) for _, _, operand in value.values()]))
    if isinstance(value, np.ndarray):
        array = np.array(value)
        if array.dtype.name == "bfloat16":
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)
    return tuple(map(to_torch, value)) if isinstance(value, (tuple, list)) and _has_array(value) else value


def _has_array(values):
    return any(isinstance(value, np.ndarray) for value in values)


def to_numpy(value):
    """Results as arrays."""
    if isinstance(value, tuple):
        parts = map(to_numpy, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    value = value.detach()
    if value.dtype == torch.bfloat16:
        return value.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return value.numpy()
