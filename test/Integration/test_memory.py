"""Compiled addresses of a memory against the NumPy reference.

Tolerances: activations of f32 carry about 1e-7 of relative error through one
exponential and a few products; what is summed over tokens gets 2e-5. Results
in bf16 and f16 are rounded once, by 2^-9 and 2^-12 of their size.
"""

import time

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


def cast(x, dtype):
    """``x`` in the type; what is too large becomes infinite."""
    with np.errstate(over="ignore"):
        return x.astype(DTYPES[dtype])


# --- Functions of one op, for all sizes -----------------------------------


def product_softmax(x, *, temperature=1.0, dtype="f32", flags=()):
    """M is the size of the second input: IR takes it from the init."""
    text = f"""
    func.func @f(%x: tensor<?x?x?x{dtype}>, %like: tensor<?xi8>) -> tensor<?x?xf32> {{
      %c0 = arith.constant 0 : index
      %rows = tensor.dim %x, %c0 : tensor<?x?x?x{dtype}>
      %slots = tensor.dim %like, %c0 : tensor<?xi8>
      %out = tensor.empty(%rows, %slots) : tensor<?x?xf32>
      %r = effattn.product_softmax ins(%x : tensor<?x?x?x{dtype}>) outs(%out : tensor<?x?xf32>)
        {{temperature = {temperature:e}}}
      return %r : tensor<?x?xf32>
    }}"""
    slots = x.shape[2] ** x.shape[1]
    return compile_ir(text, *flags).f(x, np.zeros(slots, np.int8))[0]


def top_k(x, *, k, dtype="f32"):
    text = f"""
    func.func @f(%x: tensor<?x?x{dtype}>) -> (tensor<?x{k}x{dtype}>, tensor<?x{k}xi32>) {{
      %c0 = arith.constant 0 : index
      %rows = tensor.dim %x, %c0 : tensor<?x?x{dtype}>
      %v = tensor.empty(%rows) : tensor<?x{k}x{dtype}>
      %i = tensor.empty(%rows) : tensor<?x{k}xi32>
      %r:2 = effattn.top_k ins(%x : tensor<?x?x{dtype}>)
        outs(%v, %i : tensor<?x{k}x{dtype}>, tensor<?x{k}xi32>) {{k = {k}}}
      return %r#0, %r#1 : tensor<?x{k}x{dtype}>, tensor<?x{k}xi32>
    }}"""
    return compile_ir(text).f(x)


def product_softmax_top_k(x, *, k, temperature=1.0, normalize=False, dtype="f32", flags=()):
    text = f"""
    func.func @f(%x: tensor<?x?x?x{dtype}>) -> (tensor<?x{k}xf32>, tensor<?x{k}xi32>) {{
      %c0 = arith.constant 0 : index
      %rows = tensor.dim %x, %c0 : tensor<?x?x?x{dtype}>
      %v = tensor.empty(%rows) : tensor<?x{k}xf32>
      %i = tensor.empty(%rows) : tensor<?x{k}xi32>
      %r:2 = effattn.product_softmax_top_k ins(%x : tensor<?x?x?x{dtype}>)
        outs(%v, %i : tensor<?x{k}xf32>, tensor<?x{k}xi32>)
        {{k = {k}, temperature = {temperature:e}, normalize = {str(normalize).lower()}}}
      return %r#0, %r#1 : tensor<?x{k}xf32>, tensor<?x{k}xi32>
    }}"""
    return compile_ir(text, *flags).f(x)


def shift_attributes(mode, periods, steps):
    text = f"mode = #effattn.shift<{mode}>"
    for name, values in (("periods", periods), ("steps", steps)):
        if values is not None:
            text += f", {name} = array<i64: {', '.join(map(str, values))}>"
    return text


def cyclic_shift(indices, positions, *, mode, digits, base, periods=None, steps=None):
    width = f"i{positions.itemsize * 8}"
    text = f"""
    func.func @f(%i: tensor<?x?x?xi32>, %p: tensor<?x?x{width}>) -> tensor<?x?x?xi32> {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %b = tensor.dim %i, %c0 : tensor<?x?x?xi32>
      %t = tensor.dim %i, %c1 : tensor<?x?x?xi32>
      %k = tensor.dim %i, %c2 : tensor<?x?x?xi32>
      %out = tensor.empty(%b, %t, %k) : tensor<?x?x?xi32>
      %r = effattn.cyclic_shift ins(%i, %p : tensor<?x?x?xi32>, tensor<?x?x{width}>)
        outs(%out : tensor<?x?x?xi32>)
        {{digits = {digits}, base = {base}, {shift_attributes(mode, periods, steps)}}}
      return %r : tensor<?x?x?xi32>
    }}"""
    return compile_ir(text).f(indices, positions)[0]


