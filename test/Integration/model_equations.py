# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example models as equations, in NumPy float64 with the ops of effattn.reference.

Each takes the model's configuration, its weights by name and its data inputs, and gives its outputs.
"""

from __future__ import annotations

from effattn import reference as ref


def part(w, layer):
    """The weights of a layer under their own names."""
    return {name[len(layer) + 1 :]: array for name, array in w.items() if name.startswith(f"{layer}_")}


def split(rows, heads):
    """``[B, T, H * D]`` to ``[B, H, T, D]``."""
    batch, tokens, width = rows.shape
    return rows.reshape(batch, tokens, heads, width // heads).swapaxes(1, 2)


def merge(rows):
    """``[B, H, T, D]`` to ``[B, T, H * D]``."""
    batch, heads, tokens, width = rows.shape
    return rows.swapaxes(1, 2).reshape(batch, tokens, heads * width)


# --- RAM-Net -----------------------------------------------------------------------------------------


def ram_net(c, w, x, positions, lengths, memory, mass):
    h = ref.rms_norm(x, w["norm"])

    def address(logits):
        digits = logits.reshape(*logits.shape[:2], c.digits, c.base)
        weights, slots = ref.product_softmax_top_k(digits, k=c.kept, normalize=True)
        return weights, ref.cyclic_shift(slots, positions, mode=c.shift, digits=c.digits, base=c.base)

    write, read = address(h @ w["to_write"]), address(h @ w["to_read"])
    out, memory, mass = ref.address_memory(
        *write, h @ w["to_value"], *read, memory, mass, lengths=lengths, gamma=c.gamma
    )
    return x + out @ w["to_output"], memory, mass
