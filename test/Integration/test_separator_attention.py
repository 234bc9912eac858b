"""Where separators stand, and SepLLM's attention over them: worked cases of its own code."""

import json
import os
import pathlib

import harness
import numpy as np
import pytest
from harness import assert_close
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

CASES = pathlib.Path(
    os.environ.get("EFFATTN_CASES", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "cases")
)

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


# Worked cases

CASE_IR = """
func.func @case_{name}(%ids: tensor<?x?xi32>, %q: tensor<?x?x?x?xf32>, %k: tensor<?x?x?x?xf32>,
    %v: tensor<?x?x?x?xf32>{starts_argument}) -> (tensor<?x?x?x?xf32>, tensor<?x?x?xf32>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %b = tensor.dim %q, %c0 : tensor<?x?x?x?xf32>
  %h = tensor.dim %q, %c1 : tensor<?x?x?x?xf32>
  %t = tensor.dim %q, %c2 : tensor<?x?x?x?xf32>
  %e = tensor.dim %v, %c3 : tensor<?x?x?x?xf32>
  %s = tensor.dim %ids, %c1 : tensor<?x?xi32>
  %flags = tensor.empty(%b, %s) : tensor<?x?xi1>
  %separators = effattn.separator_positions ins(%ids : tensor<?x?xi32>)
    outs(%flags : tensor<?x?xi1>) {{separators = array<i64: {separators}>}}
  %out = tensor.empty(%b, %h, %t, %e) : tensor<?x?x?x?xf32>
  %lse = tensor.empty(%b, %h, %t) : tensor<?x?x?xf32>
  %0:2 = effattn.attention ins(%q, %k, %v : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>)
    outs(%out, %lse : tensor<?x?x?x?xf32>, tensor<?x?x?xf32>) {{scale = {scale}}} mask {{
    %mask = effattn.separator_mask %separators : tensor<?x?xi1>{starts} {{initial = {init}, window = {W}}}
    effattn.yield %mask : !effattn.mask
  }}
  return %0#0, %0#1 : tensor<?x?x?x?xf32>, tensor<?x?x?xf32>
}}"""


def load_case(name):
    if not CASES.exists():
        pytest.skip("the worked cases are not here: set EFFATTN_CASES to their folder")
    manifest = json.loads((CASES / "manifest.json").read_text())["cases"][name]
    return dict(np.load(CASES / f"{name}.npz")), manifest["params"], manifest["tol"]


def compile_case(name, params, padded=False):
    text = CASE_IR.format(
        name=name,
        separators=", ".join(map(str, params["seps"])),
        scale=repr(float(params["scale"])),
        init=params["init"],
        W=params["W"],
        starts_argument=", %starts: tensor<?xi64>" if padded else "",
        starts=" starts(%starts : tensor<?xi64>)" if padded else "",
    )
    return getattr(harness.compile_ir(text), f"case_{name}")


@pytest.mark.parametrize("name", ["sepllm_mask_basic", "sepllm_mask_nosep", "sepllm_mask_leftpad"])
def test_separator_attention_cases(name):
    arrays, params, tolerance = load_case(name)
    padded = bool(params["batch_adaptive_init"])
    starts = [(arrays["ids"] != params["padding_id"]).argmax(axis=1)] if padded else []
    function = compile_case(name, params, padded)
    out, lse = function(arrays["ids"], arrays["q"], arrays["k"], arrays["v"], *starts)
    # A row that keeps no key is 0 by definition, whatever the source computed for it.
    empty = np.broadcast_to(arrays["row_all_masked"][0].astype(bool)[:, None], lse.shape)
    np.testing.assert_array_equal(lse == -np.inf, empty)
    assert_close(out, np.where(empty[..., None], 0, arrays["out"][0]), tolerance)