def address_decode(
    x,
    *,
    digits,
    k,
    positions=None,
    normalize=False,
    temperature=1.0,
    mode="flat",
    periods=None,
    steps=None,
):
    extra, clause = "", ""
    if positions is not None:
        extra, clause = ", %p: tensor<?x?xi32>", "positions(%p : tensor<?x?xi32>)"
    text = f"""
    func.func @f(%x: tensor<?x?x?xf32>{extra}) -> (tensor<?x?x{k}xf32>, tensor<?x?x{k}xi32>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %b = tensor.dim %x, %c0 : tensor<?x?x?xf32>
      %t = tensor.dim %x, %c1 : tensor<?x?x?xf32>
      %w = tensor.empty(%b, %t) : tensor<?x?x{k}xf32>
      %i = tensor.empty(%b, %t) : tensor<?x?x{k}xi32>
      %r:2 = effattn.address_decode ins(%x : tensor<?x?x?xf32>) {clause}
        outs(%w, %i : tensor<?x?x{k}xf32>, tensor<?x?x{k}xi32>)
        {{digits = {digits}, k = {k}, temperature = {temperature:e},
         normalize = {str(normalize).lower()}, {shift_attributes(mode, periods, steps)}}}
      return %r#0, %r#1 : tensor<?x?x{k}xf32>, tensor<?x?x{k}xi32>
    }}"""
    return compile_ir(text).f(x, *([] if positions is None else [positions]))


# --- product_softmax and top_k --------------------------------------------


@st.composite
def logits(draw, most_slots=300):
    """``[rows, U, P]`` with ties, huge values, infinities and NaN among them."""
    rng, rows, digits = draw(seeds), draw(st.sampled_from([0, 1, 4, 5, 20])), draw(st.integers(0, 5))
    base = draw(st.integers(0, max(1, int(most_slots ** (1 / max(digits, 1))))))
    kind = draw(st.sampled_from(["plain", "ties", "huge", "infinite", "nan"]))
    x = rng.normal(size=(rows, digits, base)) * draw(st.sampled_from([1.0, 5.0]))
    if kind == "ties":
        x = np.round(x)
    elif kind == "huge":
        x *= 1e5 / max(np.abs(x).max(initial=0), 1)
    elif kind == "infinite":
        x[rng.random(x.shape) < 0.2] = -np.inf
    elif kind == "nan":
        x[rng.random(x.shape) < 0.05] = np.nan
    return x


@given(logits(), st.sampled_from([(1.0, "f32"), (0.5, "bf16"), (3.0, "f16")]))
def test_product_softmax(x, options):
    temperature, dtype = options
    x = cast(x, dtype)
    got = product_softmax(x, temperature=temperature, dtype=dtype)
    assert_close(got, reference.product_softmax(x, temperature=temperature), 2e-6)


@pytest.mark.parametrize("temperature", [1e-60, 1e60])
def test_temperature_beyond_f32(temperature):
    x = np.array([[[3.0, 1.0, 2.0], [-np.inf, 0.0, 0.0]]], np.float32)
    got = product_softmax(x, temperature=temperature)
    assert_close(got, reference.product_softmax(x, temperature=temperature), 2e-6)


@st.composite
def values(draw):
    """``[rows, M]`` with ties, zeros of both signs, infinities and NaN."""
    rng, rows, size = draw(seeds), draw(st.integers(0, 4)), draw(st.integers(0, 70))
    choices = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan])
    x = np.where(
        rng.random((rows, size)) < draw(st.sampled_from([0.0, 0.3, 1.0])),
        rng.choice(choices, size=(rows, size)),
        rng.normal(size=(rows, size)),
    )
    order = draw(st.sampled_from(["random", "ascending", "descending"]))
    if order != "random":
        x = np.sort(x, axis=1)
    return x[:, ::-1].copy() if order == "descending" else x


