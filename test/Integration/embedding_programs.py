"""Functions of one embedding op, for all sizes.

A function takes the operands of its op, those that are not given left out, and
last a tensor whose size is the width of the result: IR takes that from the
init. What is compiled depends on types, ranks and attributes alone.
"""

import numpy as np
from harness import compile_ir

SHORT = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int32": "i32", "int64": "i64",
         "int8": "i8", "uint8": "i8", "bool": "i1"}  # fmt: skip


def type_of(array, *, is_flags=False):
    element = "i1" if is_flags else SHORT[array.dtype.name]
    return "tensor<" + "?x" * array.ndim + element + ">"


def compile_op(name, groups, out, *, attributes="", flags=()):
    """A function of ``effattn.name``.

    ``groups`` are lists of (array, name) in parentheses, each under its keyword; an array is None
    where the operand is not given. ``out`` is rank and element type; its leading sizes are those
    of the first operand.
    """
    clauses, arguments, arrays = [], [], []
    for keyword, operands in groups.items():
        if any(array is None for array, _ in operands):
            continue
        types = [type_of(array, is_flags=name == "row_kind") for array, name in operands]
        names = ", ".join(f"%{name}" for _, name in operands)
        clauses.append(f"{keyword}({names} : {', '.join(types)})")
        arguments += [f"%{name}: {kind}" for (_, name), kind in zip(operands, types)]
        arrays += [array for array, _ in operands]
    rank, element = out
    (first, first_name), result = groups["ins"][0], f"tensor<{'?x' * rank}{element}>"
    dims = "\n".join(
        f"%c{i} = arith.constant {i} : index\n"
        f"%d{i} = tensor.dim %{first_name}, %c{i} : {type_of(first)}"
        for i in range(rank - 1)
    )
    sizes = ", ".join([f"%d{i}" for i in range(rank - 1)] + ["%width"])
    text = f"""
    func.func @f({", ".join(arguments)}, %like: tensor<?xi8>) -> {result} {{
      %zero = arith.constant 0 : index
      %width = tensor.dim %like, %zero : tensor<?xi8>
      {dims}
      %out = tensor.empty({sizes}) : {result}
      %r = effattn.{name} {" ".join(clauses)} outs(%out : {result}) {{{attributes}}}
      return %r : {result}
    }}"""
    return compile_ir(text, *flags).f, arrays


def call(name, groups, width, element, **options):
    """What the op gives; the result has one dimension more than its first operand, or its rank."""
    first = groups["ins"][0][0]
    rank = first.ndim + (name != "quantized_matmul")
    function, arrays = compile_op(name, groups, (rank, element), **options)
    return function(*arrays, np.zeros(width, np.int8))[0]


def embedding(ids, table):
    ins = [(ids, "ids"), (table, "table")]
    return call("embedding", {"ins": ins}, table.shape[1], SHORT[table.dtype.name])


def lora_embedding(ids, table, a, b, *, weights=None, alpha=1.0, flags=()):
    groups = {
        "ins": [(ids, "ids"), (table, "table"), (a, "a"), (b, "b")],
        "weights": [(weights, "weights")],
    }
    return call("lora_embedding", groups, table.shape[1], SHORT[table.dtype.name],
                attributes=f"alpha = {alpha:e}", flags=flags)  # fmt: skip


def split_embedding(ids, invariant, variant, *, invariant_map=None, variant_map=None, combine="add", width=None):
    groups = {
        "ins": [(ids, "ids"), (invariant, "invariant"), (variant, "variant")],
        "invariant_map": [(invariant_map, "invariant_map")],
        "variant_map": [(variant_map, "variant_map")],
    }
    if width is None:
        width = invariant.shape[1] + (variant.shape[1] if combine == "concat" else 0)
    return call("split_embedding", groups, width, SHORT[invariant.dtype.name],
                attributes=f"combine = #effattn.combine<{combine}>")  # fmt: skip


def tensor_train_embedding(ids, *cores, vocabulary=None, width=None, flags=()):
    ins = [(ids, "ids"), *((core, f"core{c}") for c, core in enumerate(cores))]
    if width is None:
        width = int(np.prod([core.shape[2] for core in cores]))
    attributes = "" if vocabulary is None else f"vocabulary = {vocabulary}"
    return call("tensor_train_embedding", {"ins": ins}, width, SHORT[cores[0].dtype.name],
                attributes=attributes, flags=flags)  # fmt: skip


def table_groups(first, name, codes4, codes8, row_kind, row_index, scales, keywords):
    return {
        "ins": [(first, name), (codes4, "codes4"), (codes8, "codes8"), (row_kind, "row_kind"),
                (row_index, "row_index"), (scales, "scales")],
        "residual": [(keywords.get(n), n) for n in ("residual_codes", "residual_scales")],
        "nearest": [(keywords.get(n), n) for n in ("nearest", "nearest_weight")],
    }  # fmt: skip


def quantized_embedding(ids, *table, result="f32", **keywords):
    groups = table_groups(ids, "ids", *table, keywords)
    return call("quantized_embedding", groups, table[1].shape[1], result)


def quantized_matmul(x, *table, activation="f32", flags=(), **keywords):
    groups = table_groups(x, "x", *table, keywords)
    return call("quantized_matmul", groups, len(table[2]), SHORT[x.dtype.name],
                attributes=f"activation = #effattn.precision<{activation}>", flags=flags)  # fmt: skip
