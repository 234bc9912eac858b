"""Compiled address_memory against the NumPy reference: values, states, splits and bad addresses.

Tolerances: activations of f32 carry about 1e-7 of relative error through one
exponential and a few products; what is summed over tokens gets 2e-5. Results
in bf16 and f16 are rounded once, by 2^-9 and 2^-12 of their size.
"""

import time

import numpy as np
import pytest
from cases import Case
from harness import CallError, assert_close, compile_ir
from hypothesis import given
from hypothesis import strategies as st
from test_memory import DTYPES, ROUNDING, WAYS, seeds

from effattn import reference


def address_memory_function(
    *, gamma=1.0, epsilon=1e-6, dtype="f32", with_lengths=True, width="?", flags=()
):
    """The width may be known."""
    lengths = ", %n: tensor<?xi32>" if with_lengths else ""
    clause = "lengths(%n : tensor<?xi32>)" if with_lengths else ""
    f, i, v = "tensor<?x?x?xf32>", "tensor<?x?x?xi32>", f"tensor<?x?x{width}x{dtype}>"
    m = f"tensor<?x?x{width}xf32>"
    sizes = "%b, %t, %e" if width == "?" else "%b, %t"
    text = f"""
    func.func @f(%w: {f}, %wi: {i}, %v: {v}, %r: {f}, %ri: {i}, %memory: {m}, %mass: tensor<?x?xf32>
        {lengths}) -> ({v}, {m}, tensor<?x?xf32>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %b = tensor.dim %v, %c0 : {v}
      %t = tensor.dim %v, %c1 : {v}
      %e = tensor.dim %v, %c2 : {v}
      %out = tensor.empty({sizes}) : {v}
      %o:3 = effattn.address_memory ins(%w, %wi, %v, %r, %ri : {f}, {i}, {v}, {f}, {i}) {clause}
        outs(%out, %memory, %mass : {v}, {m}, tensor<?x?xf32>)
        {{gamma = {gamma:e}, epsilon = {epsilon:e}}}
      return %o#0, %o#1, %o#2 : {v}, {m}, tensor<?x?xf32>
    }}"""
    return compile_ir(text, *flags).f


def addresses(rng, rows, tokens, kept, slots):
    """Distinct slots for every token."""
    found = np.empty((rows, tokens, kept), np.int32)
    for place in np.ndindex(rows, tokens):
        found[place] = rng.permutation(slots)[:kept]
    return found


def memory_operands(rng, rows, tokens, kept, read, width, slots, dtype="f32"):
    """Operands in the order of the op; some weights are exactly 0 or 1."""
    weights = rng.random((rows, tokens, kept)).astype(np.float32)
    weights[rng.random(weights.shape) < 0.15] = 0
    weights[rng.random(weights.shape) < 0.15] = 1
    return [
        weights,
        addresses(rng, rows, tokens, kept, slots),
        rng.normal(size=(rows, tokens, width)).astype(DTYPES[dtype]),
        rng.random((rows, tokens, read)).astype(np.float32),
        addresses(rng, rows, tokens, read, slots),
        rng.normal(size=(rows, slots, width)).astype(np.float32),
        rng.random((rows, slots)).astype(np.float32),
    ]


@st.composite
def memories(draw):
    """A generator and the sizes of an address memory."""
    slots = draw(st.integers(0, 23))
    tokens = draw(st.integers(0, 9)) if slots else 0
    kept, read = draw(st.integers(0, slots)), draw(st.integers(0, slots))
    return draw(seeds), draw(st.integers(0, 3)), tokens, kept, read, draw(st.integers(0, 17)), slots