@given(values(), st.sampled_from([(0, "f32"), (1, "f32"), (7, "f32"), (2, "bf16"), (31, "f16"), (64, "f32")]))
def test_top_k(x, options):
    k, dtype = options
    x = cast(x, dtype)
    if k > x.shape[1]:
        with pytest.raises(CallError, match=f"expected k to be at most .* but got {k} and {x.shape[1]}"):
            top_k(x, k=k, dtype=dtype)
        return
    got_values, got_indices = top_k(x, k=k, dtype=dtype)
    _, want_indices = reference.top_k(x, k=k)
    np.testing.assert_array_equal(got_indices, want_indices)
    want_values = np.take_along_axis(x, want_indices.astype(np.int64), axis=1)
    # Bit for bit: -0 stays -0.
    np.testing.assert_array_equal(got_values.view(f"u{x.itemsize}"), want_values.view(f"u{x.itemsize}"))


def test_top_k_of_many_in_bad_order():
    """Ascending input brings a new best at every step; k = M sorts."""
    x = np.arange(200_000, dtype=np.float32)[None]
    start = time.perf_counter()
    got_values, got_indices = top_k(x, k=200_000)
    assert time.perf_counter() - start < 20
    np.testing.assert_array_equal(got_values, x[:, ::-1])
    np.testing.assert_array_equal(got_indices, np.arange(200_000)[None, ::-1])


# --- product_softmax_top_k ------------------------------------------------


def check_best_slots(x, k, got_values, got_indices, slots):
    """The k best of ``slots``, the compiled product softmax of the same logits."""
    want_values, want_indices = reference.top_k(slots, k=k)
    np.testing.assert_array_equal(got_values, want_values.astype(np.float32))
    # Indices too, unless rounding made values equal that were not.
    for row in range(len(x)):
        distinct = np.unique(slots[row][~np.isnan(slots[row])]).size == slots.shape[1]
        if distinct or np.isnan(slots[row]).any():
            np.testing.assert_array_equal(got_indices[row], want_indices[row])
        assert len(set(got_indices[row].tolist())) == k
        np.testing.assert_array_equal(slots[row][got_indices[row]], got_values[row])
        order = list(zip(-got_values[row], got_indices[row]))
        assert np.isnan(got_values[row]).any() or order == sorted(order)


SEARCHES = [
    (0, 1.0, "f32"),
    (1, 0.5, "bf16"),
    (3, 1.0, "f32"),
    (8, 1.0, "f16"),
    (16, 0.3, "bf16"),
    (40, 0.5, "f32"),
    (66, 1.0, "f32"),
]


@given(logits(), st.sampled_from(SEARCHES))
def test_product_softmax_top_k(x, options):
    k, temperature, dtype = options
    x = cast(x, dtype)
    slots = x.shape[2] ** x.shape[1]
    if k > slots:
        with pytest.raises(CallError, match=f"expected k to be at most .* but got {k} and {slots}"):
            product_softmax_top_k(x, k=k, temperature=temperature, dtype=dtype)
        return
    found = product_softmax_top_k(x, k=k, temperature=temperature, dtype=dtype)
    check_best_slots(x, k, *found, product_softmax(x, temperature=temperature, dtype=dtype))
    assert_close(found[0], reference.product_softmax_top_k(x, k=k, temperature=temperature)[0], 2e-6)


@st.composite
def long_digits(draw):
    """Digits of more values than the search compares with each other, in rows of several batches."""
    rng, rows = draw(seeds), draw(st.integers(1, 40))
    digits, base = draw(st.sampled_from([(1, 1000), (1, 300), (2, 129), (2, 64), (3, 40)]))
    x = rng.normal(size=(rows, digits, base)) * draw(st.sampled_from([0.1, 1.0, 8.0]))
    kind = draw(st.sampled_from(["plain", "ties", "equal", "infinite", "nan"]))
    if kind == "ties":
        x = np.round(x)
    elif kind == "equal":
        x[:] = 0
    elif kind == "infinite":
        x[rng.random(x.shape) < draw(st.sampled_from([0.5, 0.97]))] = -np.inf
    elif kind == "nan":
        x[rng.random(x.shape) < 0.001] = np.nan
    return x.astype(np.float32)


