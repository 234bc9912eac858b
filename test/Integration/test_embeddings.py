"""Compiled tables, whole and in tensor trains, against the NumPy reference.

Tolerances: sums of f32 carry about 1e-7 of relative error a term. Results in
bf16 and f16 are rounded once, by 2^-9 and 2^-12 of their size.
"""

import time

import embedding_programs as compiled
import ml_dtypes
import numpy as np
import pytest
from cases import Case
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
ROUNDING = {"f32": 2e-5, "bf16": 4e-3, "f16": 6e-4}
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
dtypes = st.sampled_from(["f32", "bf16", "f16"])
# Around the 16 rows of a block, and without rows.
SHAPES = st.sampled_from([(0,), (1,), (5,), (16,), (37,), (2, 3), (3, 17), (2, 0), (0, 4)])
widths = st.sampled_from([0, 1, 2, 7, 16, 33, 100])


def normal(rng, shape, dtype="f32", special=False):
    x = rng.normal(size=shape)
    if special:
        x[rng.random(shape) < 0.05] = np.nan
        x[rng.random(shape) < 0.05] = np.inf
    return x.astype(DTYPES[dtype])


def some_ids(rng, shape, rows, dtype=np.int32):
    return rng.integers(0, rows, shape).astype(dtype)


# --- embedding ------------------------------------------------------------


@given(seeds, SHAPES | st.sampled_from([(), (2, 1, 18)]), st.integers(1, 9), widths, dtypes)
def test_embedding(rng, shape, rows, width, dtype):
    table, ids = normal(rng, (rows, width), dtype, special=True), some_ids(rng, shape, rows)
    got = compiled.embedding(ids, table)
    assert got.dtype == table.dtype
    np.testing.assert_array_equal(got.astype(np.float64), reference.embedding(ids, table))


def test_embedding_keeps_bits():
    """A NaN keeps its payload, a zero its sign."""
    bits = np.array([[0x7F800001, 0xFFC12345, 0x80000000, 1]], np.uint32)
    got = compiled.embedding(np.zeros(3, np.int32), bits.view(np.float32))
    np.testing.assert_array_equal(got.view(np.uint32), np.repeat(bits, 3, axis=0))


def test_embedding_of_no_rows():
    ids = np.zeros((2, 0), np.int32)
    assert compiled.embedding(ids, np.zeros((0, 5), np.float32)).shape == (2, 0, 5)


def test_strides():
    """Every other row of the table, a transposed matrix of ids, rows of a wider result."""
    rng = np.random.default_rng(0)
    table, ids = normal(rng, (20, 9)), some_ids(rng, (3, 40), 10)
    function, _ = compiled.compile_op("embedding", {"ins": [(ids, "ids"), (table, "table")]}, (3, "f32"))
    like = np.zeros(9, np.int8)
    want = reference.embedding(ids.T, table[::2])
    for columns in (table[::2], np.asfortranarray(table[::2])):
        np.testing.assert_array_equal(function(ids.T, columns, like)[0], want)
        out = np.full((40, 3, 12), 7, np.float32)
        function.into([ids.T, columns, like], [out[:, :, 2:11]])
        np.testing.assert_array_equal(out[:, :, 2:11], want)
        assert np.all(out[:, :, :2] == 7) and np.all(out[:, :, 11:] == 7)


@pytest.mark.parametrize("id", [-1, 7, 2**31 - 1, -(2**31), 2**40])
@pytest.mark.parametrize("place", [(), (18,), (1, 2), (2, 0, 1)])
def test_ids_outside_of_the_table(id, place):
    ids = np.zeros([n + 1 for n in place], np.int64)
    ids[place] = id
    where = ", ".join(map(str, place))
    with pytest.raises(CallError, match=rf"expected ids to lie in \[0, 7\), but got {id} at \[{where}\]$"):
        compiled.embedding(ids, np.ones((7, 3), np.float32))


def test_ids_outside_of_other_tables():
    ids, table = np.array([[0, 1], [2, 7]], np.int32), np.ones((7, 3), np.float32)
    calls = [
        lambda: compiled.lora_embedding(ids, table, np.ones((1, 7, 2), np.float32), np.ones((1, 2, 3), np.float32)),
        lambda: compiled.split_embedding(ids, np.ones((9, 3), np.float32), table),
        lambda: compiled.split_embedding(ids, table, table, variant_map=np.zeros(8, np.int32)),
        lambda: compiled.tensor_train_embedding(ids, np.ones((1, 7, 3, 1), np.float32)),
    ]
    for call in calls:
        with pytest.raises(CallError, match=r"expected ids to lie in \[0, 7\), but got 7 at \[1, 1\]$"):
            call()