@given(memories(), st.sampled_from([(0.0, "f16"), (0.5, "f32"), (1.0, "bf16"), (2.0, "f32")]))
def test_address_memory(sizes, settings):
    gamma, dtype = settings
    rng, rows, tokens, *_ = sizes
    operands = memory_operands(*sizes, dtype=dtype)
    lengths = rng.integers(0, tokens + 1, rows).astype(np.int32)
    # Addresses of padding tokens are not looked at.
    for row, length in enumerate(lengths):
        operands[1][row, length:] = -7
        operands[4][row, length:] = 2**31 - 1
    # A mass far below epsilon would make every error of the memory large.
    options = dict(gamma=gamma, epsilon=1e-3)
    got = address_memory_function(dtype=dtype, **options)(*operands, lengths)
    want = reference.address_memory(*operands, lengths=lengths, **options)
    assert_close(got[0], want[0], ROUNDING[dtype])
    assert_close(got[1], want[1], 2e-5)
    assert_close(got[2], want[2], 2e-5)


@given(memories(), st.integers(0, 9), st.sampled_from([0.5, 1.0]))
def test_address_memory_in_any_split(sizes, at, gamma):
    """All tokens at once, in two parts, and one by one: the same bits."""
    function = address_memory_function(gamma=gamma, with_lengths=False)
    operands = memory_operands(*sizes)
    tokens = sizes[2]
    whole = function(*operands)
    for cuts in ([min(at, tokens)], range(1, tokens)):
        state, parts = operands[5:], []
        for low, high in zip([0, *cuts], [*cuts, tokens]):
            out, *state = function(*(a[:, low:high].copy() for a in operands[:5]), *state)
            parts.append(out)
        np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole[0])
        np.testing.assert_array_equal(state[0], whole[1])
        np.testing.assert_array_equal(state[1], whole[2])


@pytest.mark.parametrize("flags", WAYS, ids=" ".join)
@pytest.mark.parametrize("width, gamma, dtype", [
    ("?", 1.0, "f32"), (1, 3.0, "f32"), (40, 0.7, "bf16"), (130, 17.0, "f16"), (300, 16.0, "f32")
])  # fmt: skip
@given(rng=seeds, tokens=st.sampled_from([1, 3, 70]), kept=st.integers(0, 9), read=st.integers(0, 9),
       dynamic=st.sampled_from([0, 5, 64, 100, 150]))  # fmt: skip
def test_memory_on_any_cpu(flags, width, gamma, dtype, rng, tokens, kept, read, dynamic):
    columns = dynamic if width == "?" else width
    operands = memory_operands(rng, 2, tokens, kept, read, columns, 30, dtype=dtype)
    lengths = rng.integers(0, tokens + 1, 2).astype(np.int32)
    function = address_memory_function(
        gamma=gamma, epsilon=1e-3, dtype=dtype, width=width, flags=flags
    )
    got = function(*operands, lengths)
    want = reference.address_memory(*operands, lengths=lengths, gamma=gamma, epsilon=1e-3)
    assert_close(got[0], want[0], ROUNDING[dtype])
    assert_close(got[1], want[1], 2e-5)
    assert_close(got[2], want[2], 2e-5)


def test_memory_of_columns_that_lie_apart():
    """Every other column of values and state: what lies between stays as it is."""
    text = """
    func.func @f(%w: tensor<2x3x4xf32>, %i: tensor<2x3x4xi32>, %v: tensor<2x3x10xf32>, %memory: tensor<2x9x10xf32>,
        %mass: tensor<2x9xf32>) -> (tensor<2x3x5xf32>, tensor<2x9x10xf32>, tensor<2x9xf32>) {
      %values = tensor.extract_slice %v[0, 0, 1] [2, 3, 5] [1, 1, 2] : tensor<2x3x10xf32> to tensor<2x3x5xf32>
      %state = tensor.extract_slice %memory[0, 0, 1] [2, 9, 5] [1, 1, 2] : tensor<2x9x10xf32> to tensor<2x9x5xf32>
      %out = tensor.empty() : tensor<2x3x5xf32>
      %o:3 = effattn.address_memory ins(%w, %i, %values, %w, %i : tensor<2x3x4xf32>, tensor<2x3x4xi32>,
          tensor<2x3x5xf32>, tensor<2x3x4xf32>, tensor<2x3x4xi32>)
        outs(%out, %state, %mass : tensor<2x3x5xf32>, tensor<2x9x5xf32>, tensor<2x9xf32>)
      %s = tensor.insert_slice %o#1 into %memory[0, 0, 1] [2, 9, 5] [1, 1, 2] : tensor<2x9x5xf32> into tensor<2x9x10xf32>
      return %o#0, %s, %o#2 : tensor<2x3x5xf32>, tensor<2x9x10xf32>, tensor<2x9xf32>
    }"""
    w, i, v, _, _, memory, mass = memory_operands(np.random.default_rng(0), 2, 3, 4, 4, 10, 9)
    got = compile_ir(text).f(w, i, v, memory, mass)
    out, odd, masses = reference.address_memory(w, i, v[..., 1::2], w, i, memory[..., 1::2], mass)
    assert_close(got[0], out, 2e-5)
    assert_close(got[1][..., 1::2], odd, 2e-5)
    np.testing.assert_array_equal(got[1][..., ::2], memory[..., ::2])
    assert_close(got[2], masses, 2e-5)