WAYS = [(), ("--cpu=x86-64-v3", "--threads=none"), ("--cpu=x86-64",), ("--lowering=linalg",)]


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@given(x=long_digits(), k=st.sampled_from([1, 8, 16, 23, 64, 300]))
def test_search_on_any_cpu(flags, x, k):
    if k == 300 and x.shape[1] > 2:
        return
    found = product_softmax_top_k(x, k=k, flags=flags)
    check_best_slots(x, k, *found, product_softmax(x, flags=flags))
    assert_close(found[0], reference.product_softmax_top_k(x, k=k)[0], 5e-6)


@given(rng=seeds, leading=st.sampled_from([(), (3,), (2, 70), (0, 4)]))
def test_search_of_any_rank(rng, leading):
    x = rng.normal(size=(*leading, 2, 20)).astype(np.float32)
    shape = "x".join(["?"] * len(leading) + [""])
    sizes = ", ".join(f"%d{i}" for i in range(len(leading)))
    text = f"func.func @f(%x: tensor<{shape}2x20xf32>) -> (tensor<{shape}5xf32>, tensor<{shape}5xi32>) {{\n"
    for i in range(len(leading)):
        text += f"%c{i} = arith.constant {i} : index\n"
        text += f"%d{i} = tensor.dim %x, %c{i} : tensor<{shape}2x20xf32>\n"
    text += f"""
      %v = tensor.empty({sizes}) : tensor<{shape}5xf32>
      %i = tensor.empty({sizes}) : tensor<{shape}5xi32>
      %r:2 = effattn.product_softmax_top_k ins(%x : tensor<{shape}2x20xf32>)
        outs(%v, %i : tensor<{shape}5xf32>, tensor<{shape}5xi32>) {{k = 5}}
      return %r#0, %r#1 : tensor<{shape}5xf32>, tensor<{shape}5xi32>
    }}"""
    got, want = compile_ir(text).f(x), reference.product_softmax_top_k(x, k=5)
    assert_close(got[0], want[0], 2e-6)
    np.testing.assert_array_equal(got[1], want[1])


@given(rng=seeds, rows=st.sampled_from([1, 37]), base=st.sampled_from([3, 16, 21]))
def test_search_of_logits_that_lie_apart(rng, rows, base):
    """Every other number of a row is read, and every other place of the results written."""
    x = rng.normal(size=(rows, 2, 2 * base)).astype(np.float32)
    text = """
    func.func @f(%x: tensor<?x2x?xf32>) -> (tensor<?x10xf32>, tensor<?x10xi32>) {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %rows = tensor.dim %x, %c0 : tensor<?x2x?xf32>
      %p = tensor.dim %x, %c2 : tensor<?x2x?xf32>
      %half = arith.divui %p, %c2 : index
      %some = tensor.extract_slice %x[0, 0, 0] [%rows, 2, %half] [1, 1, 2] : tensor<?x2x?xf32> to tensor<?x2x?xf32>
      %zero = arith.constant 0.0 : f32
      %none = arith.constant 0 : i32
      %ve = tensor.empty(%rows) : tensor<?x10xf32>
      %ie = tensor.empty(%rows) : tensor<?x10xi32>
      %vz = linalg.fill ins(%zero : f32) outs(%ve : tensor<?x10xf32>) -> tensor<?x10xf32>
      %iz = linalg.fill ins(%none : i32) outs(%ie : tensor<?x10xi32>) -> tensor<?x10xi32>
      %v = tensor.extract_slice %vz[0, 0] [%rows, 5] [1, 2] : tensor<?x10xf32> to tensor<?x5xf32>
      %i = tensor.extract_slice %iz[0, 0] [%rows, 5] [1, 2] : tensor<?x10xi32> to tensor<?x5xi32>
      %r:2 = effattn.product_softmax_top_k ins(%some : tensor<?x2x?xf32>)
        outs(%v, %i : tensor<?x5xf32>, tensor<?x5xi32>) {k = 5}
      %vs = tensor.insert_slice %r#0 into %vz[0, 0] [%rows, 5] [1, 2] : tensor<?x5xf32> into tensor<?x10xf32>
      %is = tensor.insert_slice %r#1 into %iz[0, 0] [%rows, 5] [1, 2] : tensor<?x5xi32> into tensor<?x10xi32>
      return %vs, %is : tensor<?x10xf32>, tensor<?x10xi32>
    }"""
    got, want = compile_ir(text).f(x), reference.product_softmax_top_k(x[..., ::2], k=5)
    assert_close(got[0][:, ::2], want[0], 2e-6)
    np.testing.assert_array_equal(got[1][:, ::2], want[1])
    assert not got[0][:, 1::2].any() and not got[1][:, 1::2].any()


