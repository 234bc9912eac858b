"""The emulator of kernels: it runs what goes to a GPU, and sees what a GPU would not say."""

import harness
import numpy as np
import pytest
from test_address_memory import address_memory_function, memory_operands
from test_memory import product_softmax_top_k

from effattn import reference

EMULATED = "--target=nvptx-emulated"

READ = """
func.func @read_at(%x: tensor<?xf32> {effattn.name = "x"}, %at: index {effattn.name = "at"}) -> tensor<f32> {
  %value = tensor.extract %x[%at] : tensor<?xf32> loc("model.mlir":3:12)
  %result = tensor.from_elements %value : tensor<f32>
  return %result : tensor<f32>
}
"""

WRITE = """
func.func @write_at(%x: tensor<?xf32> {effattn.name = "x"}, %at: index {effattn.name = "at"}) -> tensor<?xf32> {
  %one = arith.constant 1.0 : f32
  %result = tensor.insert %one into %x[%at] : tensor<?xf32>
  return %result : tensor<?xf32>
}
"""

# Each of n iterations writes its number at its number divided by `share`.
SCATTER = """
func.func @scatter(%n: index {effattn.name = "n"}, %share: index {effattn.name = "share"}) -> tensor<64xf32> {
  %empty = tensor.empty() : tensor<64xf32>
  %zero = arith.constant 0.0 : f32
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<64xf32>) -> tensor<64xf32>
  %result = scf.forall (%i) in (%n) shared_outs(%to = %zeros) -> tensor<64xf32> {
    %at = arith.divui %i, %share : index
    %number = arith.index_cast %i : index to i32
    %value = arith.sitofp %number : i32 to f32
    %one = tensor.from_elements %value : tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %one into %to[%at] [1] [1] : tensor<1xf32> into tensor<64xf32>
    }
  }
  return %result : tensor<64xf32>
}
"""

# What follows a bound that only data knows, with a check on the way.
CHECKED = """
func.func @checked(%ids: tensor<?xi32> {effattn.name = "ids"}, %table: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %zero = arith.constant 0 : index
  %n = tensor.dim %ids, %zero : tensor<?xi32>
  %empty = tensor.empty(%n) : tensor<?x4xf32>
  %rows = effattn.embedding ins(%ids, %table : tensor<?xi32>, tensor<8x4xf32>)
      outs(%empty : tensor<?x4xf32>)
  return %rows : tensor<?x4xf32>
}
"""

# Addresses of ragged rows.
RAGGED = """
func.func @remember(%weights: tensor<?x?x5xf32>, %slots: tensor<?x?x5xi32>, %values: tensor<?x?x2xf32>,
    %lengths: tensor<?xi64>, %memory: tensor<?x16x2xf32>, %mass: tensor<?x16xf32>) -> tensor<?x?x2xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = tensor.dim %slots, %c0 : tensor<?x?x5xi32>
  %tokens = tensor.dim %slots, %c1 : tensor<?x?x5xi32>
  %empty = tensor.empty(%rows, %tokens) : tensor<?x?x2xf32>
  %result:3 = effattn.address_memory
      ins(%weights, %slots, %values, %weights, %slots : tensor<?x?x5xf32>, tensor<?x?x5xi32>,
          tensor<?x?x2xf32>, tensor<?x?x5xf32>, tensor<?x?x5xi32>)
      lengths(%lengths : tensor<?xi64>)
      outs(%empty, %memory, %mass : tensor<?x?x2xf32>, tensor<?x16x2xf32>, tensor<?x16xf32>)
  return %result#0 : tensor<?x?x2xf32>
}
"""

# A read that relies on a check inside of a branch before it.
BRANCHED = """
func.func @sum_at(%ids: tensor<?xindex> {effattn.name = "ids"}, %table: tensor<8xf32>) -> tensor<f32> {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %size = arith.constant 8 : index
  %none = arith.constant 0.0 : f32
  %n = tensor.dim %ids, %zero : tensor<?xindex>
  %sum = scf.for %i = %zero to %n step %one iter_args(%sum = %none) -> (f32) {
    %id = tensor.extract %ids[%i] : tensor<?xindex>
    %last = arith.cmpi ne, %id, %size : index
    scf.if %last {
      %inside = arith.cmpi ult, %id, %size : index
      effattn.check %inside, "expected ids below 8, but got {0} at [{1}]" (%id, %i : index, index)
    }
    %read = arith.select %last, %id, %zero : index
    %value = tensor.extract %table[%read] : tensor<8xf32>
    %next = arith.addf %sum, %value : f32
    scf.yield %next : f32
  }
  %result = tensor.from_elements %sum : tensor<f32>
  return %result : tensor<f32>
}
"""


def compiled(text):
    return harness.compile_ir(text, EMULATED)


