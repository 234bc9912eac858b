"""Products with a factor that was packed ahead of time: given as panels, packed by compiled code, or a
constant that the compiler packs.

Tolerances: as those of test_products.py.
"""

import ml_dtypes
import numpy as np
import pytest
from harness import CallError, assert_close, compile_ir
from hypothesis import given, settings
from hypothesis import strategies as st

from effattn import reference

ROUNDING = {"f32": 3e-6, "bf16": 2**-7, "f16": 2**-10}
DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
FLAGS = [(), ("--cpu=x86-64-v3", "--threads=none"), ("--lowering=linalg",)]

PRODUCT = """
func.func @f(%x: tensor<{lead}?x{tx}>, %panels: tensor<?x?x{width}x{tp}>, %out: tensor<{lead}?x{to}>)
    -> tensor<{lead}?x{to}> {{
  %0 = effattn.packed_matmul ins(%x, %panels : tensor<{lead}?x{tx}>, tensor<?x?x{width}x{tp}>)
      outs(%out : tensor<{lead}?x{to}>)
  return %0 : tensor<{lead}?x{to}>
}}"""

PACK = """
func.func @pack(%w: tensor<?x?xf32>) -> tensor<?x?x48xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c48 = arith.constant 48 : index
  %zero = arith.constant 0.0 : f32
  %k = tensor.dim %w, %c0 : tensor<?x?xf32>
  %n = tensor.dim %w, %c1 : tensor<?x?xf32>
  %count = arith.ceildivui %n, %c48 : index
  %empty = tensor.empty(%count, %k) : tensor<?x?x48xf32>
  %panels = linalg.pack %w padding_value(%zero : f32) outer_dims_perm = [1, 0] inner_dims_pos = [1]
      inner_tiles = [48] into %empty : tensor<?x?xf32> -> tensor<?x?x48xf32>
  return %panels : tensor<?x?x48xf32>
}
func.func @unpack(%panels: tensor<?x?x48xf32>, %out: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %w = linalg.unpack %panels outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [48]
      into %out : tensor<?x?x48xf32> -> tensor<?x?xf32>
  return %w : tensor<?x?xf32>
}
func.func @pack_into(%w: tensor<?x?xf32>, %out: tensor<?x?x16xf32>) -> tensor<?x?x16xf32> {
  %panels = linalg.pack %w outer_dims_perm = [1, 0] inner_dims_pos = [1] inner_tiles = [16]
      into %out : tensor<?x?xf32> -> tensor<?x?x16xf32>
  return %panels : tensor<?x?x16xf32>
}"""


def panels_of(matrix, width, behind=0.0):
    depth, columns = matrix.shape
    count = -(-columns // width)
    wide = np.full((depth, count * width), behind, matrix.dtype)
    wide[:, :columns] = matrix
    return np.ascontiguousarray(wide.reshape(depth, count, width).swapaxes(0, 1))


def program(types, width, flags, rank=2):
    tx, tp, to = types
    return compile_ir(
        PRODUCT.format(lead="?x" * (rank - 1), tx=tx, tp=tp, to=to, width=width), *flags
    ).f


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize(
    "types, width",
    [(("f32",) * 3, 48), (("f32",) * 3, 16), (("f32",) * 3, 7), (("f32",) * 3, "?"), (("bf16", "bf16", "f32"), 48),
     (("f16", "f32", "bf16"), 48), (("bf16", "f16", "f16"), 5)],
)  # fmt: skip
@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.sampled_from([0, 1, 2, 8, 9, 17, 64, 130]),
    columns=st.sampled_from([0, 1, 15, 16, 47, 48, 49, 97, 300]),
    depth=st.sampled_from([0, 1, 3, 4, 17, 385, 400]),
)
def test_packed_matmul(types, width, flags, seed, rows, columns, depth):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, depth)).astype(DTYPES[types[0]])
    matrix = rng.normal(size=(depth, columns)).astype(DTYPES[types[1]])
    # What is behind the last column takes no part, whatever it is.
    panels = panels_of(matrix, 48 if width == "?" else width, np.nan)
    got = program(types, width, flags)(x, panels, np.full((rows, columns), np.nan, DTYPES[types[2]]))[0]
    want = reference.packed_matmul(x.astype(np.float64), panels.astype(np.float64), columns=columns)
    np.testing.assert_array_equal(want, x.astype(np.float64) @ matrix.astype(np.float64))
    scale = max(depth, 1) ** 0.5
    assert_close(got.astype(np.float64) / scale, want / scale, ROUNDING[types[2]])


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("flags", FLAGS)
def test_leading_dimensions_and_strides(flags, rank):
    rng = np.random.default_rng(rank)
    lead = (3, 5)[: rank - 1]
    x = rng.normal(size=(*lead, 2 * 33)).astype(np.float32)[..., ::2]
    matrix = rng.normal(size=(33, 50)).astype(np.float32)
    panels = np.asfortranarray(panels_of(matrix, 48))
    got = program(("f32",) * 3, 48, flags, rank)(x, panels, np.zeros((*lead, 50), np.float32))[0]
    assert_close(got, x.astype(np.float64) @ matrix, 2e-5)


