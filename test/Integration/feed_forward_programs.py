"""IR of functions around one feed-forward op each, and operands for them.

Every size is dynamic; ``weight`` is the element type of all weights.
"""

import ml_dtypes
import numpy as np
from harness import compile_ir

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}


def tensor(rank, element):
    return f"tensor<{'?x' * rank}{element}>"


def empty_like(name, of, rank, element, last=None):
    """``%name``, an empty tensor of the sizes of ``%of``; ``last``: other last size and element."""
    dims = range(rank if last is None else rank - 1)
    lines = [f"%{name}c{d} = arith.constant {d} : index\n"
             f"%{name}{d} = tensor.dim %{of}, %{name}c{d} : {tensor(rank, element)}" for d in dims]  # fmt: skip
    sizes = ", ".join(f"%{name}{d}" for d in dims)
    kind = f"tensor<{'?x' * len(dims)}{last}>" if last else tensor(rank, element)
    return "\n".join([*lines, f"%{name} = tensor.empty({sizes}) : {kind}"])


def layer(op, operands, rank, dtype, attributes, flags=()):
    """A compiled op with one result like its first operand ``x`` of ``rank`` dimensions."""
    types = {"x": tensor(rank, dtype), **operands}
    names, kinds = ", ".join(f"%{n}" for n in types), ", ".join(types.values())
    text = f"""
    func.func @f({", ".join(f"%{n}: {t}" for n, t in types.items())}) -> {types["x"]} {{
      {empty_like("out", "x", rank, dtype)}
      %r = effattn.{op} ins({names} : {kinds}) outs(%out : {types["x"]}) {{{attributes}}}
      return %r : {types["x"]}
    }}"""
    return compile_ir(text, *flags).f


def gated_ffn(*, rank=2, dtype="f32", weight="f32", activation="silu", flags=()):
    """``weight``: the element type of all weights, or of gate, up and down."""
    types = weight.split() if " " in weight else [weight] * 3
    matrices = {name: tensor(2, kind) for name, kind in zip(("gate", "up", "down"), types)}
    return layer("gated_ffn", matrices, rank, dtype, f"activation = #effattn.activation<{activation}>", flags)


def hourglass_ffn(*, rank=2, dtype="f32", weight="f32", activation="silu", epsilon=1e-6, flags=()):
    blocks = {"norm": tensor(2, weight), **dict.fromkeys(("gate", "up", "down"), tensor(3, weight))}
    attributes = f"activation = #effattn.activation<{activation}>, epsilon = {epsilon:e}"
    return layer("hourglass_ffn", blocks, rank, dtype, attributes, flags)


def moe_route(*, k, rank=2, dtype="f32", weight="f32", normalize=True):
    x, w = tensor(rank, dtype), tensor(2, weight)
    leading = "?x" * (rank - 1)
    g, e = f"tensor<{leading}{k}xf32>", f"tensor<{leading}{k}xi32>"
    text = f"""
    func.func @f(%x: {x}, %w: {w}) -> ({g}, {e}, tensor<f32>) {{
      {empty_like("g", "x", rank, dtype, f"{k}xf32")}
      {empty_like("e", "x", rank, dtype, f"{k}xi32")}
      %b = tensor.empty() : tensor<f32>
      %r:3 = effattn.moe_route ins(%x, %w : {x}, {w}) outs(%g, %e, %b : {g}, {e}, tensor<f32>)
        {{k = {k}, normalize = {str(normalize).lower()}}}
      return %r#0, %r#1, %r#2 : {g}, {e}, tensor<f32>
    }}"""
    return compile_ir(text).f


def moe_ffn(*, rank=2, dtype="f32", gates="f32", experts="i32", weight="f32", activation="silu"):
    operands = {"gates": tensor(rank, gates), "experts": tensor(rank, experts),
                **dict.fromkeys(("gate", "up", "down"), tensor(3, weight))}  # fmt: skip
    return layer("moe_ffn", operands, rank, dtype, f"activation = #effattn.activation<{activation}>")


def weights(rng, *shape, dtype="f32"):
    """Numbers that keep the size of what is multiplied by them."""
    return (rng.normal(size=shape) / max(shape[-2], 1) ** 0.5).astype(DTYPES[dtype])


def gated_weights(rng, *leading, width, hidden, dtype="f32"):
    return [
        weights(rng, *leading, width, hidden, dtype=dtype),
        weights(rng, *leading, width, hidden, dtype=dtype),
        weights(rng, *leading, hidden, width, dtype=dtype),
    ]
