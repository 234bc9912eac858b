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
    """``%name``, an empty tensor of the sizes of ``%of``, the last one ``last`` if given."""
    lines, sizes = [], [f"%{name}{d}" for d in range(rank)]
    for d in range(rank):
        lines.append(f"%{name}c{d} = arith.constant {d} : index")
        lines.append(f"%{name}{d} = tensor.dim %{of}, %{name}c{d} : {tensor(rank, element)}")
    kind = tensor(rank, element)
    if last is not None:
        sizes.pop()
        kind = f"tensor<{'?x' * (rank - 1)}{last}>"
    return "\n".join(lines) + f"\n%{name} = tensor.empty({', '.join(sizes)}) : {kind}"


def layer(op, operands, rank, dtype, attributes):
    """A compiled op with one result like its first operand ``x`` of ``rank`` dimensions."""
    types = {"x": tensor(rank, dtype), **operands}
    names, kinds = ", ".join(f"%{n}" for n in types), ", ".join(types.values())
    text = f"""
    func.func @f({", ".join(f"%{n}: {t}" for n, t in types.items())}) -> {types["x"]} {{
      {empty_like("out", "x", rank, dtype)}
      %r = effattn.{op} ins({names} : {kinds}) outs(%out : {types["x"]}) {{{attributes}}}
      return %r : {types["x"]}
    }}"""
    return compile_ir(text).f


def gated_ffn(*, rank=2, dtype="f32", weight="f32", activation="silu"):
    matrices = dict.fromkeys(("gate", "up", "down"), tensor(2, weight))
    return layer("gated_ffn", matrices, rank, dtype, f"activation = #effattn.activation<{activation}>")


def hourglass_ffn(*, rank=2, dtype="f32", weight="f32", activation="silu", epsilon=1e-6):
    blocks = {"norm": tensor(2, weight), **dict.fromkeys(("gate", "up", "down"), tensor(3, weight))}
    attributes = f"activation = #effattn.activation<{activation}>, epsilon = {epsilon:e}"
    return layer("hourglass_ffn", blocks, rank, dtype, attributes)


def weights(rng, *shape, dtype="f32"):
    """Numbers that keep the size of what is multiplied by them."""
    return (rng.normal(size=shape) / max(shape[-2], 1) ** 0.5).astype(DTYPES[dtype])


def gated_weights(rng, *leading, width, hidden, dtype="f32"):
    return [
        weights(rng, *leading, width, hidden, dtype=dtype),
        weights(rng, *leading, width, hidden, dtype=dtype),
        weights(rng, *leading, hidden, width, dtype=dtype),
    ]
