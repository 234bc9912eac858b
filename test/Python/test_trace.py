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
