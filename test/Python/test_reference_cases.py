# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference against the worked cases, most of them computed by the systems' published code."""

import numpy as np
import pytest
from cases import Case, project

from effattn import reference


@pytest.mark.parametrize("name", ["concept_small", "concept_one_token", "concept_tie"])
def test_concepts_of_one_row(name):
    case = Case(name)
    h = case["h"][None]
    p, last = reference.boundary_probability(project(h, case["Wq"]), project(h, case["Wk"]))
    case.check(p[0], "p")
    np.testing.assert_allclose(last[0], project(h, case["Wk"])[0, -1])

    # The tie decides by the last bit of p, so boundaries are taken from the case's own p.
    mask = reference.boundary_mask(case["p"][None])
    np.testing.assert_array_equal(mask[0], case["mask"].astype(bool))
    concepts, counts = reference.chunk(h, mask)
    assert counts.tolist() == [case["mask"].sum()]
    case.check(concepts[0], "concepts")

    e, _ = reference.dechunk(case["y"][None], case["p"][None], mask)
    case.check(e[0], "dechunk")
    out, _ = reference.dechunk(case["y"][None], case["p"][None], mask, residual=h)
    case.check(out[0], "out")
    case.check([reference.ratio_loss(case["p"][None], mask, ratio=case.params["R"])], "aux")


def test_concepts_training_form_sharpens():
    case = Case("concept_small")
    sharp = case["p_sharp"].astype(np.float64)[None]
    below = reference.boundary_mask(case["p"][None], uniforms=sharp - 1e-4)
    above = reference.boundary_mask(case["p"][None], uniforms=sharp + 1e-4)
    assert below.all() and not above.any()


def test_concepts_of_ragged_rows():
    case = Case("concept_ragged_batch")
    h, lengths = case["h"], case["length"]
    p, _ = reference.boundary_probability(project(h, case["Wq"]), project(h, case["Wk"]), lengths=lengths)
    case.check(p, "p")
    mask = reference.boundary_mask(case["p"])
    np.testing.assert_array_equal(mask, case["mask"].astype(bool))
    concepts, counts = reference.chunk(h, mask, lengths=lengths)
    np.testing.assert_array_equal(counts, case["n_concepts"])
    case.check(concepts, "concepts")
    e, _ = reference.dechunk(case["y"], case["p"], mask, lengths=lengths)
    case.check(e, "dechunk")
    out, _ = reference.dechunk(case["y"], case["p"], mask, residual=h, lengths=lengths)
    case.check(out, "out")
    rows = [
        reference.ratio_loss(case["p"][[b]], mask[[b]], lengths=lengths[[b]], ratio=case.params["R"])
        for b in range(len(lengths))
    ]
    case.check(rows, "aux")


@pytest.mark.parametrize("name", ["hnet_basic", "hnet_tie"])
def test_hnet_whole_sequence(name):
    case = Case(name)
    h, lengths = case["h"], case["token_mask"].sum(axis=1)
    p, last = reference.boundary_probability(
        project(h, case["Wq"]), project(h, case["Wk"]), lengths=lengths, pairing="previous_query"
    )
    case.check(p, "p")
    np.testing.assert_allclose(last[0], project(h, case["Wq"])[0, lengths[0] - 1])
    mask = reference.boundary_mask(case["p"], strict=True)
    np.testing.assert_array_equal(mask, case["mask"].astype(bool))
    chunks, counts = reference.chunk(h, mask, lengths=lengths)
    np.testing.assert_array_equal(counts, case["chunk_mask"].sum(axis=1))
    case.check(chunks, "chunks")
    e, _ = reference.dechunk(case["y"], case["p"], mask, lengths=lengths, epsilon=1e-4)
    case.check(e, "dechunk")
    case.check([reference.ratio_loss(case["p"], mask, ratio=3, lengths=lengths)], "lb_loss_n3")


def test_hnet_token_by_token():
    case = Case("hnet_stream_prefill0")
    tokens, width = case["h"].shape
    prev, started, state = np.zeros((1, width)), np.zeros(1, dtype=bool), np.zeros((1, width))
    p, masks, out = [], [], []
    for t in range(tokens):
        h = case["h"][None, t : t + 1]
        p_t, prev = reference.boundary_probability(
            project(h, case["Wq"]),
            project(h, case["Wk"]),
            prev=prev,
            started=started,
            pairing="previous_query",
        )
        started = np.ones(1, dtype=bool)
        mask = reference.boundary_mask(p_t, strict=True)
        concepts, _ = reference.chunk(h, mask)
        y = project(concepts, case["Wmain"])
        e, state = reference.dechunk(y, p_t, mask, state=state, epsilon=1e-4)
        p.append(p_t[0, 0])
        masks.append(mask[0, 0])
        out.append(e[0, 0])
    case.check(np.array(p), "p")
    np.testing.assert_array_equal(masks, case["mask"].astype(bool))
    case.check(np.array(out), "dechunk")
    case.check(state[0], "state_last_value")


