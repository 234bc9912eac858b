"""IR of functions around masks and attention, and the same masks for the reference.

A mask is a nested tuple: ("window", 3), ("or", part, part), ... ``Program`` writes the function and
keeps the list of operands that its masks need, so that one list of random operands serves the
compiled function and the reference.
"""

import numpy as np

from effattn import reference

KINDS = {
    "starts": "tensor<?xi64>",
    "ends": "tensor<?xi32>",
    "flags": "tensor<?x?xi1>",
    "query_ids": "tensor<?x?xi32>",
    "key_ids": "tensor<?x?xi64>",
    "dense": "tensor<?x?x?x?xi1>",
}
OPERANDS = {
    "lengths": "tensor<?xi32>",
    "key_lengths": "tensor<?xi64>",
    "key_positions": "tensor<?x?xi64>",
}
OFFSETS = {"offset": "i64", "offsets": "tensor<?xi64>", "offsets32": "tensor<?xi32>"}
ALIBI = """ score {
  ^bb0(%score: f32, %row: index, %head: index, %query: index, %key: index):
    %slope = tensor.extract %slopes[%head] : tensor<?xf32>
    %distance = arith.subi %key, %query : index
    %integer = arith.index_cast %distance : index to i64
    %real = arith.sitofp %integer : i64 to f32
    %bias = arith.mulf %slope, %real : f32
    %sum = arith.addf %score, %bias : f32
    effattn.yield %sum : f32
  }"""


class MaskText:
    """The ops of a mask region and the operands that they capture, as (name, kind)."""

    def __init__(self, tree):
        self.lines, self.operands = [], []
        self.root = self.emit(tree)

    def operand(self, kind):
        name = f"m{len(self.operands)}"
        self.operands.append((name, kind))
        return f"%{name}", KINDS[kind]

    def op(self, text):
        result = f"%k{len(self.lines)}"
        self.lines.append(f"{result} = effattn.{text}")
        return result

    def starts(self, given):
        return " starts(%s : %s)" % self.operand("starts") if given else ""

    def emit(self, tree):
        kind, *rest = tree
        if kind in ("and", "or"):
            parts = [self.emit(part) for part in rest]
            return self.op(f"mask_{kind} {', '.join(parts) or 'nothing'}")
        if kind == "not":
            return self.op(f"mask_not {self.emit(rest[0])}")
        if kind == "causal":
            return self.op("causal_mask")
        if kind == "window":
            return self.op(f"window_mask {{size = {rest[0]}}}")
        if kind == "initial":
            count, padded = rest
            return self.op(f"initial_mask{self.starts(padded)} {{count = {count}}}")
        if kind == "length":
            lengths, kind = self.operand("ends")
            return self.op(f"length_mask {lengths} : {kind}{self.starts(rest[0])}")
        if kind == "document":
            (query, query_kind), (key, key_kind) = self.operand("query_ids"), self.operand("key_ids")
            return self.op(f"document_mask {query}, {key} : {query_kind}, {key_kind}")
        if kind == "dense":
            return self.op("dense_mask %s : %s" % self.operand("dense"))
        assert kind == "separator", kind
        initial, window, padded = rest
        flags, kind = self.operand("flags")
        starts = self.starts(padded)
        return self.op(f"separator_mask {flags} : {kind}{starts} {{initial = {initial}, window = {window}}}")

    def region(self):
        body = "\n    ".join(self.lines)
        return f" mask {{\n    {body}\n    effattn.yield {self.root} : !effattn.mask\n  }}"

    def draw(self, rng, batch, heads, queries, keys):
        """Random operands; positions reach beyond both ends of the keys."""
        makers = {
            "starts": lambda: rng.integers(-2, keys + 3, batch),
            "ends": lambda: rng.integers(-2, keys + 3, batch).astype(np.int32),
            "flags": lambda: rng.random((batch, keys)) < rng.choice([0, 0.1, 0.5, 1]),
            "query_ids": lambda: rng.integers(0, 3, (batch, queries)).astype(np.int32),
            "key_ids": lambda: rng.integers(0, 3, (batch, keys)),
            "dense": lambda: rng.random((rng.choice([1, batch]), rng.choice([1, heads]), queries, keys)) < 0.6,
        }
        return [makers[kind]() for _, kind in self.operands]


def reference_mask(tree, operands):
    """The mask of the reference; ``operands`` is an iterator over what ``MaskText.draw`` gave."""
    kind, *rest = tree
    if kind in ("and", "or"):
        parts = [reference_mask(part, operands) for part in rest]
        if not parts:
            keeps_nothing = reference.initial_mask(count=0)
            return ~keeps_nothing if kind == "and" else keeps_nothing
        return (reference.mask_and if kind == "and" else reference.mask_or)(*parts)
    if kind == "not":
        return ~reference_mask(rest[0], operands)
    if kind == "causal":
        return reference.causal_mask()
    if kind == "window":
        return reference.window_mask(size=rest[0])
    if kind == "initial":
        count, padded = rest
        return reference.initial_mask(count=count, starts=next(operands) if padded else None)
    if kind == "length":
        ends = next(operands)
        return reference.length_mask(ends, starts=next(operands) if rest[0] else None)
    if kind == "document":
        query_ids = next(operands)
        return reference.document_mask(query_ids, next(operands))
    if kind == "dense":
        return reference.dense_mask(next(operands))
    initial, window, padded = rest
    flags = next(operands)
    starts = next(operands) if padded else None
    return reference.separator_mask(flags, initial=initial, window=window, starts=starts)