@given(logits(), st.sampled_from([1, 8]))
def test_normalized_values_sum_to_one(x, k):
    if x.shape[2] ** x.shape[1] < k:
        return
    x = x.astype(np.float32)
    got, indices = product_softmax_top_k(x, k=k, normalize=True)
    assert_close(got, reference.product_softmax_top_k(x, k=k, normalize=True)[0], 2e-6)
    np.testing.assert_array_equal(indices, product_softmax_top_k(x, k=k)[1])


def test_equal_logits_give_the_lowest_slots():
    x = np.zeros((3, 4, 5), np.float32)
    got, indices = product_softmax_top_k(x, k=40)
    np.testing.assert_array_equal(indices, np.tile(np.arange(40), (3, 1)))
    assert_close(got, np.full((3, 40), 5.0**-4), 1e-6)


def test_almost_two_billion_slots():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 30, 2)).astype(np.float32)
    _, indices = product_softmax_top_k(x, k=1)
    best = [int("".join(map(str, row)), 2) for row in x.argmax(axis=2)]
    assert indices[:, 0].tolist() == best


@pytest.mark.parametrize("digits, base", [(31, 2), (2, 46341), (1000, 2), (3, 2**20)])
def test_more_slots_than_an_i32_holds(digits, base):
    x = np.zeros((1, digits, base), np.float32)
    with pytest.raises(CallError, match=rf"expected at most 2147483647 slots, but got {base}\^{digits}"):
        product_softmax_top_k(x, k=1)


# --- cyclic_shift and address_decode --------------------------------------

SHIFTS = [
    ("flat", 1, 7, None, None),
    ("flat", 4, 5, None, None),
    ("flat", 31, 1, None, None),
    ("digits", 3, 4, None, None),
    ("digits", 3, 4, [16, 4, 1], None),
    ("digits", 2, 46340, [3, 2**40], [-1, 2**62]),
    ("digits", 100, 1, None, None),
    ("radix", 3, 4, None, None),
    ("radix", 30, 2, None, None),
]


@pytest.mark.parametrize("mode, digits, base, periods, steps", SHIFTS)
@given(rng=seeds, width=st.sampled_from([np.int32, np.int64]), sizes=st.tuples(*[st.integers(0, 5)] * 3))
def test_cyclic_shift(mode, digits, base, periods, steps, rng, width, sizes):
    limits = np.iinfo(np.int32)
    indices = rng.integers(0, base**digits, sizes).astype(np.int32)
    wild = rng.random(sizes) < 0.2
    indices[wild] = rng.integers(limits.min, limits.max, sizes, endpoint=True)[wild]
    positions = rng.integers(0, 10_000, sizes[:2])
    wild = rng.random(sizes[:2]) < 0.4
    limits = np.iinfo(width)
    positions[wild] = rng.integers(limits.min, limits.max, sizes[:2], endpoint=True)[wild]
    positions[rng.random(sizes[:2]) < 0.1] = limits.min
    options = dict(mode=mode, digits=digits, base=base, periods=periods, steps=steps)
    got = cyclic_shift(indices, positions.astype(width), **options)
    np.testing.assert_array_equal(got, reference.cyclic_shift(indices, positions, **options))


@pytest.mark.parametrize("mode, periods", [("flat", None), ("digits", [8, 1, 2]), ("radix", None)])
@given(rng=seeds, base=st.integers(1, 9), rows=st.integers(0, 3), tokens=st.integers(0, 6))
def test_address_decode(mode, periods, rng, base, rows, tokens):
    x = rng.normal(size=(rows, tokens, 3 * base)).astype(np.float32)
    positions = rng.integers(-50, 1000, (rows, tokens)).astype(np.int32)
    k = 5 if base > 1 else 1
    options = dict(digits=3, k=k, normalize=True, temperature=0.7)
    got = address_decode(x, positions=positions, mode=mode, periods=periods, **options)
    want = reference.address_decode(x, positions=positions, mode=mode, periods=periods, **options)
    assert_close(got[0], want[0], 2e-6)
    np.testing.assert_array_equal(got[1], want[1])
    got, want = address_decode(x, **options), reference.address_decode(x, **options)
    assert_close(got[0], want[0], 2e-6)
    np.testing.assert_array_equal(got[1], want[1])