@pytest.mark.parametrize("name", ["sepllm_mask_basic", "sepllm_mask_nosep", "sepllm_mask_leftpad"])
def test_separator_mask(name):
    case = Case(name)
    ids, params = case["ids"], case.params
    starts = (ids != params["padding_id"]).argmax(axis=1) if params["batch_adaptive_init"] else None
    mask = reference.separator_mask(
        reference.separator_positions(ids, separators=params["seps"]),
        initial=params["init"],
        window=params["W"],
        starts=starts,
    )
    batch, tokens = ids.shape
    keep = reference.materialize_mask(mask, batch=batch, queries=tokens, keys=tokens)
    np.testing.assert_array_equal(keep[:, 0], case["keep"][0].astype(bool))
    np.testing.assert_array_equal(~keep[:, 0].any(axis=2), case["row_all_masked"][0].astype(bool))

    out, lse = reference.attention(
        case["q"], case["k"], case["v"], mask=mask, scale=params["scale"], return_lse=True
    )
    # A row that keeps no key is 0 by definition, whatever the source computed for it.
    empty = np.broadcast_to(case["row_all_masked"][0].astype(bool)[:, None], lse.shape)
    assert np.all(out[empty] == 0) and np.all(lse[empty] == -np.inf) and np.all(np.isfinite(lse[~empty]))
    case.arrays["defined"] = np.where(empty[..., None], 0.0, case["out"][0])
    case.check(out, "defined")


def test_separator_mask_in_generation():
    case = Case("sepllm_mask_gen_basic")
    params, ids = case.params, case["ids"]
    for step in range(params["steps"]):
        t = params["T0"] + step
        mask = reference.separator_mask(
            reference.separator_positions(ids[:, : t + 1], separators=params["seps"]),
            initial=params["init"],
            window=params["W"],
        )
        keep = reference.materialize_mask(mask, batch=1, queries=1, keys=t + 1)
        np.testing.assert_array_equal(keep[0, 0, 0], case["keep"][step, 0, 0, : t + 1].astype(bool))
        out = reference.attention(
            case["q"][:, :, t : t + 1],
            case["k"][:, :, : t + 1],
            case["v"][:, :, : t + 1],
            mask=mask,
            scale=params["scale"],
        )
        case.arrays["step"] = case["out"][step].reshape(out.shape)
        case.check(out, "step")


@pytest.mark.parametrize("name", ["ram_addr_u2", "ram_addr_digit", "ram_addr_ties"])
def test_addresses(name):
    case = Case(name)
    params, logits = case.params, case["k"]
    options = {"digits": params["U"], "k": params["K"], "temperature": params["tau"]}
    if params["mode"] != "none":
        options.update(
            positions=case["pos"][None], mode={"digit": "digits"}.get(params["mode"], params["mode"])
        )
    flat = logits.reshape(1, len(logits), -1)
    weights, indices = reference.address_decode(flat, **options)
    np.testing.assert_array_equal(indices[0], case["idx"])
    case.check(weights[0], "val")
    if "val_renorm" in case.arrays:
        weights, _ = reference.address_decode(flat, normalize=True, **options)
        case.check(weights[0], "val_renorm")
    if "rho" in case.arrays:
        # The case holds every slot's value where the shift has moved it.
        values = reference.product_softmax(logits, temperature=params["tau"])
        if params["mode"] != "none":
            slots = np.broadcast_to(np.arange(params["M"]), values.shape)[None]
            places = reference.cyclic_shift(
                slots, options["positions"], mode=options["mode"], digits=params["U"], base=params["dp"]
            )
            moved = np.zeros_like(values)
            np.put_along_axis(moved, places[0].astype(np.int64), values, axis=-1)
            values = moved
        case.check(values, "rho")


@pytest.mark.parametrize("name", ["pdma_basic", "pdma_gamma0", "pdma_state"])
def test_address_memory(name):
    case = Case(name)
    width, slots = case["v"].shape[1], case.params["M"]
    memory = case.arrays.get("S0", np.zeros((slots, width)))
    mass = case.arrays.get("z0", np.zeros(slots))
    out, memory, mass = reference.address_memory(
        *(case[key][None] for key in ("w_val", "w_idx", "v", "r_val", "r_idx")),
        memory[None],
        mass[None],
        gamma=case.params["gamma"],
        epsilon=case.params["eps"],
    )
    case.check(out[0], "o")
    case.check(memory[0], "S")
    case.check(mass[0], "z")