@pytest.fixture(params=["0", "1", "2", "12345"])
def seed(request, monkeypatch):
    """Orders in which threads run."""
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", request.param)


def test_accesses_in_bounds_pass():
    x = np.arange(5, dtype=np.float32)
    assert compiled(READ).read_at(x, 4)[0] == 4
    (result,) = compiled(WRITE).write_at(x, 2)
    np.testing.assert_array_equal(result, [0, 1, 1, 3, 4])


@pytest.mark.parametrize("at", [5, -1, 5 + 64, 10**6])
def test_reads_out_of_bounds_are_faults(at):
    with pytest.raises(harness.CallError, match=r"^read_at: kernel read_at_0, block \(0, 0, 0\), thread \(0, 0, 0\).*: reads 4 bytes") as caught:
        compiled(READ).read_at(np.zeros(5, np.float32), at)
    assert caught.value.code == 5


def test_writes_out_of_bounds_are_faults():
    with pytest.raises(harness.CallError, match=r"writes 4 bytes at offset 4000 of a buffer of 20 bytes"):
        compiled(WRITE).write_at(np.zeros(5, np.float32), 1000)


def test_faults_name_the_line():
    with pytest.raises(harness.CallError, match=r", model.mlir:3:12: reads"):
        compiled(READ).read_at(np.zeros(5, np.float32), 1000)


def test_the_emulator_goes_on_after_a_fault():
    test_writes_out_of_bounds_are_faults()
    test_accesses_in_bounds_pass()


def test_threads_apart_are_no_race(seed):
    (result,) = compiled(SCATTER).scatter(64, 1)
    np.testing.assert_array_equal(result, np.arange(64))


def test_two_writers_are_a_race(seed):
    with pytest.raises(harness.CallError, match=r"writes byte \d+ of a buffer of 256 bytes, which thread \d+ writes in any order"):
        compiled(SCATTER).scatter(64, 2)


def test_checks_inside_of_kernels_fail_as_on_the_host(seed):
    table = np.arange(32, dtype=np.float32).reshape(8, 4)
    (rows,) = compiled(CHECKED).checked(np.array([3, 0, 7], np.int32), table)
    np.testing.assert_array_equal(rows, table[[3, 0, 7]])
    for ids in ([3, 8, 9], [-1, 9, 0]):
        sentences = []
        for flags in ((), (EMULATED,)):
            with pytest.raises(harness.CallError, match=str(ids[1] if ids[0] == 3 else -1)) as caught:
                harness.compile_ir(CHECKED, *flags).checked(np.array(ids, np.int32), table)
            sentences.append((caught.value.code, str(caught.value)))
        assert sentences[0] == sentences[1]


def sentences(text, name, *arguments):
    """What a function that fails says on a CPU and under emulation."""
    for flags in ((), (EMULATED,)):
        with pytest.raises(harness.CallError) as caught:
            getattr(harness.compile_ir(text, *flags), name)(*arguments)
        yield caught.value.code, str(caught.value)


@pytest.mark.parametrize("bad", [[0], [999], [130, 131, 700], [5, 40, 5, 999]])
def test_the_first_of_many_checks_fails(bad, seed):
    """All ids are looked at in parallel, and yet the sentence is that of the first."""
    ids = np.arange(1000, dtype=np.int32) % 8
    ids[bad] = [8 + number for number in range(len(bad))]
    of_cpu, emulated = sentences(CHECKED, "checked", ids, np.zeros((8, 4), np.float32))
    assert of_cpu == emulated
    assert f"at [{min(bad)}]" in emulated[1]


@pytest.mark.parametrize("bad", [(0, 0, 4), (1, 6, 1), (2, 0, 0)])
def test_ragged_rows_are_shared_out(bad, seed):
    """Rows end at lengths that only data knows, and two checks are made of a slot."""
    rng = np.random.default_rng(0)
    slots = np.argsort(rng.random((3, 9, 16)), axis=-1)[..., :5].astype(np.int32)
    lengths = np.array([9, 7, 1], np.int64)
    function = harness.compile_ir(RAGGED, EMULATED).remember
    weights, values = np.full((3, 9, 5), 0.2, np.float32), np.ones((3, 9, 2), np.float32)
    state = np.zeros((3, 16, 2), np.float32), np.zeros((3, 16), np.float32)
    slots[1, 7:], slots[2, 1:] = -1, 99
    function(weights, slots, values, lengths, *state)
    for wrong in (16, slots[bad[0], bad[1], bad[2] - 1]):
        broken = slots.copy()
        broken[bad] = wrong
        broken[2, 0, 3] = -5
        of_cpu, emulated = sentences(
            RAGGED, "remember", weights, broken, values, lengths, *state
        )
        assert of_cpu == emulated