def test_ids_that_are_constants():
    """What is wrong at compile time is still an error of the call."""
    text = """
    func.func @f(%table: tensor<3x2xf32>) -> tensor<2x2xf32> {
      %ids = arith.constant dense<[1, 3]> : tensor<2xi32>
      %out = tensor.empty() : tensor<2x2xf32>
      %r = effattn.embedding ins(%ids, %table : tensor<2xi32>, tensor<3x2xf32>) outs(%out : tensor<2x2xf32>)
      return %r : tensor<2x2xf32>
    }"""
    with pytest.raises(CallError, match=r"but got 3 at \[1\]"):
        compile_ir(text).f(np.ones((3, 2), np.float32))
    good = compile_ir(text.replace("[1, 3]", "[2, 0]")).f
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(good(table)[0], table[[2, 0]])


@pytest.mark.parametrize("ids, table", [((0,), (3, 4)), ((2,), (3, 0)), ((0, 2), (0, 4)), ((2, 0), (3, 4))])
def test_sizes_known_to_be_zero(ids, table):
    i, t = (f"tensor<{'x'.join(map(str, sizes))}x" for sizes in (ids, table))
    o = f"tensor<{'x'.join(map(str, (*ids, table[1])))}xf32>"
    n, c = table
    a, b = f"tensor<2x{n}x1xf32>", f"tensor<2x1x{c}xf32>"
    core = f"tensor<1x{n}x{c}x1xf32>"
    text = f"""
    func.func @f(%ids: {i}i32>, %t: {t}f32>, %a: {a}, %b: {b}, %core: {core}) -> ({o}, {o}, {o}, {o}) {{
      %0 = tensor.empty() : {o}
      %1 = effattn.embedding ins(%ids, %t : {i}i32>, {t}f32>) outs(%0 : {o})
      %2 = effattn.lora_embedding ins(%ids, %t, %a, %b : {i}i32>, {t}f32>, {a}, {b}) outs(%0 : {o})
      %3 = effattn.split_embedding ins(%ids, %t, %t : {i}i32>, {t}f32>, {t}f32>) outs(%0 : {o})
      %4 = effattn.tensor_train_embedding ins(%ids, %core : {i}i32>, {core}) outs(%0 : {o})
      return %1, %2, %3, %4 : {o}, {o}, {o}, {o}
    }}"""
    shapes = (table, (2, n, 1), (2, 1, c), (1, n, c, 1))
    operands = [np.zeros(shape, np.float32) for shape in shapes]
    for got in compile_ir(text).f(np.zeros(ids, np.int32), *operands):
        assert got.shape == (*ids, c)


# --- lora_embedding -------------------------------------------------------


@given(seeds, SHAPES | st.just(()), st.integers(0, 3), st.integers(0, 4), widths,
       st.sampled_from([("f32", None), ("bf16", "domain"), ("f32", "row"), ("f16", "row")]))  # fmt: skip
def test_lora_embedding(rng, shape, domains, rank, width, kind):
    dtype, weighted = kind
    ids, table = some_ids(rng, shape, 11), normal(rng, (11, width), dtype)
    factors = normal(rng, (domains, 11, rank), dtype), normal(rng, (domains, rank, width), dtype)
    if not shape and weighted == "row":
        weighted = "domain"
    weights = {
        None: None,
        "domain": normal(rng, domains),
        "row": normal(rng, (*shape[:1], domains)),
    }[weighted]
    options = {"weights": weights, "alpha": 3.0}
    got = compiled.lora_embedding(ids, table, *factors, **options)
    assert got.dtype == table.dtype
    assert_close(got, reference.lora_embedding(ids, table, *factors, **options), ROUNDING[dtype])


WAYS = [(), ("--cpu=x86-64-v3", "--threads=none"), ("--cpu=x86-64",), ("--lowering=linalg",)]


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@given(rng=seeds, shape=st.sampled_from([(1,), (9,), (2, 64), (3, 67), (130, 1)]), domains=st.integers(1, 3),
       rank=st.integers(1, 9), width=st.sampled_from([1, 16, 50, 128, 200]))  # fmt: skip
