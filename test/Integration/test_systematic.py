"""Compiled systematic attention against the reference: masks, tables, types, what reaches where."""

import functools
import os

import ml_dtypes
import numpy as np
import pytest
from attention_programs import KINDS, AttentionProgram, MaskText, dynamic_dims, random_tree, reference_mask
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
# As of attention: products of a few f32 numbers, their exponential, one rounding of the result.
TOLERANCE = {"f32": 2e-5, "bf16": 2.0**-8 + 2e-5, "f16": 2.0**-11 + 2e-5}
CAUSAL = ("causal",)
TABLES = {"relative_keys": "D", "relative_values": "E"}


class Program:
    """A function around one op; ``sizes`` makes (T, S) static, and ``widths`` (D, E)."""

    def __init__(
        self, name, tree=None, tables=(), types=("f32",) * 5, sizes=("?", "?"), scale=None, widths=("?", "?")
    ):
        self.name, self.tree, self.tables, self.types = name, tree, tables, types
        self.sizes, self.scale, self.widths = sizes, scale, widths
        self.mask = MaskText(tree) if tree is not None else None

    def text(self):
        queries, keys = self.sizes
        d, e = self.widths
        q, o = (f"tensor<?x?x{queries}x{width}x{self.types[0]}>" for width in self.widths)
        k, v, v2 = (f"tensor<?x?x{keys}x{width}x{t}>" for width, t in zip((d, e, e), self.types[1:4]))
        kinds = {name: f"tensor<?x{dict(D=d, E=e)[TABLES[name]]}x{self.types[4]}>" for name in self.tables}
        arguments = [f"%q: {q}", f"%k: {k}", f"%v: {v}", f"%v2: {v2}"]
        arguments += [f"%{name}: {kind}" for name, kind in kinds.items()]
        if self.mask:
            arguments += [f"%{name}: {KINDS[kind]}" for name, kind in self.mask.operands]
        groups = " ".join(f"{name}(%{name} : {kind})" for name, kind in kinds.items())
        scale = f"scale = {self.scale:e}" if self.scale else ""
        sizes = "%b, %h" + ", %t" * (queries == "?") + ", %e" * (e == "?")
        return f"""
func.func @{self.name}({", ".join(arguments)}) -> ({o}, {o}) {{
  {dynamic_dims({"b": 0, "h": 1, "t": 2}, "%q", q)}
  {dynamic_dims({"e": 3}, "%v", v)}
  %out = tensor.empty({sizes}) : {o}
  %out2 = tensor.empty({sizes}) : {o}
  %0:2 = effattn.systematic_attention ins(%q, %k, %v, %v2 : {q}, {k}, {v}, {v2}) {groups}
    outs(%out, %out2 : {o}, {o}) {{{scale}}}{self.mask.region() if self.mask else ""}
  return %0#0, %0#1 : {o}, {o}
}}"""


BOTH = tuple(TABLES)
SEPARATOR = ("separator", 2, 3, False)
PROGRAMS = [
    Program("two_streams"),
    Program("two_streams_causal", CAUSAL, types=("bf16",) * 5),
    Program("keys", CAUSAL, ("relative_keys",), scale=0.25),
    Program("values", CAUSAL, ("relative_values",), types=("f16", "f16", "f16", "f16", "f32")),
    Program("every_key", None, BOTH),
    Program("causal", CAUSAL, BOTH),
    Program("mixed_types", CAUSAL, BOTH, types=("bf16", "f32", "f16", "bf16", "f16")),
    Program("separator", SEPARATOR, BOTH),
    Program("padded", ("separator", 1, 2, True), BOTH),
    Program("dense", ("dense",), BOTH),
    Program("nothing", ("or",), BOTH),
    Program("known_sizes", ("and", CAUSAL, ("window", 4)), BOTH, sizes=(5, 9)),
    Program("one_query", SEPARATOR, BOTH, sizes=(1, 9)),
]
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
lengths = st.sampled_from([0, 1, 2, 3, 5, 7, 13, 33])


@functools.lru_cache(maxsize=None)
def compiled():
    return compile_ir("\n".join(program.text() for program in PROGRAMS))


def check(program, library, rng, batch, group, share, queries, keys, width, value_width, reach, special=None):
    queries, keys = (given if size == "?" else size for given, size in zip((queries, keys), program.sizes))
    heads = group * share
    shapes = [(batch, heads, queries, width), (batch, group, keys, width)]
    shapes += [(batch, group, keys, value_width)] * 2
    shapes += [(2 * reach + 1, {"D": width, "E": value_width}[TABLES[name]]) for name in program.tables]
    types = [*program.types[:4], *[program.types[4]] * len(program.tables)]
    arrays = [rng.standard_normal(shape).astype(DTYPES[dtype]) for shape, dtype in zip(shapes, types)]
    if special is not None:
        for array in arrays[1:]:
            array[rng.random(array.shape[:-1]) < 0.15] = special
    masks = program.mask.draw(rng, batch, heads, queries, keys) if program.mask else []
    got = getattr(library, program.name)(*arrays, *masks)
    wide = [array.astype(np.float64) for array in arrays]
    mask = reference_mask(program.tree, iter(masks)) if program.mask else None
    options = dict(zip(program.tables, wide[4:]), scale=program.scale, mask=mask)
    for found, want in zip(got, reference.systematic_attention(*wide[:4], **options)):
        assert found.dtype == arrays[0].dtype
        assert_close(found, want, TOLERANCE[program.types[0]])


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@given(
    seeds,
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 3),
    lengths,
    st.one_of(lengths, st.sampled_from([257, 530])),
    st.sampled_from([0, 1, 3, 8, 17]),
    st.sampled_from([0, 1, 5, 16]),
    st.sampled_from([0, 1, 2, 6, 40]),
    st.sampled_from([None, None, np.nan]),
)
def test_systematic_attention(program, rng, batch, group, share, tokens, keys, width, value_width, reach, special):
    sizes = batch, group, share, tokens, keys, width, value_width
    check(program, compiled(), rng, *sizes, reach, special)