@pytest.mark.parametrize("flags", [(), (EMULATED,)])
def test_nothing_behind_a_failed_check_runs(flags):
    function = harness.compile_ir(BRANCHED, *flags).sum_at
    table = np.arange(8, dtype=np.float32) + 1
    assert function(np.array([1, 8, 7]), table)[0] == 2 + 1 + 8
    with pytest.raises(harness.CallError, match=r"but got 1073741824 at \[1\]") as caught:
        function(np.array([1, 2**30, 2**31]), table)
    assert caught.value.code == 2


def test_views_of_the_caller():
    """The device gets neither gaps nor what lies beside a tensor."""
    wide = np.full((8, 8), np.nan, np.float32)
    wide[:, :4] = np.arange(32).reshape(8, 4)
    ids = np.array([7, 1, 1, 0], np.int32)
    function = compiled(CHECKED).checked
    for table in (wide[:, :4], wide[::-1, :4], wide.T[:4].T):
        np.testing.assert_array_equal(function(ids, table)[0], table[ids])
    target = np.full((4, 9), -1, np.float32)
    function.into([ids, wide[:, :4]], [target[:, 2:6]])
    np.testing.assert_array_equal(target[:, 2:6], wide[ids, :4])
    assert (target[:, :2] == -1).all() and (target[:, 6:] == -1).all()


def test_nothing_to_do():
    function = compiled(CHECKED).checked
    assert function(np.zeros(0, np.int32), np.zeros((8, 4), np.float32))[0].shape == (0, 4)
    assert not compiled(SCATTER).scatter(0, 1)[0].any()


@pytest.mark.parametrize("tokens, width", [(31, 64), (32, 65), (33, 160)])
def test_memory_around_its_tiles(tokens, width, seed):
    """32 tokens are read before their terms are added up; a lane has columns 32 apart."""
    operands = memory_operands(np.random.default_rng(tokens), 2, tokens, 5, 3, width, 40)
    lengths = np.array([tokens, tokens - 7], np.int32)
    function = address_memory_function(gamma=0.5, width=width, flags=(EMULATED,))
    expected = reference.address_memory(*operands, gamma=0.5, lengths=lengths)
    for found, wanted in zip(function(*operands, lengths), expected):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


BEST = """
func.func @best(%x: tensor<?x?xf32>) -> (tensor<?xKxf32>, tensor<?xKxi32>) {
  %c0 = arith.constant 0 : index
  %rows = tensor.dim %x, %c0 : tensor<?x?xf32>
  %v = tensor.empty(%rows) : tensor<?xKxf32>
  %i = tensor.empty(%rows) : tensor<?xKxi32>
  %r:2 = effattn.top_k ins(%x : tensor<?x?xf32>) outs(%v, %i : tensor<?xKxf32>, tensor<?xKxi32>) {k = K}
  return %r#0, %r#1 : tensor<?xKxf32>, tensor<?xKxi32>
}
"""


@pytest.mark.parametrize("rows, size, k", [(5, 33, 33), (1, 3000, 40), (2, 700, 300), (2, 1025, 1025)])
def test_top_k_in_registers_parts_turns_and_sorted(rows, size, k, seed):
    rng = np.random.default_rng(k)
    x = np.round(rng.normal(size=(rows, size)), 1).astype(np.float32)
    x[rng.random(x.shape) < 0.02] = np.nan
    values, indices = compiled(BEST.replace("K", str(k))).best(x)
    wanted_values, wanted_indices = reference.top_k(x, k=k)
    np.testing.assert_array_equal(indices, wanted_indices)
    np.testing.assert_array_equal(values, wanted_values.astype(np.float32))


@pytest.mark.parametrize("base, k", [(33, 40), (40, 600)])
def test_slots_in_shared_memory_and_in_a_buffer(base, k, seed):
    """Whole logits tie in many ways; digits without a chance leave slots of 0."""
    rng = np.random.default_rng(k)
    x = rng.integers(-2, 3, (2, 2, base)).astype(np.float32)
    x[0, :, 5:] = -np.inf
    values, indices = product_softmax_top_k(x, k=k, flags=(EMULATED,))
    wanted_values, _ = reference.product_softmax_top_k(x, k=k)
    np.testing.assert_allclose(values, wanted_values, rtol=2e-5)
    slots = reference.product_softmax(x)
    np.testing.assert_allclose(np.take_along_axis(slots, indices.astype(int), -1), wanted_values, rtol=2e-5)
    assert all(len(set(row)) == k for row in indices.tolist())
    # Of the slots of 0, the lowest.
    zeros = np.flatnonzero(slots[0] == 0)
    np.testing.assert_array_equal(indices[0, 25:], zeros[: k - 25])