def test_lora_on_any_cpu(flags, rng, shape, domains, rank, width):
    """More ids than a task has, and more columns than a tile."""
    ids, table = some_ids(rng, shape, 40), normal(rng, (40, width))
    a, b, weights = normal(rng, (domains, 40, rank)), normal(rng, (domains, rank, width)), normal(rng, domains)
    got = compiled.lora_embedding(ids, table, a, b, weights=weights, flags=flags)
    assert_close(got, reference.lora_embedding(ids, table, a, b, weights=weights), ROUNDING["f32"])


def test_lora_of_columns_that_lie_apart():
    text = """
    func.func @f(%ids: tensor<4xi32>, %t: tensor<6x10xf32>, %a: tensor<2x6x3xf32>, %b: tensor<2x3x10xf32>)
        -> tensor<4x5xf32> {
      %table = tensor.extract_slice %t[0, 1] [6, 5] [1, 2] : tensor<6x10xf32> to tensor<6x5xf32>
      %odd = tensor.extract_slice %b[0, 0, 1] [2, 3, 5] [1, 1, 2] : tensor<2x3x10xf32> to tensor<2x3x5xf32>
      %out = tensor.empty() : tensor<4x5xf32>
      %r = effattn.lora_embedding ins(%ids, %table, %a, %odd : tensor<4xi32>, tensor<6x5xf32>, tensor<2x6x3xf32>,
          tensor<2x3x5xf32>) outs(%out : tensor<4x5xf32>)
      return %r : tensor<4x5xf32>
    }"""
    rng = np.random.default_rng(2)
    ids, table, a, b = some_ids(rng, 4, 6), *(normal(rng, s) for s in ((6, 10), (2, 6, 3), (2, 3, 10)))
    got = compile_ir(text).f(ids, table, a, b)[0]
    assert_close(got, reference.lora_embedding(ids, table[:, 1::2], a, b[..., 1::2]), ROUNDING["f32"])


def test_lora_of_several_types():
    """Factors and weights of other types than the table's, whose type the result has."""
    rng = np.random.default_rng(1)
    ids, table = some_ids(rng, (4, 5), 6), normal(rng, (6, 8), "bf16")
    operands = normal(rng, (2, 6, 3)), normal(rng, (2, 3, 8), "f16")
    weights = normal(rng, (4, 2), "f16")
    got = compiled.lora_embedding(ids, table, *operands, weights=weights)
    assert got.dtype == ml_dtypes.bfloat16
    assert_close(got, reference.lora_embedding(ids, table, *operands, weights=weights), ROUNDING["bf16"])


def test_lora_shows_nan():
    """A NaN of a domain reaches the ids that it belongs to, whatever the domain's weight."""
    ids, table = np.arange(3, dtype=np.int32), np.ones((3, 2), np.float32)
    a, b = np.ones((1, 3, 1), np.float32), np.ones((1, 1, 2), np.float32)
    a[0, 1, 0] = np.nan
    got = compiled.lora_embedding(ids, table, a, b, weights=np.zeros(1, np.float32))
    np.testing.assert_array_equal(np.isnan(got), [[False] * 2, [True] * 2, [False] * 2])


@pytest.mark.parametrize("shape, message", [
    ((3,), r"weights domains \(last dim\) to equal a domains \(dim 0\), but got 3 and 2"),
    ((4, 3), r"weights domains \(last dim\) to equal a domains \(dim 0\), but got 3 and 2"),
    ((5, 2), r"weights rows \(dim 0\) to equal ids rows \(dim 0\), but got 5 and 4"),
])  # fmt: skip
def test_lora_weights_of_another_size(shape, message):
    operands = [np.ones(s, np.float32) for s in ((6, 8), (2, 6, 3), (2, 3, 8), shape)]
    with pytest.raises(CallError, match=message):
        compiled.lora_embedding(np.zeros((4, 5), np.int32), *operands[:3], weights=operands[3])


def test_domains_of_the_worked_case():
    case = Case("lora_d3")
    table, factors, alpha = case["E"], (case["A"], case["B"]), case.params["alpha"]
    case.check(compiled.lora_embedding(case["ids"], table, *factors, weights=case["w"], alpha=alpha), "y")
    every = np.arange(len(table), dtype=np.int32)
    case.check(compiled.lora_embedding(every, table, *factors, alpha=alpha), "merged")


# --- split_embedding ------------------------------------------------------


@given(seeds, SHAPES, widths, widths,
       st.sampled_from([("add", "f32", 0), ("add", "bf16", 1), ("concat", "f32", 2), ("concat", "f16", 3), ("add", "f16", 3)]))  # fmt: skip