@pytest.mark.parametrize("seed", range(100 if os.environ.get("EFFATTN_LONG") else 3))
def test_random_masks(seed):
    rng = np.random.default_rng(seed)
    programs = [
        Program(
            f"random_{i}",
            random_tree(rng, 3),
            [(), BOTH, BOTH[:1], BOTH[1:]][rng.integers(4)],
            sizes=(int(rng.integers(1, 5)), int(rng.integers(0, 9))) if rng.random() < 0.5 else ("?", "?"),
        )
        for i in range(4)
    ]
    library = compile_ir("\n".join(program.text() for program in programs))
    for program in programs:
        for _ in range(20):
            sizes = rng.integers([0, 1, 1, 0, 0], [4, 3, 3, 40, 40])
            check(program, library, rng, *sizes, 4, 3, rng.integers(0, 5), rng.choice([0, np.nan]))


def test_tables_of_zeros_change_nothing():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((2, 3, 40, 8)).astype(np.float32) for _ in range(4)]
    table = np.zeros((5, 8), np.float32)
    for got, want in zip(compiled().every_key(*arrays, table, table), compiled().two_streams(*arrays)):
        assert_close(got, want, TOLERANCE["f32"])


def test_streams_are_those_of_attention():
    """Equal streams give equal results, and both are what attention gives."""
    attention = compile_ir(AttentionProgram("all_keys").text()).all_keys
    rng = np.random.default_rng(1)
    q, k, v = (rng.standard_normal((2, 2, 50, 8)).astype(np.float32) for _ in range(3))
    want, _ = attention(q, k, v)
    first, second = compiled().two_streams(q, k, v, v)
    np.testing.assert_array_equal(first, second)
    assert_close(first, want, TOLERANCE["f32"])


@pytest.mark.parametrize("row", range(5))
def test_a_nan_of_a_table_reaches_the_rows_that_keep_its_distance(row):
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal((1, 1, 6, 4)).astype(np.float32) for _ in range(4)]
    tables = np.zeros((2, 5, 4), np.float32)
    distances = np.clip(np.arange(6)[None, :] - np.arange(6)[:, None], -2, 2) + 2
    reached = (np.tril(distances == row)).any(axis=1)
    for which in range(2):
        tables[:] = 0
        tables[which, row] = np.nan
        for out in compiled().causal(*arrays, *tables):
            np.testing.assert_array_equal(np.isnan(out[0, 0]).any(axis=1), reached)


def test_strided_operands():
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal((2, 9, 3, 8)).astype(np.float32).transpose(0, 2, 1, 3) for _ in range(4)]
    tables = [rng.standard_normal((8, 7)).astype(np.float32).T for _ in range(2)]
    want = reference.systematic_attention(
        *arrays, relative_keys=tables[0], relative_values=tables[1], mask=reference.causal_mask()
    )
    for found, expected in zip(compiled().causal(*arrays, *tables), want):
        assert_close(found, expected, TOLERANCE["f32"])


@pytest.mark.parametrize("sizes", [(2, 3, 4, 0), (0, 3, 4, 8), (2, 0, 4, 8), (2, 3, 0, 8)])
def test_sizes_known_to_be_zero(sizes):
    kind = f"tensor<{'x'.join(map(str, sizes))}xf32>"
    table = f"tensor<3x{sizes[3]}xf32>"
    function = compile_ir(f"""
    func.func @f(%x: {kind}, %a: {table}, %flags: tensor<{sizes[0]}x{sizes[2]}xi1>) -> ({kind}, {kind}) {{
      %o = tensor.empty() : {kind}
      %p = tensor.empty() : {kind}
      %r:2 = effattn.systematic_attention ins(%x, %x, %x, %x : {kind}, {kind}, {kind}, {kind})
        relative_keys(%a : {table}) relative_values(%a : {table}) outs(%o, %p : {kind}, {kind}) mask {{
        %m = effattn.separator_mask %flags : tensor<{sizes[0]}x{sizes[2]}xi1> {{initial = 1, window = 2}}
        effattn.yield %m : !effattn.mask
      }}
      return %r#0, %r#1 : {kind}, {kind}
    }}""").f
    x, a = np.ones(sizes, np.float32), np.ones((3, sizes[3]), np.float32)
    for out in function(x, a, np.zeros((sizes[0], sizes[2]), bool)):
        assert out.shape == sizes


def test_what_data_decides():
    x, table = np.zeros((1, 2, 4, 8), np.float32), np.zeros((4, 8), np.float32)
    message = r"expected relative_keys distances \(dim 0\) to be odd, but got 4"
    with pytest.raises(CallError, match=message):
        compiled().keys(x, x, x, x, table)
    message = r"expected relative_values distances \(dim 0\) to be odd, but got 0"
    with pytest.raises(CallError, match=message):
        compiled().values(*[x.astype(np.float16)] * 4, table[:0])
    message = r"key heads \(dim 1\) to divide query heads \(dim 1\), but got 2 and 3"
    with pytest.raises(CallError, match=message):
        compiled().two_streams(np.zeros((1, 3, 4, 8), np.float32), x, x, x)