@pytest.mark.parametrize("tokens, kept, width, slots", [(0, 2, 3, 5), (4, 2, 0, 5), (4, 0, 3, 0), (4, 0, 3, 5)])
def test_memory_with_a_size_known_to_be_zero(tokens, kept, width, slots):
    k, i = f"tensor<2x{tokens}x{kept}xf32>", f"tensor<2x{tokens}x{kept}xi32>"
    v, m, z = f"tensor<2x{tokens}x{width}xf32>", f"tensor<2x{slots}x{width}xf32>", f"tensor<2x{slots}xf32>"
    text = f"""
    func.func @f(%w: {k}, %wi: {i}, %v: {v}, %r: {k}, %ri: {i}, %memory: {m}, %mass: {z}) -> ({v}, {m}, {z}) {{
      %out = tensor.empty() : {v}
      %o:3 = effattn.address_memory ins(%w, %wi, %v, %r, %ri : {k}, {i}, {v}, {k}, {i})
        outs(%out, %memory, %mass : {v}, {m}, {z})
      return %o#0, %o#1, %o#2 : {v}, {m}, {z}
    }}"""
    operands = memory_operands(np.random.default_rng(slots), 2, tokens, kept, kept, width, slots)
    for got, want in zip(compile_ir(text).f(*operands), reference.address_memory(*operands)):
        assert_close(got, want, 2e-5)


@pytest.mark.parametrize("kept", [3, 64, 65, 700])
@pytest.mark.parametrize("which, name", [(1, "write_indices"), (4, "read_indices")])
@pytest.mark.parametrize("slot, sentence", [
    (None, "to name a slot once a token, but got slot {again} twice in row 1, token 2"),
    (-1, r"to lie in \[0, 1000\), but got slot -1 in row 1, token 2"),
    (1000, r"to lie in \[0, 1000\), but got slot 1000 in row 1, token 2"),
])  # fmt: skip
def test_bad_address_changes_nothing(kept, which, name, slot, sentence):
    operands = memory_operands(np.random.default_rng(kept), 2, 4, kept, kept, 5, 1000)
    again = operands[which][1, 2, 0]
    operands[which][1, 2, kept - 1] = again if slot is None else slot
    memory, mass = operands[5].copy(), operands[6].copy()
    function = address_memory_function()
    out = np.zeros((2, 4, 5), np.float32)
    with pytest.raises(CallError, match=f"expected {name} " + sentence.format(again=again)):
        function.into([*operands, np.array([4, 3], np.int32)], [out, *operands[5:]])
    np.testing.assert_array_equal(operands[5], memory)
    np.testing.assert_array_equal(operands[6], mass)
    # The same token is fine where it is padding.
    function.into([*operands, np.array([4, 2], np.int32)], [out, *operands[5:]])


@pytest.mark.parametrize("which, name", [(1, "write_indices"), (4, "read_indices")])
@given(rng=seeds, kept=st.sampled_from([1, 2, 8, 64]), token=st.sampled_from([0, 62, 63, 64, 127, 149]),
       bad=st.sampled_from(["again", -1, -(2**31), 100, 2**31 - 1]))  # fmt: skip