def test_split_embedding(rng, shape, first, second, kind):
    combine, dtype, maps = kind
    second = first if combine == "add" else second
    invariant, variant = normal(rng, (5, first), dtype), normal(rng, (7, second), dtype)
    options = {"combine": combine}
    if maps & 1:
        options["invariant_map"] = some_ids(rng, 12, 5)
    if maps & 2:
        options["variant_map"] = some_ids(rng, 12, 7, np.int64)
    ids = some_ids(rng, shape, 12 if maps == 3 else 7 if maps == 1 else 5)
    got = compiled.split_embedding(ids, invariant, variant, **options)
    assert got.dtype == invariant.dtype
    assert_close(got, reference.split_embedding(ids, invariant, variant, **options), ROUNDING[dtype])


def test_split_of_two_types():
    rng = np.random.default_rng(2)
    invariant, variant = normal(rng, (5, 6), "f16"), normal(rng, (5, 6))
    ids = some_ids(rng, 9, 5)
    for combine in ("add", "concat"):
        got = compiled.split_embedding(ids, invariant, variant, combine=combine)
        want = reference.split_embedding(ids, invariant, variant, combine=combine)
        assert got.dtype == np.float16
        assert_close(got, want, ROUNDING["f16"])


@pytest.mark.parametrize("name", ["invariant_map", "variant_map"])
@pytest.mark.parametrize("row", [3, -1])
def test_maps_that_lead_out_of_their_table(name, row):
    rows, many = np.ones((3, 2), np.float32), np.ones((5, 2), np.float32)
    tables = (rows, many) if name == "invariant_map" else (many, rows)
    lost = np.array([0, row, 9, 9, 2], np.int32)
    with pytest.raises(CallError, match=rf"expected {name} to lie in \[0, 3\), but got {row} at \[1\]"):
        compiled.split_embedding(np.array([4, 1], np.int32), *tables, **{name: lost})
    # Entries that no id asks for are not looked at.
    got = compiled.split_embedding(np.array([4, 0], np.int32), *tables, **{name: lost})
    np.testing.assert_array_equal(got, np.full((2, 2), 2))


def test_split_widths():
    rows, ids = np.ones((3, 2), np.float32), np.zeros(4, np.int32)
    with pytest.raises(CallError, match=r"variant width \(dim 1\) to equal invariant width \(dim 1\) where combine "
                                        "is add, but got 3 and 2"):  # fmt: skip
        compiled.split_embedding(ids, rows, np.ones((3, 3), np.float32))
    for combine, width in (("add", 2), ("concat", 5)):
        other = np.ones((3, 3 if combine == "concat" else 2), np.float32)
        with pytest.raises(CallError, match=rf"out width \(dim 1\) to equal the width of the rows, but got 4 and {width}"):
            compiled.split_embedding(ids, rows, other, combine=combine, width=4)


# --- tensor_train_embedding -----------------------------------------------


def train(rng, modes, dtype="f32"):
    """Cores of the given (n, m, rank before); the first rank is 1."""
    ranks = [1, *(rank for _, _, rank in modes[1:]), 1]
    return [normal(rng, (ranks[c], n, m, ranks[c + 1]), dtype) for c, (n, m, _) in enumerate(modes)]


modes = st.tuples(st.integers(1, 5), st.integers(0, 5), st.integers(0, 9))


@given(seeds, SHAPES, st.lists(modes, min_size=1, max_size=4), dtypes)
def test_tensor_train_embedding(rng, shape, modes, dtype):
    cores = train(rng, modes, dtype)
    ids = some_ids(rng, shape, int(np.prod([n for n, _, _ in modes])), np.int64)
    got = compiled.tensor_train_embedding(ids, *cores)
    assert got.dtype == cores[0].dtype
    assert_close(got, reference.tensor_train_embedding(ids, *cores), 5 * ROUNDING[dtype])


large_modes = st.tuples(st.integers(1, 5), st.integers(1, 11), st.integers(1, 33))


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@given(rng=seeds, count=st.sampled_from([1, 5, 40]), modes=st.lists(large_modes, min_size=2, max_size=3))
def test_tensor_train_on_any_cpu(flags, rng, count, modes):
    """More rows and columns than a tile."""
    cores = train(rng, modes)
    ids = some_ids(rng, count, int(np.prod([n for n, _, _ in modes])), np.int64)
    want = reference.tensor_train_embedding(ids, *cores)
    # Sums of a thousand products of normal numbers.
    scale = 1 + np.abs(want).max(initial=0)
    got = compiled.tensor_train_embedding(ids, *cores, flags=flags)
    assert_close(got / scale, want / scale, ROUNDING["f32"])