@pytest.mark.parametrize("flags", [(), ("--lowering=linalg",)])
def test_sizes_are_checked(flags):
    f = program(("f32",) * 3, "?", flags)
    x, out = np.zeros((2, 3), np.float32), np.zeros((2, 33), np.float32)
    message = (
        r"'effattn.packed_matmul' op expected panels \(dim 0\) to be 3 of 16 columns \(dim 2\) for 33 columns "
        r"of out \(dim 1\), but got 2"
    )
    with pytest.raises(CallError, match=message):
        f(x, np.zeros((2, 3, 16), np.float32), out)
    with pytest.raises(CallError, match=r"panels columns \(dim 2\) to be at least 1, but got 0"):
        f(x, np.zeros((2, 3, 0), np.float32), out)


# --- Packing in compiled code ----------------------------------------------


@pytest.mark.parametrize("flags", [(), ("--lowering=linalg",)])
@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (3, 48), (7, 49), (40, 300)])
def test_pack_and_unpack(shape, flags):
    matrix = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    library = compile_ir(PACK, *flags)
    panels = library.pack(matrix)[0]
    np.testing.assert_array_equal(panels, panels_of(matrix, 48))
    np.testing.assert_array_equal(library.unpack(panels, np.empty_like(matrix))[0], matrix)


def test_sizes_of_packs_are_checked():
    library, matrix = compile_ir(PACK), np.zeros((4, 40), np.float32)
    with pytest.raises(CallError, match="linalg.pack' op expected dim 1 to be a multiple of 16 without padding"):
        library.pack_into(matrix, np.zeros((3, 4, 16), np.float32))
    with pytest.raises(CallError, match="expected the packed dim 0 to be 2, which dim 1 needs, but got 3"):
        library.pack_into(matrix[:, :32], np.zeros((3, 4, 16), np.float32))
    with pytest.raises(CallError, match="expected the packed dim 0 to be at least 3, which dim 1 needs, but got 2"):
        library.unpack(np.zeros((2, 4, 48), np.float32), np.zeros((4, 97), np.float32))


# --- Constants -------------------------------------------------------------


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("type", ["f32", "bf16"])
def test_constants(type, flags):
    rng = np.random.default_rng(1)
    matrix = rng.integers(-8, 8, (20, 101)).astype(np.float32)
    numbers = ", ".join("[" + ", ".join(f"{number:.1f}" for number in row) + "]" for row in matrix)
    text = f"""
    func.func @f(%x: tensor<?x20x{type}>) -> tensor<?x101xf32> {{
      %w = arith.constant dense<[{numbers}]> : tensor<20x101x{type}>
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %rows = tensor.dim %x, %c0 : tensor<?x20x{type}>
      %empty = tensor.empty(%rows) : tensor<?x101xf32>
      %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x101xf32>) -> tensor<?x101xf32>
      %0 = linalg.matmul ins(%x, %w : tensor<?x20x{type}>, tensor<20x101x{type}>)
          outs(%start : tensor<?x101xf32>) -> tensor<?x101xf32>
      return %0 : tensor<?x101xf32>
    }}"""
    f = compile_ir(text, *flags).f
    for rows in (0, 1, 9, 70):
        x = rng.integers(-8, 8, (rows, 20)).astype(DTYPES[type])
        np.testing.assert_array_equal(f(x)[0], x.astype(np.float32) @ matrix)