def test_separator_attention_in_generation():
    arrays, params, tolerance = load_case("sepllm_mask_gen_basic")
    function = compile_case("sepllm_mask_gen_basic", params)
    for step in range(params["steps"]):
        t = params["T0"] + step
        k, v = (np.ascontiguousarray(arrays[name][:, :, : t + 1]) for name in "kv")
        q = np.ascontiguousarray(arrays["q"][:, :, t : t + 1])
        out, _ = function(np.ascontiguousarray(arrays["ids"][:, : t + 1]), q, k, v)
        assert_close(out, arrays["out"][step].reshape(out.shape), tolerance)


# separator_positions

POSITIONS_IR = """
func.func @listed(%ids: tensor<?x?xi64>) -> tensor<?x?xi1> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %ids, %c0 : tensor<?x?xi64>
  %s = tensor.dim %ids, %c1 : tensor<?x?xi64>
  %flags = tensor.empty(%b, %s) : tensor<?x?xi1>
  %0 = effattn.separator_positions ins(%ids : tensor<?x?xi64>) outs(%flags : tensor<?x?xi1>)
    {separators = array<i64: 5, -1, 2, 5>}
  return %0 : tensor<?x?xi1>
}
func.func @listed32(%ids: tensor<?x3xi32>) -> tensor<?x3xi1> {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %ids, %c0 : tensor<?x3xi32>
  %flags = tensor.empty(%b) : tensor<?x3xi1>
  %0 = effattn.separator_positions ins(%ids : tensor<?x3xi32>) outs(%flags : tensor<?x3xi1>)
    {separators = array<i64: 4294967298>}
  return %0 : tensor<?x3xi1>
}
func.func @none(%ids: tensor<?x3xi32>) -> tensor<?x3xi1> {
  %c0 = arith.constant 0 : index
  %b = tensor.dim %ids, %c0 : tensor<?x3xi32>
  %flags = tensor.empty(%b) : tensor<?x3xi1>
  %0 = effattn.separator_positions ins(%ids : tensor<?x3xi32>) outs(%flags : tensor<?x3xi1>)
    {separators = array<i64>}
  return %0 : tensor<?x3xi1>
}
func.func @flagged(%ids: tensor<?x?xi32>, %bitmap: tensor<?xi1>) -> tensor<?x?xi1> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = tensor.dim %ids, %c0 : tensor<?x?xi32>
  %s = tensor.dim %ids, %c1 : tensor<?x?xi32>
  %flags = tensor.empty(%b, %s) : tensor<?x?xi1>
  %0 = effattn.separator_positions ins(%ids : tensor<?x?xi32>) bitmap(%bitmap : tensor<?xi1>)
    outs(%flags : tensor<?x?xi1>)
  return %0 : tensor<?x?xi1>
}"""


@given(seeds, st.integers(0, 3), st.integers(0, 9))
def test_separator_positions(rng, batch, keys):
    library = harness.compile_ir(POSITIONS_IR)
    ids = rng.integers(-2, 7, (batch, keys))
    want = reference.separator_positions(ids, separators=[5, -1, 2])
    np.testing.assert_array_equal(library.listed(ids)[0], want)
    ids, bitmap = rng.integers(0, 7, (batch, keys)).astype(np.int32), rng.random(7) < 0.5
    want = reference.separator_positions(ids, bitmap=bitmap)
    np.testing.assert_array_equal(library.flagged(ids, bitmap)[0], want)


def test_separator_lists_are_not_cut_to_the_type_of_ids():
    library = harness.compile_ir(POSITIONS_IR)
    ids = np.array([[2, 0, -1]], np.int32)
    assert not library.listed32(ids)[0].any() and not library.none(ids)[0].any()


@pytest.mark.parametrize("wrong", [-1, 4])
def test_ids_outside_of_the_bitmap(wrong):
    ids = np.array([[0, 1], [wrong, 9]], np.int32)
    with pytest.raises(harness.CallError, match=rf"expected ids to lie in \[0, 4\), but got {wrong} at \[1, 0\]"):
        harness.compile_ir(POSITIONS_IR).flagged(ids, np.zeros(4, bool))