def test_tensor_train_strides():
    rng = np.random.default_rng(3)
    cores = train(rng, [(3, 4, 1), (2, 3, 5), (4, 5, 6)])
    turned = [np.ascontiguousarray(core.transpose(2, 1, 0, 3)).transpose(2, 1, 0, 3) for core in cores]
    wide = [np.repeat(core, 2, axis=3)[..., ::2] for core in cores]
    ids = some_ids(rng, 40, 24)
    want = reference.tensor_train_embedding(ids, *cores)
    for view in (turned, wide):
        assert_close(compiled.tensor_train_embedding(ids, *view), want, 1e-5)


def test_tensor_train_shapes():
    def cores(*shapes):
        return [np.ones(shape, np.float32) for shape in shapes]

    ids = np.zeros(2, np.int32)
    good = ((1, 2, 3, 4), (4, 5, 6, 1))
    refused = [
        (((2, 2, 3, 4), good[1]), {}, r"core_0 rank \(dim 0\) to be 1, because it is an outermost one, but got 2"),
        ((good[0], (4, 5, 6, 3)), {}, r"core_1 rank \(dim 3\) to be 1, because it is an outermost one, but got 3"),
        ((good[0], (3, 5, 6, 1)), {}, r"core_1 rank \(dim 0\) to equal core_0 rank \(dim 3\), but got 3 and 4"),
        (good, {"width": 17}, r"out width \(dim 1\) to equal the product of all m \(dim 2 of the cores\), but got 17 and 18"),
        (good, {"vocabulary": 11}, r"vocabulary to be at most the product of all n \(dim 1 of the cores\), but got 11 and 10"),
    ]  # fmt: skip
    for shapes, options, message in refused:
        with pytest.raises(CallError, match=message):
            compiled.tensor_train_embedding(ids, *cores(*shapes), **options)
    for vocabulary in (0, 9, 10):
        bad = np.array([vocabulary], np.int32)
        with pytest.raises(CallError, match=rf"ids to lie in \[0, {vocabulary}\), but got {vocabulary} at \[0\]"):
            compiled.tensor_train_embedding(bad, *cores(*good), vocabulary=vocabulary)


def test_more_rows_than_an_integer_counts():
    """2^80 rows, of which 63 bits are within reach."""
    rng = np.random.default_rng(4)
    cores = [(rng.normal(size=(1, 2**8, 1, 1)) ** 2 + 0.5).astype(np.float32) for _ in range(10)]
    ids = np.array([0, 2**63 - 2, 123456789012345678, 255], np.int64)
    assert_close(compiled.tensor_train_embedding(ids, *cores), reference.tensor_train_embedding(ids, *cores), 1e-4)
    with pytest.raises(CallError, match=r"to lie in \[0, 9223372036854775807\), but got 9223372036854775807 at"):
        compiled.tensor_train_embedding(np.array([2**63 - 1]), *cores)
    # Zero rows are zero rows, however many the other cores have.
    cores[3] = cores[3][:, :0]
    with pytest.raises(CallError, match=r"to lie in \[0, 0\), but got 0 at \[0\]"):
        compiled.tensor_train_embedding(ids, *cores)


def test_tensor_train_of_the_worked_case():
    case = Case("tt_d3")
    cores = [case[f"core{c}"] for c in range(3)]
    case.check(compiled.tensor_train_embedding(case["ids"], *cores, vocabulary=case.params["V"]), "rows")


def test_cost_of_a_row_does_not_follow_the_vocabulary():
    rng = np.random.default_rng(5)
    seconds = {}
    for rows in (2, 200):
        cores = train(rng, [(rows, 8, 1), (rows, 8, 16), (rows, 12, 16)])
        ids = some_ids(rng, 64, rows**3)
        ins = {"ins": [(ids, "ids"), *((core, f"core{c}") for c, core in enumerate(cores))]}
        function, arrays = compiled.compile_op("tensor_train_embedding", ins, (2, "f32"))
        times = []
        for _ in range(7):
            start = time.perf_counter()
            function(*arrays, np.zeros(768, np.int8))
            times.append(time.perf_counter() - start)
        seconds[rows] = min(times)
    # A table of 8 million rows would take minutes.
    assert seconds[200] < 5 * seconds[2] + 1