def random_tree(rng, depth):
    """A mask of random form."""
    size = int(rng.choice([1, 2, 3, 5, 2**40]))
    padded = bool(rng.integers(2))
    leaves = [
        ("causal",),
        ("window", size),
        ("initial", size - 1, padded),
        ("length", padded),
        ("document",),
        ("dense",),
        ("separator", int(rng.integers(4)), size, padded),
    ]
    if depth == 0 or rng.random() < 0.2:
        return leaves[rng.integers(len(leaves))]
    if rng.random() < 0.25:
        return ("not", random_tree(rng, depth - 1))
    parts = [random_tree(rng, depth - 1) for _ in range(rng.integers(0, 4))]
    return (("and", "or")[rng.integers(2)], *parts)


def dynamic_dims(names, source, kind):
    """Ops that name the sizes of ``source``: %t, %s, ..."""
    return "\n  ".join(
        f"%dim_{name} = arith.constant {dim} : index\n  %{name} = tensor.dim {source}, %dim_{name} : {kind}"
        for name, dim in names.items()
    )


class AttentionProgram:
    """A function around one attention op; ``sizes`` makes (T, S) static, ``widths`` (D, E)."""

    def __init__(
        self, name, tree=None, options=(), types=("f32", "f32", "f32"), sizes=("?", "?"), widths=("?", "?")
    ):
        self.name, self.tree, self.options, self.types = name, tree, set(options), types
        self.sizes, self.widths = sizes, widths
        self.mask = MaskText(tree) if tree is not None else None

    def text(self):
        queries, keys = self.sizes
        width, value_width = self.widths
        q = f"tensor<?x?x{queries}x{width}x{self.types[0]}>"
        k = f"tensor<?x?x{keys}x{width}x{self.types[1]}>"
        v = f"tensor<?x?x{keys}x{value_width}x{self.types[2]}>"
        arguments, groups, attributes = [f"%q: {q}", f"%k: {k}", f"%v: {v}"], "", []
        for name, kind in OPERANDS.items():
            if name in self.options:
                arguments.append(f"%{name}: {kind}")
                groups += f" {name}(%{name} : {kind})"
        for name, kind in OFFSETS.items():
            if name in self.options:
                arguments.append(f"%{name}: {kind}")
                groups += f" offset(%{name} : {kind})"
        if "alibi" in self.options:
            arguments.append("%slopes: tensor<?xf32>")
        if self.mask:
            arguments += [f"%{name}: {KINDS[kind]}" for name, kind in self.mask.operands]
        if "scale" in self.options:
            attributes.append("scale = 0.25")
        if "softcap" in self.options:
            attributes.append("softcap = 2.0")
        out, lse = f"tensor<?x?x{queries}x{value_width}x{self.types[0]}>", f"tensor<?x?x{queries}xf32>"
        t = ", %t" if queries == "?" else ""
        e = ", %e" if value_width == "?" else ""
        return f"""
func.func @{self.name}({", ".join(arguments)}) -> ({out}, {lse}) {{
  {dynamic_dims({"b": 0, "h": 1, "t": 2}, "%q", q)}
  {dynamic_dims({"e": 3}, "%v", v)}
  %out = tensor.empty(%b, %h{t}{e}) : {out}
  %lse = tensor.empty(%b, %h{t}) : {lse}
  %0:2 = effattn.attention ins(%q, %k, %v : {q}, {k}, {v}){groups}
    outs(%out, %lse : {out}, {lse}) {{{", ".join(attributes)}}}{self.mask.region() if self.mask else ""}
    {ALIBI if "alibi" in self.options else ""}
  return %0#0, %0#1 : {out}, {lse}
}}"""


class MaskProgram:
    """A function around one materialize_mask op; ``offset`` is an option, None or a constant."""

    def __init__(self, name, tree, offset=None, sizes=("?", "?")):
        self.name, self.tree, self.offset, self.sizes = name, tree, offset, sizes
        self.mask = MaskText(tree)

    def text(self):
        kind = f"tensor<?x?x{self.sizes[0]}x{self.sizes[1]}xi1>"
        arguments, group, constant = [f"%like: {kind}"], "", ""
        if isinstance(self.offset, int):
            constant, group = f"%c = arith.constant {self.offset} : i64", "offset(%c : i64)"
        elif self.offset:
            arguments.append(f"%o: {OFFSETS[self.offset]}")
            group = f"offset(%o : {OFFSETS[self.offset]})"
        arguments += [f"%{name}: {KINDS[kind]}" for name, kind in self.mask.operands]
        dynamic = {name: dim for name, dim in zip("bhts", range(4)) if dim < 2 or self.sizes[dim - 2] == "?"}
        return f"""
func.func @{self.name}({", ".join(arguments)}) -> {kind} {{
  {dynamic_dims(dynamic, "%like", kind)}
  %out = tensor.empty({", ".join("%" + name for name in dynamic)}) : {kind}
  {constant}
  %0 = effattn.materialize_mask {group} outs(%out : {kind}){self.mask.region()}
  return %0 : {kind}
}}"""
