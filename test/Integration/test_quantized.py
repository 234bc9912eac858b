"""Compiled tables of 4-bit and 8-bit rows against the NumPy reference.

Tolerances: codes reach 127 and the scales are about 1, so that a row's sum of
terms is good to about 1e-7 of the terms' size. Results in bf16 and f16 are
rounded once more, by 2^-9 and 2^-12 of their size.
"""

import re

import embedding_programs as compiled
import ml_dtypes
import numpy as np
import pytest
from cases import Case
from harness import CallError, compile_ir
from hypothesis import given
from hypothesis import strategies as st
from quantized_tables import HALVES, pack, quantized_tables, random_bytes

from effattn import Error, reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
ROUNDING = {"f32": 2e-6, "bf16": 4e-3, "f16": 6e-4}
SHAPES = st.sampled_from([(), (0,), (1,), (5,), (37,), (2, 3), (3, 0)])
tables = quantized_tables(most_rows=40, most_groups=4, most_columns=40)
FACTORS = ("residual_scales", "nearest_weight")


def in_types(operands, keywords, scale):
    """Operands as compiled code takes them, with scales and weights of one type."""
    codes4, codes8, kind, index, scales = operands
    keywords = {name: x.astype(DTYPES[scale]) if name in FACTORS else x.astype(np.int32) if name == "nearest" else x
                for name, x in keywords.items()}  # fmt: skip
    return (codes4, codes8, kind, index, scales.astype(DTYPES[scale])), keywords


def assert_sums(got, want, size, tolerance):
    """``want`` within ``tolerance`` of the size of what was summed."""
    assert got.shape == want.shape
    error = np.abs(got.astype(np.float64) - want)
    assert np.all(error <= tolerance * (1 + size)), (error / (1 + size)).max()


# --- quantized_embedding --------------------------------------------------


@given(tables, SHAPES, st.sampled_from([("f32", "f32"), ("f16", "f32"), ("f32", "bf16"), ("bf16", "f16")]))
def test_quantized_embedding(case, shape, types):
    rng, operands, keywords, _ = case
    scale, result = types
    table, keywords = in_types(operands, keywords, scale)
    ids = rng.integers(0, len(table[2]), shape).astype(np.int32)
    got = compiled.quantized_embedding(ids, *table, result=result, **keywords)
    assert got.dtype == DTYPES[result]
    want = reference.quantized_embedding(ids, *table, **keywords)
    assert_sums(got, want, 400, ROUNDING[result])