def test_bad_address_among_many(which, name, rng, kept, token, bad):
    """Blocks of tokens are looked at as one; what is wrong is named all the same."""
    operands = memory_operands(rng, 3, 150, kept, kept, 5, 100)
    first, second = rng.permutation(kept)[:2] if kept > 1 else (0, 0)
    if bad == "again" and kept > 1:
        again = operands[which][1, token, first]
        operands[which][1, token, second] = again
        sentence = f"to name a slot once a token, but got slot {again} twice in row 1, token {token}"
    else:
        slot = -5 if bad == "again" else bad
        operands[which][1, token, first] = slot
        sentence = rf"to lie in \[0, 100\), but got slot {slot} in row 1, token {token}"
    # A later mistake is not the one that is named.
    operands[which][2, 3, 0] = -9
    lengths = np.array([150, 150, 150], np.int32)
    memory, mass = operands[5].copy(), operands[6].copy()
    function = address_memory_function()
    out = np.zeros((3, 150, 5), np.float32)
    with pytest.raises(CallError, match=f"expected {name} " + sentence):
        function.into([*operands, lengths], [out, *operands[5:]])
    np.testing.assert_array_equal(operands[5], memory)
    np.testing.assert_array_equal(operands[6], mass)
    # The same addresses are fine where they are padding.
    lengths[1:] = token, 3
    want = reference.address_memory(*operands, lengths=lengths)
    function.into([*operands, lengths], [out, *operands[5:]])
    assert_close(operands[5], want[1], 2e-5)


def test_long_addresses_with_regular_slots():
    """Slots in steps of any size do not crowd the table of the check."""
    function = address_memory_function(with_lengths=False)
    for step in (1, 2, 401, 1024, 5000):
        slots = np.arange(200, dtype=np.int32)[None, None] * step
        operands = memory_operands(np.random.default_rng(step), 1, 1, 200, 200, 1, 200)
        operands[1] = operands[4] = slots
        operands[5:] = np.zeros((1, 10**6, 1), np.float32), np.zeros((1, 10**6), np.float32)
        got = function(*operands)
        want = reference.address_memory(*operands)
        assert_close(got[0], want[0], 2e-5)


@pytest.mark.cpu  # a GPU's memory gets a copy of the slots
def test_million_slots_cost_no_more_than_a_thousand():
    """Donated state: the same tokens at the same slots of a small and a large memory."""
    function = address_memory_function(with_lengths=False)
    rng = np.random.default_rng(0)
    operands = memory_operands(rng, 1, 64, 8, 8, 16, 1024)
    seconds = {}
    for slots in (1024, 2**20):
        state = [np.zeros((1, slots, 16), np.float32), np.zeros((1, slots), np.float32)]
        out = np.empty((1, 64, 16), np.float32)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            function.into([*operands[:5], *state], [out, *state])
            times.append(time.perf_counter() - start)
        seconds[slots] = min(times)
    # A copy of 64 MiB takes tens of milliseconds; the least of seven calls is not a slow moment.
    assert seconds[2**20] < 5 * seconds[1024] + 5e-3


@pytest.mark.parametrize("name", ["pdma_basic", "pdma_gamma0", "pdma_state"])
def test_memory_of_the_worked_cases(name):
    case = Case(name)
    width, slots = case["v"].shape[1], case.params["M"]
    memory = case.arrays.get("S0", np.zeros((slots, width), np.float32))
    mass = case.arrays.get("z0", np.zeros(slots, np.float32))
    operands = [case[key][None] for key in ("w_val", "w_idx", "v", "r_val", "r_idx")]
    function = address_memory_function(
        gamma=case.params["gamma"], epsilon=case.params["eps"], with_lengths=False
    )
    out, memory, mass = function(*operands, memory[None], mass[None])
    case.check(out[0], "o")
    case.check(memory[0], "S")
    case.check(mass[0], "z")
