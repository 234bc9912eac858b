# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The spans of traced functions."""

import json
import threading

import numpy as np
import pytest
from compiler import needs_compiler

import effattn

pytestmark = needs_compiler

TEXT = """
func.func @main(%x: tensor<4x8xf32>, %scale: tensor<8xf32>) -> tensor<4x8xf32> {
  %empty = tensor.empty() : tensor<4x8xf32>
  %norm = effattn.rms_norm ins(%x, %scale : tensor<4x8xf32>, tensor<8xf32>) outs(%empty : tensor<4x8xf32>)
  %sum = arith.addf %norm, %norm : tensor<4x8xf32>
  return %sum : tensor<4x8xf32>
}
"""
INPUTS = np.ones((4, 8), np.float32), np.ones(8, np.float32)
NAMES = ["effattn.rms_norm", "arith.addf"]


def test_spans_of_calls():
    traced = effattn.compile(TEXT, trace=True)
    assert traced.spans() == []
    result = traced(*INPUTS)
    np.testing.assert_array_equal(result, effattn.compile(TEXT)(*INPUTS))
    norm, total = traced.spans()
    assert [norm.name, total.name] == NAMES
    assert norm.flops == 4 * 32 and norm.bytes == 4 * (32 + 8 + 32)
    assert total.flops == 32
    assert norm.begin <= norm.end <= total.begin <= total.end
    assert traced.spans() == []


def test_each_thread_has_its_own():
    traced = effattn.compile(TEXT, trace=True)
    barrier, names = threading.Barrier(2), {}

    def call(count):
        barrier.wait()
        for _ in range(count):
            traced(*INPUTS)
        names[count] = [span.name for span in traced.spans()]

    threads = [threading.Thread(target=call, args=(count,)) for count in (20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == {20: 20 * NAMES, 30: 30 * NAMES}
    assert traced.spans() == []


def test_file_for_perfetto(tmp_path):
    traced = effattn.compile(TEXT, trace=True)
    traced(*INPUTS)
    traced.write_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [event["name"] for event in events] == NAMES
    assert events[0]["args"]["flops"] == 128 and events[0]["ph"] == "X"
    traced(*INPUTS)
    with pytest.raises(effattn.Error, match="cannot write .*: the folder .*missing does not exist"):
        traced.write_trace(tmp_path / "missing" / "trace.json")
    assert [span.name for span in traced.spans()] == NAMES


EMBEDDING = """
!rows = tensor<?x?x8xf32>
func.func @embedding(%ids: tensor<?x?xi32>, %table: tensor<20x8xf32>) -> !rows {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %ids, %c0 : tensor<?x?xi32>
  %t = tensor.dim %ids, %c1 : tensor<?x?xi32>
  %empty = tensor.empty(%b, %t) : !rows
  %rows = effattn.embedding ins(%ids, %table : tensor<?x?xi32>, tensor<20x8xf32>) outs(%empty : !rows)
  return %rows : !rows
}
"""
NORM = """
!rows = tensor<?x?x8xf32>
func.func @norm(%x: !rows, %scale: tensor<8xf32>) -> !rows {
  %norm = effattn.rms_norm ins(%x, %scale : !rows, tensor<8xf32>) outs(%x : !rows)
  return %norm : !rows
}
"""
EMBEDDING_AND_NORM = EMBEDDING.replace("20x8xf32>) ->", "20x8xf32>, %scale: tensor<8xf32>) ->").replace(
    "return %rows",
    """%norm = effattn.rms_norm ins(%rows, %scale : !rows, tensor<8xf32>) outs(%empty : !rows)
  return %norm""",
)
CHAIN = """
!x = tensor<?x8xf32>
!n = tensor<2x8xf32>
!g = tensor<2x8x4xf32>
!d = tensor<2x4x8xf32>
func.func @chain(%x: !x, %n: !n, %g: !g, %d: !d) -> !x {
  %0 = effattn.hourglass_ffn ins(%x, %n, %g, %g, %d : !x, !n, !g, !g, !d) outs(%x : !x)
  %1 = effattn.hourglass_ffn ins(%0, %n, %g, %g, %d : !x, !n, !g, !g, !d) outs(%x : !x)
  %2 = effattn.hourglass_ffn ins(%1, %n, %g, %g, %d : !x, !n, !g, !g, !d) outs(%x : !x)
  return %2 : !x
}
"""


def work(traced, *inputs):
    """The FLOPs and bytes of a call of one op, and its result."""
    result = traced(*inputs)
    (span,) = traced.spans()
    return span.flops, span.bytes, result


@pytest.mark.parametrize("lowering", ["tuned", "linalg"])
def test_what_a_fused_loop_takes(lowering):
    """FLOPs are those of its ops, and bytes those without what the one gives the other."""
    options = {"trace": True, "lowering": lowering}
    embedding, norm = (effattn.compile(text, **options) for text in (EMBEDDING, NORM))
    fused = effattn.compile(EMBEDDING_AND_NORM, **options)
    table, scale = np.ones((20, 8), np.float32), np.ones(8, np.float32)
    for shape in ((2, 7), (1, 1), (3, 8), (1, 17), (2, 19), (2, 0), (0, 3)):
        ids = np.zeros(shape, np.int32)
        flops_of_rows, bytes_of_rows, rows = work(embedding, ids, table)
        flops_of_norm, bytes_of_norm, _ = work(norm, rows, scale)
        flops, size, _ = work(fused, ids, table, scale)
        assert flops == flops_of_rows + flops_of_norm == 4 * rows.size
        # Without rows, nobody reads the scale.
        unread = 0 if rows.size else scale.nbytes
        assert size == bytes_of_rows + bytes_of_norm - 2 * rows.nbytes - unread


def test_what_a_fused_chain_takes():
    hourglasses = effattn.compile(CHAIN, trace=True, lowering="linalg")
    rows, width, hidden, blocks = 11, 8, 4, 2
    x = np.ones((rows, width), np.float32)
    weights = (np.ones(shape, np.float32) for shape in ((2, 8), (2, 8, 4), (2, 4, 8)))
    flops, size, _ = work(hourglasses, x, *weights)
    one = blocks * rows * (6 * width * hidden + 2 * hidden + 5 * width)
    assert flops == 3 * one
    assert size == 2 * x.nbytes + 4 * blocks * (width + 2 * width * hidden)


def test_library_that_was_saved(tmp_path):
    effattn.compile(TEXT, trace=True).save(tmp_path / "traced.so")
    loaded = effattn.load(tmp_path / "traced.so")
    loaded(*INPUTS)
    assert [span.name for span in loaded.spans()] == NAMES


def test_mistakes():
    with pytest.raises(effattn.Error, match="main records no spans: compile it with trace=True"):
        effattn.compile(TEXT).spans()
    with pytest.raises(effattn.Error, match="expected trace with target 'cpu' only, but got target 'nvptx'"):
        effattn.compile(TEXT, target="nvptx", trace=True)
    with pytest.raises(effattn.Error, match="expected trace to be True or False, but got 'yes'"):
        effattn.compile(TEXT, trace="yes")