def test_address_decode_refuses_what_data_decides():
    with pytest.raises(CallError, match=r"expected digits to divide the width of x \(dim 2\), but got 3 and 10"):
        address_decode(np.zeros((1, 1, 10), np.float32), digits=3, k=1)
    with pytest.raises(CallError, match="expected k to be at most the number of slots, but got 9 and 8"):
        address_decode(np.zeros((1, 1, 6), np.float32), digits=3, k=9)
    with pytest.raises(CallError, match=r"expected at most 2147483647 slots, but got 1300\^3"):
        address_decode(np.zeros((0, 1, 3900), np.float32), digits=3, k=1)
    positions = np.zeros((1, 1), np.int32)
    with pytest.raises(CallError, match="at least one value per digit"):
        address_decode(np.zeros((1, 1, 0), np.float32), digits=3, k=0, positions=positions)


def test_address_decode_of_one_valued_digits():
    """More digits than an i32 has bits are legal while there is one slot."""
    x, positions = np.zeros((1, 2, 40), np.float32), np.array([[3, -1]], np.int32)
    for mode in ("flat", "digits", "radix"):
        got, indices = address_decode(x, digits=40, k=1, positions=positions, mode=mode)
        assert got.tolist() == [[[1.0], [1.0]]] and indices.tolist() == [[[0], [0]]]


@given(rng=seeds, rows=st.integers(0, 3), tokens=st.integers(0, 6))
def test_three_ops_that_fuse_to_one(rng, rows, tokens):
    """product_softmax, top_k and cyclic_shift, which the pipeline turns into address_decode."""
    text = """
    func.func @f(%x: tensor<?x?x3x4xf32>, %p: tensor<?x?xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xi32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %b = tensor.dim %x, %c0 : tensor<?x?x3x4xf32>
      %t = tensor.dim %x, %c1 : tensor<?x?x3x4xf32>
      %all = tensor.empty(%b, %t) : tensor<?x?x64xf32>
      %w = tensor.empty(%b, %t) : tensor<?x?x8xf32>
      %i = tensor.empty(%b, %t) : tensor<?x?x8xi32>
      %slots = effattn.product_softmax ins(%x : tensor<?x?x3x4xf32>) outs(%all : tensor<?x?x64xf32>)
      %r:2 = effattn.top_k ins(%slots : tensor<?x?x64xf32>)
        outs(%w, %i : tensor<?x?x8xf32>, tensor<?x?x8xi32>) {k = 8}
      %turned = effattn.cyclic_shift ins(%r#1, %p : tensor<?x?x8xi32>, tensor<?x?xi32>)
        outs(%i : tensor<?x?x8xi32>) {digits = 3, base = 4, mode = #effattn.shift<radix>}
      return %r#0, %turned : tensor<?x?x8xf32>, tensor<?x?x8xi32>
    }"""
    x = rng.normal(size=(rows, tokens, 3, 4)).astype(np.float32)
    positions = rng.integers(0, 1000, (rows, tokens)).astype(np.int32)
    got = compile_ir(text).f(x, positions)
    want = reference.address_decode(
        x.reshape(rows, tokens, 12), digits=3, k=8, positions=positions, mode="radix"
    )
    assert_close(got[0], want[0], 2e-6)
    np.testing.assert_array_equal(got[1], want[1])


@pytest.mark.parametrize("name", ["ram_addr_u2", "ram_addr_digit", "ram_addr_ties"])
def test_addresses_of_the_worked_cases(name):
    case = Case(name)
    params, x = case.params, case["k"]
    options = {"digits": params["U"], "k": params["K"], "temperature": params["tau"]}
    if params["mode"] != "none":
        options["positions"] = case["pos"][None]
        options["mode"] = {"digit": "digits"}.get(params["mode"], params["mode"])
    flat = x.reshape(1, len(x), -1)
    weights, indices = address_decode(flat, **options)
    np.testing.assert_array_equal(indices[0], case["idx"])
    case.check(weights[0], "val")
    if "val_renorm" in case.arrays:
        case.check(address_decode(flat, normalize=True, **options)[0][0], "val_renorm")
