# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed-forward layers, embeddings, codebooks and joint decoding against the worked cases."""

import numpy as np
from cases import Case, project

from effattn import reference as ref


def transposed(*weights):
    """Weights stored (.., out, in) as the (.., in, out) that ops take."""
    return [np.swapaxes(weight, -1, -2) for weight in weights]


def test_hourglass():
    case = Case("hourglass_k3")
    gate, up, down = transposed(case["Wg"], case["Wu"], case["Wd"])
    out = ref.hourglass_ffn(case["x"], case["gamma"], gate, up, down, epsilon=case.params["eps"])
    case.check(out, "y")
    case.check(out - case["x"], "delta")
    for blocks in range(1, case.params["K"] + 1):
        part = ref.hourglass_ffn(case["x"], case["gamma"][:blocks], gate[:blocks], up[:blocks], down[:blocks])
        case.arrays["step"] = case["steps"][blocks - 1]
        case.check(part, "step")


def test_experts():
    case = Case("moe_k2")
    router, gate, up, down = transposed(case["Wr"], case["W1"], case["W3"], case["W2"])
    gates, experts, load_balance = ref.moe_route(
        case["x"], router, k=case.params["K"], normalize=case.params["renormalise"]
    )
    np.testing.assert_array_equal(experts, case["idx"])
    case.check(gates, "gate")
    case.check([load_balance], "lb")
    case.check(np.bincount(experts.ravel(), minlength=case.params["E"]) / experts.size, "load")
    case.check(ref.moe_ffn(case["x"], gates, experts, gate, up, down), "y")
    all_gates, all_experts, _ = ref.moe_route(case["x"], router, k=case.params["E"], normalize=False)
    order = np.argsort(all_experts, axis=1)
    case.check(np.take_along_axis(all_gates, order, axis=1), "probs")


def test_tensor_train():
    case = Case("tt_d3")
    cores = [case[f"core{c}"] for c in range(3)]
    case.check(ref.tensor_train_embedding(case["ids"], *cores, vocabulary=case.params["V"]), "rows")


def quantized_table(case):
    """The case's rows in one stream of bytes, split into tables of 4 and 8 bits."""
    wide, width = case["hi"].astype(bool), case.params["D"]
    halves = (width + 1) // 2
    rows = [
        case["packed"][start : start + (width if hi else halves)]
        for start, hi in zip(case["row_offset"], wide)
    ]
    codes4 = np.array([row for row, hi in zip(rows, wide) if not hi]).reshape(-1, halves)
    codes8 = np.array([row for row, hi in zip(rows, wide) if hi]).reshape(-1, width).view(np.int8)
    row_index = np.where(wide, np.cumsum(wide) - 1, np.cumsum(~wide) - 1)
    return codes4, codes8, case["hi"], row_index, case["scale"][:, None]


def test_rows_of_mixed_precision():
    case = Case("mixq_p30")
    table, every = quantized_table(case), np.arange(case.params["V"])
    case.check(ref.quantized_embedding(every, *table), "deq")
    near = {"nearest": case["src_row"], "nearest_weight": case["alpha"]}
    case.check(ref.quantized_embedding(every, *table, **near), "compensated")
    case.check(ref.quantized_embedding(case["ids"], *table, **near), "lookup")

    halves = case["rq"].astype(np.uint8) & 15
    residual = {
        "residual_codes": halves[:, 0::2] | halves[:, 1::2] << 4,
        "residual_scales": case["rscale"][:, None],
    }
    case.check(ref.quantized_embedding(every, *table, **residual), "compensated2")

    x = case["E"][:5]
    for options in ({}, near, residual):
        rows = ref.quantized_embedding(every, *table, **options)
        np.testing.assert_allclose(
            ref.quantized_matmul(x, *table, **options), x @ rows.T, rtol=1e-9, atol=1e-9
        )


def test_domains():
    case = Case("lora_d3")
    table, factors, alpha = case["E"], (case["A"], case["B"]), case.params["alpha"]
    case.check(ref.lora_embedding(case["ids"], table, *factors, weights=case["w"], alpha=alpha), "y")
    case.check(ref.lora_embedding(np.arange(len(table)), table, *factors, alpha=alpha), "merged")


def test_codes():
    case = Case("vq_basic")
    groups = case.params["groups"]
    codebook = np.concatenate(list(case["codebook"]), axis=-1)
    codes, quantized = ref.vector_quantize(case["x"], codebook, groups=groups)
    np.testing.assert_array_equal(codes.reshape(-1, groups), case["idx"])
    case.check(quantized, "quantised")
    case.check(np.sum((case["x"] - quantized) ** 2, axis=-1, keepdims=True), "dist")


def test_joint_decoding():
    case = Case("joint_small")
    heads, (tokens, width) = case.params["H"], case["h"].shape

    def joint(name):
        rows = project(case["h"], case[f"W{name}"]) + project(case["c"], case[f"W{name}c"])
        return rows.reshape(1, tokens, heads, width // heads).transpose(0, 2, 1, 3)

    out = ref.attention(joint("q"), joint("k"), joint("v"), mask=ref.causal_mask())
    case.check(project(out.transpose(0, 2, 1, 3).reshape(tokens, width), case["Wo"]), "out")