def a_table(width=6, groups=2, size=4):
    """Rows 0 and 3 of 4 bits, 1 and 2 of 8 bits."""
    rng = np.random.default_rng(width)
    kind = np.zeros(size, np.uint8)
    kind[1:3] = 1
    return (
        random_bytes(rng, (size - 2, (width + 1) // 2)),
        rng.integers(-127, 128, (2, width)).astype(np.int8),
        kind,
        np.array([0, 1, 0, 1] + list(range(2, size - 2)), np.int32),
        rng.normal(size=(size, groups)).astype(np.float32),
    )


def test_bytes_of_any_type():
    """int8 and uint8 are both bytes; so are bool, and integers that are not 0, for the kind of a row."""
    codes4, codes8, kind, index, scales = a_table()
    ids = np.arange(4, dtype=np.int64)
    want = reference.quantized_embedding(ids, codes4, codes8, kind, index, scales)
    for four in (codes4, codes4.view(np.int8)):
        for eight in (codes8, codes8.view(np.uint8)):
            for wide in (kind, kind.astype(bool), kind * 200):
                got = compiled.quantized_embedding(ids, four, eight, wide, index, scales)
                np.testing.assert_allclose(got, want, rtol=1e-6)


def test_every_code():
    """All codes that are allowed, low halves first."""
    codes4 = np.add.outer(16 * HALVES, HALVES).reshape(1, 225)
    codes8 = np.resize(np.arange(-127, 128), 449).astype(np.int8)[None]
    table = (codes4, codes8, np.array([0, 1], np.uint8), np.zeros(2, np.int32), np.ones((2, 1), np.float32))
    ids = np.array([0, 1], np.int32)
    got = compiled.quantized_embedding(ids, *table)
    np.testing.assert_array_equal(got, reference.quantized_embedding(ids, *table))
    assert got[0, :6].tolist() == [0, 0, 1, 0, 2, 0] and got[0, -3:].tolist() == [-2, -1, -1]


@pytest.mark.parametrize("width, groups, size", [(0, 0, 4), (0, 3, 4), (1, 1, 4), (6, 6, 4), (7, 7, 4)])
def test_narrow_tables(width, groups, size):
    table = a_table(width, groups, size)
    keywords = {"residual_codes": np.full((4, (width + 1) // 2), 0x97, np.uint8), "residual_scales": table[4]}
    ids = np.array([3, 1, 0], np.int32)
    got = compiled.quantized_embedding(ids, *table, **keywords)
    np.testing.assert_allclose(got, reference.quantized_embedding(ids, *table, **keywords), rtol=1e-6, atol=1e-6)
    x = np.ones((2, width), np.float32)
    for activation in ("f32", "i8"):
        got = compiled.quantized_matmul(x, *table, activation=activation, **keywords)
        want = reference.quantized_matmul(x, *table, activation=activation, **keywords)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


def test_a_table_without_rows():
    table = (np.zeros((0, 3), np.uint8), np.zeros((0, 6), np.int8), np.zeros(0, np.uint8),
             np.zeros(0, np.int32), np.zeros((0, 2), np.float32))  # fmt: skip
    assert compiled.quantized_embedding(np.zeros(0, np.int32), *table).shape == (0, 6)
    assert compiled.quantized_matmul(np.ones((3, 6), np.float32), *table).shape == (3, 0)


def test_nan_stays_in_its_row():
    table = a_table()
    table[4][1, 0] = np.nan
    got = compiled.quantized_embedding(np.arange(4, dtype=np.int32), *table)
    assert np.isnan(got).tolist() == [[False] * 6, [True] * 3 + [False] * 3, [False] * 6, [False] * 6]
    x = np.ones((2, 6), np.float32)
    x[1, 2] = np.nan
    for activation in ("f32", "i8"):
        got = compiled.quantized_matmul(x, *table, activation=activation)
        assert np.isnan(got).tolist() == [[False, True, False, False], [True] * 4]


@pytest.mark.cpu  # --tiling
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_table_outside_of_caches(rows):
    """A table that no cache has is read row by row, one of 32 KiB here."""
    rng = np.random.default_rng(rows)
    table = list(a_table(256, 8, 403))
    x = rng.normal(size=(rows, 256)).astype(np.float32)
    known = {"activation": "i8"}
    want = reference.quantized_matmul(x, *table, **known)
    got = compiled.quantized_matmul(x, *table, flags=("--tiling=second-cache:1024",), **known)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(got, compiled.quantized_matmul(x, *table, **known), rtol=1e-5, atol=1e-4)
    table[0] = table[0].copy()
    table[0][7, 100] = 8
    with pytest.raises(CallError, match="op expected the codes of codes4 .* in row 7"):
        compiled.quantized_matmul(x, *table, flags=("--tiling=second-cache:1024",), **known)


def test_strided_operands():
    table = a_table(8, 2)
    views = [np.repeat(part, 2, axis=0)[::2] for part in table]
    views[1] = np.asfortranarray(table[1])
    ids = np.array([[3, 1], [0, 2]], np.int32).T
    np.testing.assert_array_equal(
        compiled.quantized_embedding(ids, *views), compiled.quantized_embedding(ids.copy(), *table)
    )
    x = np.random.default_rng(0).normal(size=(5, 16)).astype(np.float32)[:, ::2]
    np.testing.assert_array_equal(compiled.quantized_matmul(x, *views), compiled.quantized_matmul(x.copy(), *table))


def test_what_rows_lead_to():
    codes4, codes8, kind, index, scales = a_table()
    ids = np.array([0, 3], np.int32)
    near = {"nearest_weight": np.ones(4, np.float32)}

    def look(ids=ids, index=index, **keywords):
        compiled.quantized_embedding(ids, codes4, codes8, kind, index, scales, **keywords)

    def multiply(index=index, **keywords):
        compiled.quantized_matmul(np.ones((0, 6), np.float32), codes4, codes8, kind, index, scales, **keywords)

    def changed(array, place, value):
        array = array.copy()
        array[place] = value
        return array

    sources = np.array([-1, 2, 1, 2], np.int32)
    look()
    look(nearest=sources, **near)
    with pytest.raises(CallError, match=r"ids to lie in \[0, 4\), but got 4 at \[0\]"):
        look(ids + 4)
    for row in (2, -1):
        for place, kind_name in ((3, "codes4"), (1, "codes8")):
            message = rf"row_index to lie in \[0, 2\), the rows of {kind_name}, but got {row} at \[{place}\]"
            lost = changed(index, place, row)
            with pytest.raises(CallError, match=message):
                look(np.array([0, place], np.int32), index=lost)
            with pytest.raises(CallError, match=message):
                multiply(index=lost)
            # A row that no id asks for is not looked at.
            look(np.array([0, 2], np.int32), index=lost)
    for source in (-2, 4, 0, 3):
        message = rf"nearest to be -1 or the id of an 8-bit row, but got {source} at \[3\]"
        lost = changed(sources, 3, source)
        with pytest.raises(CallError, match=message):
            look(nearest=lost, **near)
        with pytest.raises(CallError, match=message):
            multiply(nearest=lost, **near)
        look(ids - ids, nearest=lost, **near)
    # The row that is added must be there too.
    with pytest.raises(CallError, match=r"the rows of codes8, but got 9 at \[2\]"):
        look(index=changed(index, 2, 9), nearest=sources, **near)


def spoilt_tables(width):
    """Operands, keywords and the sentence about the one code in them that is out of range."""
    for column in sorted({0, width // 3, width // 2, width - 1}):
        for row in (0, 1):
            table = a_table(width, 1)
            residual = random_bytes(np.random.default_rng(0), table[0].shape).repeat(2, axis=0)
            keywords = {"residual_codes": residual, "residual_scales": table[4]}
            places = {"codes4": table[0], "codes8": table[1], "residual_codes": residual}
            for name, codes in places.items():
                before = codes[row].copy()
                if name == "codes8":
                    codes[row, column] = -128
                else:
                    byte = codes[row, column // 2]
                    codes[row, column // 2] = byte & 15 | 0x80 if column % 2 else byte & 0xF0 | 8
                most = 127 if name == "codes8" else 7
                message = f"the codes of {name} to lie in [-{most}, {most}], but got {-most - 1} in row {row}"
                yield tuple(map(np.copy, table)), {k: v.copy() for k, v in keywords.items()}, message
                codes[row] = before


@pytest.mark.parametrize("width", [1, 2, 7, 32, 64, 96, 133])
def test_codes_out_of_range(width):
    """The least number of 4 or 8 bits is no code, wherever it stands and however a product reads it."""
    every = np.arange(4, dtype=np.int32)
    for table, keywords, message in spoilt_tables(width):
        calls = [
            ("quantized_embedding", every, {}),
            *(("quantized_matmul", np.ones((rows, width), np.float32), {"activation": activation})
              for rows in (0, 1, 7, 20) for activation in ("f32", "i8")),
        ]  # fmt: skip
        plain = "residual" not in message
        for name, x, more in calls:
            for compensation in [{}, keywords] if plain else [keywords]:
                for module, error in ((compiled, CallError), (reference, Error)):
                    with pytest.raises(error, match=re.escape(message)):
                        getattr(module, name)(x, *table, **more, **compensation)


def test_codes_that_are_not_looked_at():
    """Rows that no id asks for, and the half byte behind an odd number of columns."""
    table = a_table(7, 1)
    table[0][1], table[1][0] = 0x88, -128
    table[0][0, 3] = 0x83
    ids = np.array([0, 1], np.int32)
    got = compiled.quantized_embedding(ids, *table)
    np.testing.assert_allclose(got, reference.quantized_embedding(ids, *table), rtol=1e-6)
    table[0][1], table[1][0] = 0x73, 127
    x = np.ones((2, 7), np.float32)
    got = compiled.quantized_matmul(x, *table)
    np.testing.assert_allclose(got, reference.quantized_matmul(x, *table), rtol=1e-5)


def test_a_nearest_row_out_of_range():
    table = a_table()
    near = {"nearest": np.array([2, -1, -1, -1], np.int32), "nearest_weight": np.ones(4, np.float32)}
    table[1][0, 5] = -128
    with pytest.raises(CallError, match=r"'effattn.quantized_embedding' op expected the codes of codes8 .* in row 0"):
        compiled.quantized_embedding(np.zeros(1, np.int32), *table, **near)
    with pytest.raises(CallError, match=r"'effattn.quantized_matmul' op expected the codes of codes8 .* in row 0"):
        compiled.quantized_matmul(np.ones((1, 6), np.float32), *table, **near)


def test_shapes_of_a_table():
    codes4, codes8, kind, index, scales = a_table()
    ids, x = np.zeros(1, np.int32), np.ones((1, 6), np.float32)
    refused = [
        ((np.zeros((2, 4), np.uint8), codes8, kind, index, scales),
         r"codes4 to have 3 bytes \(dim 1\) for the 6 columns of codes8 \(dim 1\), but got 4"),
        ((codes4, codes8, kind, index, np.ones((4, 4), np.float32)),
         r"groups of scales \(dim 1\) to divide the 6 columns of codes8 \(dim 1\), but got 4"),
        ((codes4, codes8, kind, index, np.ones((4, 0), np.float32)),
         r"groups of scales \(dim 1\) to divide the 6 columns of codes8 \(dim 1\), but got 0"),
    ]  # fmt: skip
    for table, message in refused:
        with pytest.raises(CallError, match=message):
            compiled.quantized_embedding(ids, *table)
        with pytest.raises(CallError, match=message):
            compiled.quantized_matmul(x, *table)


# --- quantized_matmul -----------------------------------------------------


@given(tables, SHAPES, st.sampled_from(["f32", "i8"]), st.sampled_from([("f32", "f32"), ("f16", "bf16"), ("f32", "f16")]))
def test_quantized_matmul(case, shape, activation, types):
    rng, operands, keywords, dense = case
    scale, dtype = types
    table, keywords = in_types(operands, keywords, scale)
    x = rng.normal(size=(*shape, dense.shape[1])).astype(DTYPES[dtype])
    got = compiled.quantized_matmul(x, *table, activation=activation, **keywords)
    assert got.dtype == DTYPES[dtype]
    want = reference.quantized_matmul(x, *table, activation=activation, **keywords)
    size = np.abs(x.astype(np.float64)) @ np.abs(dense).T
    assert_sums(got, want, size, ROUNDING[dtype])


def test_activations_between_two_steps():
    """Halves of a step go to the even one as in the reference, also where the step is no f32."""
    width = 254
    scales = np.full((1, 1), 1.0, np.float32)
    codes8 = np.ones((1, width), np.int8)
    table = (np.zeros((0, width // 2), np.uint8), codes8, np.ones(1, np.uint8), np.zeros(1, np.int32), scales)
    for largest in (1.0, 127.0, 3.0, 0.7, 1e-38, 1e38):
        x = np.zeros((width, width), np.float32)
        x[:, 0] = largest
        # One value a row, at k + 1/2 steps and at the f32 next to it.
        for row in range(width):
            step = np.float64(np.float32(largest)) / 127
            at = np.float32((row // 2 + 0.5) * step)
            x[row, 1] = min(at if row % 2 else np.nextafter(at, np.float32(0)), np.float32(largest))
        got = compiled.quantized_matmul(x, *table, activation="i8")
        np.testing.assert_allclose(got, reference.quantized_matmul(x, *table, activation="i8"), rtol=1e-6)


def test_activations_that_are_not_finite():
    table = a_table()
    x = np.zeros((3, 6), np.float32)
    x[0, 0], x[1, 4] = np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        want = reference.quantized_matmul(x, *table, activation="i8")
    np.testing.assert_array_equal(compiled.quantized_matmul(x, *table, activation="i8"), want)


def test_rows_of_the_worked_case():
    case = Case("mixq_p30")
    wide, width = case["hi"].astype(bool), case.params["D"]
    rows = [case["packed"][at : at + (width if hi else width // 2)] for at, hi in zip(case["row_offset"], wide)]
    codes4 = np.array([row for row, hi in zip(rows, wide) if not hi])
    codes8 = np.array([row for row, hi in zip(rows, wide) if hi])
    index = np.where(wide, np.cumsum(wide) - 1, np.cumsum(~wide) - 1).astype(np.int32)
    table = (codes4, codes8, case["hi"], index, case["scale"][:, None])
    near = {"nearest": case["src_row"], "nearest_weight": case["alpha"]}
    residual = {"residual_codes": pack(case["rq"]), "residual_scales": case["rscale"][:, None]}
    every = np.arange(case.params["V"], dtype=np.int32)
    case.check(compiled.quantized_embedding(every, *table), "deq")
    case.check(compiled.quantized_embedding(every, *table, **near), "compensated")
    case.check(compiled.quantized_embedding(every, *table, **residual), "compensated2")
    case.check(compiled.quantized_embedding(case["ids"], *table, **near), "lookup")
    for keywords, rows in ((near, case["compensated"]), (residual, case["compensated2"])):
        got = compiled.quantized_matmul(case["E"], *table, **keywords)
        np.testing.assert_allclose(got, case["E"] @ rows.T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows, width, tokens", [(0, 6, 2), (4, 0, 2), (4, 6, 0)])
def test_sizes_known_to_be_zero(rows, width, tokens):
    c4, c8, s = f"tensor<{rows}x{width // 2}xi8>", f"tensor<0x{width}xi8>", f"tensor<{rows}x2xf32>"
    k, r = f"tensor<{rows}xi1>", f"tensor<{rows}xi32>"
    ids, out = f"tensor<{tokens}xi32>", f"tensor<{tokens}x{width}xf32>"
    x, logits = f"tensor<{tokens}x{width}xf32>", f"tensor<{tokens}x{rows}xf32>"
    text = f"""
    func.func @look(%ids: {ids}, %c4: {c4}, %c8: {c8}, %k: {k}, %r: {r}, %s: {s}) -> {out} {{
      %0 = tensor.empty() : {out}
      %1 = effattn.quantized_embedding ins(%ids, %c4, %c8, %k, %r, %s : {ids}, {c4}, {c8}, {k}, {r}, {s})
        outs(%0 : {out})
      return %1 : {out}
    }}
    func.func @multiply(%x: {x}, %c4: {c4}, %c8: {c8}, %k: {k}, %r: {r}, %s: {s}) -> {logits} {{
      %0 = tensor.empty() : {logits}
      %1 = effattn.quantized_matmul ins(%x, %c4, %c8, %k, %r, %s : {x}, {c4}, {c8}, {k}, {r}, {s})
        outs(%0 : {logits}) {{activation = #effattn.precision<i8>}}
      return %1 : {logits}
    }}"""
    table = (np.full((rows, width // 2), 0x21, np.uint8), np.zeros((0, width), np.int8), np.zeros(rows, np.uint8),
             np.arange(rows, dtype=np.int32), np.ones((rows, 2), np.float32))  # fmt: skip
    library, activations = compile_ir(text), np.ones((tokens, width), np.float32)
    ids = np.zeros(tokens, np.int32)
    if rows or not tokens:
        want = reference.quantized_embedding(ids, *table)
        np.testing.assert_array_equal(library.look(ids, *table)[0], want)
    else:
        with pytest.raises(CallError, match=r"ids to lie in \[0, 0\), but got 0 at \[0\]"):
            library.look(ids, *table)
    want = reference.quantized_matmul(activations, *table, activation="i8")
    np.testing.assert_allclose(library.multiply(activations, *table)[0], want, rtol=1e-6)
