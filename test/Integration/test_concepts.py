"""Compiled concept ops against the reference, over random shapes, types and raggedness."""

import json
import os
import pathlib

import harness
import ml_dtypes
import numpy as np
import pytest
from concept_programs import chunk_ir, count_ir, dechunk_ir, loss_ir, mask_ir, probability_ir
from harness import assert_close
from hypothesis import given
from hypothesis import strategies as st

from effattn import reference

CASES = pathlib.Path(
    os.environ.get("EFFATTN_CASES", pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "cases")
)
DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16, "f16": np.float16}
# One rounding of the result; the sums before it are f32 or f64.
ROUNDING = {"f32": 2.0**-23, "bf16": 2.0**-8, "f16": 2.0**-11}
# A moving average in f32 rounds thrice a concept, and old errors decay.
AVERAGE = {"f32": 4e-6, "bf16": 2.0**-8 + 4e-6, "f16": 2.0**-11 + 4e-6}

PROBABILITY_OPTIONS = [
    (),
    ("resume",),
    ("resume", "started", "lengths"),
    ("ids", "lengths"),
    ("resume", "started", "ids", "lengths"),
]
DECHUNK_OPTIONS = [(), ("resume",), ("residual",), ("ids", "lengths"), ("resume", "residual", "ids", "lengths")]
WAYS = [(), ("--cpu=x86-64-v3", "--threads=none"), ("--cpu=x86-64",), ("--lowering=linalg",)]
PAIRINGS = ["current_query", "previous_query"]


def name_of(*parts):
    return "_".join(str(part) for part in parts)


def by_type(element):
    """All ops whose code depends on the element type."""
    functions = [
        probability_ir(name_of("probability", pairing, *options), element, pairing, options)
        for pairing in PAIRINGS
        for options in PROBABILITY_OPTIONS
    ]
    functions += [
        chunk_ir(name_of("chunk", overflow, *options), element, options, overflow)
        for overflow in ("error", "drop")
        for options in ((), ("lengths",))
    ]
    functions += [
        dechunk_ir(name_of("dechunk", i, *options), element, options, epsilon)
        for i, epsilon in enumerate((0.0, 1e-4))
        for options in DECHUNK_OPTIONS
    ]
    return harness.compile_ir("\n".join(functions))


def on_probabilities():
    """The ops whose operands have one type."""
    return harness.compile_ir(
        "\n".join(
            [
                mask_ir("at_least_half", ()),
                mask_ir("above_half", (), "strict = true"),
                mask_ir("at_least", (), "threshold = 0.7"),
                mask_ir("above", (), "threshold = 0.7, strict = true"),
                mask_ir("drawn", ("uniforms",)),
                count_ir("count", ()),
                count_ir("count_lengths", ("lengths",)),
                loss_ir("loss", (), 4.0),
                loss_ir("loss_lengths", ("lengths",), 1.5),
            ]
        )
    )


elements = st.sampled_from(sorted(DTYPES))
sizes = st.sampled_from([0, 1, 2, 3, 5, 7, 8, 17])
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def normal(rng, element, *shape):
    return rng.standard_normal(shape).astype(DTYPES[element])


def flags(rng, share, *shape):
    return rng.random(shape) < share


def probabilities(rng, *shape):
    """Random, with the values at which something happens among them."""
    p = rng.random(shape, dtype=np.float32)
    special = rng.choice(np.array([0, 0.5, 0.7, 1], np.float32), shape)
    return np.where(flags(rng, 0.3, *shape), special, p)


def select(options, **operands):
    """The operands that are used, in the order of the function's arguments."""
    return [value for name, value in operands.items() if name in options]


@given(seeds, elements, sizes, sizes, sizes, st.sampled_from(PAIRINGS), st.sampled_from(PROBABILITY_OPTIONS))
def test_boundary_probability(rng, element, batch, tokens, width, pairing, options):
    q, k = normal(rng, element, batch, tokens, width), normal(rng, element, batch, tokens, width)
    # Alike neighbours and zero vectors are the edges of p.
    q[flags(rng, 0.1, batch, tokens)] = 0
    same = flags(rng, 0.2, batch, tokens)
    q[same] = k[same]
    last = normal(rng, element, batch, width)
    started = flags(rng, 0.5, batch)
    ids = np.cumsum(flags(rng, 0.3, batch, tokens), axis=1)
    lengths = rng.integers(0, tokens + 1, batch).astype(np.int32)
    function = getattr(by_type(element), name_of("probability", pairing, *options))
    p, next_last = function(
        q, k, *select(options, resume=last, started=started, ids=ids, lengths=lengths)
    )
    want_p, want_last = reference.boundary_probability(
        q,
        k,
        prev=last if "resume" in options else None,
        started=started if "started" in options else None,
        sequence_ids=ids if "ids" in options else None,
        lengths=lengths if "lengths" in options else None,
        pairing=pairing,
    )
    assert_close(p, want_p, ROUNDING["f32"])
    np.testing.assert_array_equal(next_last.astype(np.float64), want_last)


def test_boundary_probability_of_extreme_vectors():
    function = by_type("f32").probability_current_query
    rng = np.random.default_rng(0)
    q, k = normal(rng, "f32", 1, 64, 129), normal(rng, "f32", 1, 64, 129)
    p, _ = function(q, k)
    # Squares of both overflow or vanish in f32.
    for scale in (1e30, 1e-10):
        scaled, _ = function(q * np.float32(scale), k * np.float32(scale))
        assert_close(scaled, p, 1e-6)
    zeros, _ = function(q * 0, k)
    np.testing.assert_array_equal(zeros[0], [1.0] + [0.5] * 63)
    q[0, 3, 5] = np.nan
    nan, _ = function(q, k)
    assert np.flatnonzero(np.isnan(nan[0])).tolist() == [3]


def test_boundary_probability_of_orthogonal_vectors_is_a_tie():
    # Every product cancels against another, far apart and of any size.
    rng = np.random.default_rng(1)
    half = rng.standard_normal((1, 32, 501)).astype(np.float32) * np.float32(1e3)
    q, k = np.concatenate([half, half], axis=2), np.concatenate([half, -half], axis=2)
    k = np.roll(k, -1, axis=1)
    p, _ = by_type("f32").probability_current_query(q, k)
    np.testing.assert_array_equal(p[0], [1.0] + [0.5] * 31)


@given(seeds, sizes, sizes)
def test_boundary_mask(rng, batch, tokens):
    library = on_probabilities()
    p = probabilities(rng, batch, tokens)
    p[flags(rng, 0.05, batch, tokens)] = np.nan
    uniforms = probabilities(rng, batch, tokens)
    for name, options in {
        "at_least_half": {},
        "above_half": {"strict": True},
        "at_least": {"threshold": 0.7},
        "above": {"threshold": 0.7, "strict": True},
    }.items():
        (mask,) = getattr(library, name)(p)
        np.testing.assert_array_equal(mask, reference.boundary_mask(p, **options))
    (mask,) = library.drawn(p, uniforms)
    np.testing.assert_array_equal(mask, reference.boundary_mask(p, uniforms=uniforms))


def test_boundary_mask_draws_next_to_the_sharpened_probability():
    library = on_probabilities()
    p = np.linspace(0, 1, 1001, dtype=np.float32)[None]
    wide = p.astype(np.float64)
    sharpened = np.where(wide > 0.5, wide ** (1 / 6), 1 - (1 - wide) ** (1 / 6)).astype(np.float32)
    for towards in (np.float32(0), np.float32(1)):
        uniforms = np.nextafter(sharpened, towards)
        (mask,) = library.drawn(p, uniforms)
        np.testing.assert_array_equal(mask, reference.boundary_mask(p, uniforms=uniforms))


@given(seeds, sizes, sizes, st.booleans())
def test_boundary_count(rng, batch, tokens, ragged):
    mask, lengths = flags(rng, 0.5, batch, tokens), rng.integers(0, tokens + 1, batch).astype(np.int32)
    library = on_probabilities()
    if ragged:
        counts, largest = library.count_lengths(mask, lengths)
        want = reference.boundary_count(mask, lengths=lengths)
    else:
        counts, largest = library.count(mask)
        want = reference.boundary_count(mask)
    np.testing.assert_array_equal(counts, want[0])
    assert largest == want[1]


@given(seeds, elements, sizes, sizes, sizes, st.integers(0, 18), st.booleans())
def test_chunk(rng, element, batch, tokens, width, capacity, ragged):
    h, mask = normal(rng, element, batch, tokens, width), flags(rng, 0.5, batch, tokens)
    lengths = rng.integers(0, tokens + 1, batch)
    operands, options = ([lengths], ("lengths",)) if ragged else ([], ())
    library = by_type(element)
    known = {"lengths": lengths if ragged else None, "capacity": capacity}
    concepts, counts = getattr(library, name_of("chunk_drop", *options))(h, mask, capacity, *operands)
    want, want_counts = reference.chunk(h, mask, overflow="drop", **known)
    np.testing.assert_array_equal(concepts.astype(np.float64), want)
    np.testing.assert_array_equal(counts, want_counts)

    strict = getattr(library, name_of("chunk_error", *options))
    found, largest = reference.boundary_count(mask, lengths=known["lengths"])
    if largest <= capacity:
        concepts, counts = strict(h, mask, capacity, *operands)
        np.testing.assert_array_equal(concepts.astype(np.float64), want)
        np.testing.assert_array_equal(counts, want_counts)
        return
    with pytest.raises(harness.CallError) as error:
        strict(h, mask, capacity, *operands)
    row = int(np.argmax(found > capacity))
    assert error.value.code == 2
    assert str(error.value).endswith(
        f"'effattn.chunk' op expected at most {capacity} boundaries (capacity), "
        f"but got {found[row]} in row {row}"
    )


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("element, width", [("f32", 3), ("bf16", 21)])
def test_chunk_of_many_blocks_of_tokens(way, element, width):
    """Blocks have 1024 tokens, and tasks several blocks where a row has more than 64."""
    library = harness.compile_ir(chunk_ir("chunk", element, ("lengths",), "drop"), *way)
    rng = np.random.default_rng(0)
    cases = [(tokens, share) for tokens in (1023, 1024, 1025, 3000) for share in (0.0, 0.3, 1.0)]
    for tokens, share in [*cases, (70000, 0.3)]:
        h, mask = normal(rng, element, 4, tokens, width), flags(rng, share, 4, tokens)
        lengths = np.array([tokens, 0, tokens - 1, tokens // 3])
        for capacity in (0, 700, 1024, tokens + 1500):
            concepts, counts = library.chunk(h, mask, capacity, lengths)
            want, want_counts = reference.chunk(h, mask, overflow="drop", lengths=lengths, capacity=capacity)
            np.testing.assert_array_equal(concepts.astype(np.float64), want)
            np.testing.assert_array_equal(counts, want_counts)


@pytest.mark.cpu  # kernels list nothing
def test_chunk_of_more_blocks_than_a_task_lists():
    tokens, lengths = 600_000, np.array([599_999])
    library = harness.compile_ir(chunk_ir("chunk", "f32", ("lengths",), "drop"))
    rng = np.random.default_rng(0)
    h, mask = normal(rng, "f32", 1, tokens, 2), flags(rng, 0.02, 1, tokens)
    for capacity in (5000, 13000):
        concepts, counts = library.chunk(h, mask, capacity, lengths)
        want, want_counts = reference.chunk(h, mask, overflow="drop", lengths=lengths, capacity=capacity)
        np.testing.assert_array_equal(concepts, want)
        np.testing.assert_array_equal(counts, want_counts)


@given(
    seeds, elements, sizes, sizes, st.integers(0, 9), sizes, st.sampled_from(DECHUNK_OPTIONS), st.integers(0, 1)
)
def test_dechunk(rng, element, batch, tokens, concepts, width, options, clamped):
    y, residual = normal(rng, element, batch, concepts, width), normal(rng, element, batch, tokens, width)
    p, mask = probabilities(rng, batch, tokens), flags(rng, 0.5, batch, tokens)
    state = normal(rng, "f32", batch, width)
    ids = np.cumsum(flags(rng, 0.3, batch, tokens), axis=1).astype(np.int32)
    lengths = rng.integers(0, tokens + 1, batch)
    # Nobody looks at padding tokens, nor at p between boundaries.
    if "lengths" in options:
        p[np.arange(tokens) >= lengths[:, None]] = np.nan
        residual[np.arange(tokens) >= lengths[:, None]] = np.nan
    p[~mask] = np.nan
    function = getattr(by_type(element), name_of("dechunk", clamped, *options))
    out, next_state = function(
        y, p, mask, *select(options, resume=state, residual=residual, ids=ids, lengths=lengths)
    )
    want, want_state = reference.dechunk(
        y,
        p,
        mask,
        state=state if "resume" in options else None,
        residual=residual if "residual" in options else None,
        sequence_ids=ids if "ids" in options else None,
        lengths=lengths if "lengths" in options else None,
        epsilon=1e-4 if clamped else 0.0,
    )
    assert_close(out, want, AVERAGE[element])
    assert_close(next_state, want_state, AVERAGE["f32"])


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("element, options", [("f32", ()), ("bf16", ("resume", "residual", "ids", "lengths"))])
def test_dechunk_shares_the_columns_of_wide_rows(way, element, options):
    width, rng = 768, np.random.default_rng(0)
    library = harness.compile_ir(dechunk_ir("f", element, options, 0.0, width=width), *way)
    for batch, tokens, concepts in [(1, 84, 30), (1, 85, 60), (3, 200, 150), (1, 0, 0), (1, 200, 0)]:
        y, residual = normal(rng, element, batch, concepts, width), normal(rng, element, batch, tokens, width)
        p, mask = probabilities(rng, batch, tokens), flags(rng, 0.5, batch, tokens)
        state = normal(rng, "f32", batch, width)
        ids = np.cumsum(flags(rng, 0.1, batch, tokens), axis=1).astype(np.int32)
        lengths = rng.integers(0, tokens + 1, batch)
        more = dict(resume=state, residual=residual, ids=ids, lengths=lengths)
        out, next_state = library.f(y, p, mask, *select(options, **more))
        named = {"resume": "state", "ids": "sequence_ids"}
        given = {named.get(option, option): more[option] for option in options}
        want, want_state = reference.dechunk(y, p, mask, epsilon=0.0, **given)
        assert_close(out, want, AVERAGE[element])
        assert_close(next_state, want_state, AVERAGE["f32"])


def test_dechunk_adds_the_residual_before_rounding():
    library = harness.compile_ir(dechunk_ir("f", "bf16", ("residual",), 0.0, residual="f32"))
    # e = 1 - 2^-9 is a tie that bf16 rounds to 1; with the residual it is none.
    y, residual = np.ones((1, 1, 1), ml_dtypes.bfloat16), np.full((1, 1, 1), -(2.0**-10), np.float32)
    p = np.full((1, 1), 1 - 2.0**-9, np.float32)
    out, _ = library.f(y, p, np.ones((1, 1), bool), residual)
    assert float(out[0, 0, 0]) == 1 - 2.0**-8


def test_a_sum_that_is_fused_into_dechunk_stays_the_same():
    # dechunk and the sum as a model writes them, beside dechunk with a residual.
    separate = """
func.func @separate(%h: tensor<?x?x?xf32>, %y: tensor<?x?x?xf32>, %p: tensor<?x?xf32>, %mask: tensor<?x?xi1>)
    -> tensor<?x?x?xf32> {
  %e, %state = func.call @plain(%y, %p, %mask)
    : (tensor<?x?x?xf32>, tensor<?x?xf32>, tensor<?x?xi1>) -> (tensor<?x?x?xf32>, tensor<?x?xf32>)
  %sum = arith.addf %h, %e : tensor<?x?x?xf32>
  return %sum : tensor<?x?x?xf32>
}"""
    plain = dechunk_ir("plain", "f32", (), 0.0).replace("func.func @", "func.func private @")
    library = harness.compile_ir("\n".join([separate, plain, dechunk_ir("fused", "f32", ("residual",), 0.0)]))
    rng = np.random.default_rng(3)
    y, h = normal(rng, "f32", 3, 9, 33), normal(rng, "f32", 3, 21, 33)
    p, mask = probabilities(rng, 3, 21), flags(rng, 0.5, 3, 21)
    np.testing.assert_array_equal(library.separate(h, y, p, mask)[0], library.fused(y, p, mask, h)[0])


@given(seeds, sizes, sizes, st.booleans())
def test_ratio_loss(rng, batch, tokens, ragged):
    p, mask = probabilities(rng, batch, tokens), flags(rng, 0.3, batch, tokens)
    lengths = rng.integers(0, tokens + 1, batch).astype(np.int32)
    library = on_probabilities()
    if ragged:
        p[np.arange(tokens) >= lengths[:, None]] = np.nan
        (loss,) = library.loss_lengths(p, mask, lengths)
        want = reference.ratio_loss(p, mask, lengths=lengths, ratio=1.5)
    else:
        (loss,) = library.loss(p, mask)
        want = reference.ratio_loss(p, mask, ratio=4.0)
    assert_close(loss, want, ROUNDING["f32"])


def test_ratio_loss_of_a_million_tokens():
    rng = np.random.default_rng(2)
    p, mask = rng.random((2, 500_000), dtype=np.float32), flags(rng, 0.25, 2, 500_000)
    (loss,) = on_probabilities().loss(p, mask)
    assert_close(loss, reference.ratio_loss(p, mask, ratio=4.0), ROUNDING["f32"])


def pieces_of(cuts, lengths):
    """Slices of the tokens and the valid tokens of each row inside of them."""
    for start, stop in zip(cuts[:-1], cuts[1:]):
        yield slice(start, stop), np.clip(lengths - start, 0, stop - start)


@given(seeds, elements, st.sampled_from([1, 2, 3]), st.integers(0, 13), st.sampled_from(PAIRINGS), st.booleans())
def test_any_split_gives_the_same(rng, element, batch, tokens, pairing, one_by_one):
    """Boundaries, concepts and tokens of a stream do not depend on its pieces."""
    library, width = by_type(element), 6
    probability = getattr(library, name_of("probability", pairing, *PROBABILITY_OPTIONS[2]))
    dechunk = getattr(library, name_of("dechunk_1", *DECHUNK_OPTIONS[4]))
    q, k = normal(rng, element, batch, tokens, width), normal(rng, element, batch, tokens, width)
    y = normal(rng, element, batch, tokens, width)
    h = normal(rng, element, batch, tokens, width)
    lengths = rng.integers(0, tokens + 1, batch)
    inner = range(tokens + 1) if one_by_one else sorted(rng.integers(0, tokens + 1, 3).tolist())

    def run(cuts):
        last, state = np.zeros((batch, width), DTYPES[element]), np.zeros((batch, width), np.float32)
        started, kept = np.zeros(batch, bool), np.zeros(batch, int)
        scores, masks, outs = [], [], []
        for piece, valid in pieces_of(cuts, lengths):
            p, last = probability(q[:, piece].copy(), k[:, piece].copy(), last, started, valid.astype(np.int32))
            (mask,) = on_probabilities().at_least_half(p)
            counts, largest = on_probabilities().count_lengths(mask, valid.astype(np.int32))
            concepts = np.zeros((batch, int(largest), width), DTYPES[element])
            for row in range(batch):
                concepts[row, : counts[row]] = y[row, kept[row] : kept[row] + counts[row]]
            ids = np.zeros(mask.shape, np.int32)
            out, state = dechunk(concepts, p, mask, state, h[:, piece].copy(), ids, valid)
            started, kept = started | (valid > 0), kept + counts
            scores.append(p), masks.append(mask), outs.append(out)
        return np.concatenate(scores, 1), np.concatenate(masks, 1), np.concatenate(outs, 1), last, state

    whole, split = run([0, tokens]), run([0, *inner, tokens])
    assert_close(split[0], whole[0].astype(np.float64), ROUNDING["f32"])
    for got, want in zip(split[1:], whole[1:]):
        np.testing.assert_array_equal(got, want)


def test_lengths_outside_the_tokens_are_refused():
    mask = np.ones((2, 3), bool)
    with pytest.raises(harness.CallError, match="lengths of row 1 to be between 0 and the token count 3, but got 4"):
        on_probabilities().count_lengths(mask, np.array([3, 4], np.int32))


class Case:
    """A worked case of the systems' published code."""

    def __init__(self, name):
        if not (CASES / "manifest.json").is_file():
            pytest.skip(f"no worked cases in {CASES}; set EFFATTN_CASES to their folder")
        entry = json.loads((CASES / "manifest.json").read_text())["cases"][name]
        self.params, self.tolerance = entry["params"], entry["tol"]
        with np.load(CASES / f"{name}.npz") as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}

    def batch(self, key):
        """An array with a dimension of rows, flags as bool."""
        array = self.arrays[key]
        array = array if "length" in self.arrays or "token_mask" in self.arrays else array[None]
        return array.astype(bool) if array.dtype == np.uint8 else array

    def project(self, h, weight):
        return (h.astype(np.float64) @ self.arrays[weight].astype(np.float64).T).astype(np.float32)

    def check(self, got, key):
        assert_close(got, self.batch(key), self.tolerance)


@pytest.mark.parametrize(
    "name", ["concept_small", "concept_one_token", "concept_tie", "concept_ragged_batch", "hnet_basic", "hnet_tie"]
)
def test_worked_cases(name):
    case, library = Case(name), by_type("f32")
    is_hnet = name.startswith("hnet")
    h, p, mask, y = case.batch("h"), case.batch("p"), case.batch("mask"), case.batch("y")
    tokens = np.full(len(h), h.shape[1], np.int32)
    lengths = case.arrays.get("length", tokens)
    probability = getattr(
        library, name_of("probability", PAIRINGS[is_hnet], "resume", "started", "lengths")
    )
    last = np.zeros((len(h), h.shape[2]), np.float32)
    got, _ = probability(
        case.project(h, "Wq"), case.project(h, "Wk"), last, np.zeros(len(h), bool), lengths
    )
    case.check(got, "p")
    decide = on_probabilities().above_half if is_hnet else on_probabilities().at_least_half
    np.testing.assert_array_equal(decide(p)[0], mask)

    # The decision has been checked: p at a tie may differ in its last bit.
    counts, largest = on_probabilities().count_lengths(mask, lengths)
    concepts, kept = library.chunk_error_lengths(h, mask, int(largest), lengths.astype(np.int64))
    np.testing.assert_array_equal(kept, counts)
    case.check(concepts, "chunks" if is_hnet else "concepts")

    ids = np.zeros(p.shape, np.int32)
    dechunk = getattr(library, name_of("dechunk", int(is_hnet), "ids", "lengths"))
    e, _ = dechunk(y, p, mask, ids, lengths.astype(np.int64))
    case.check(e, "dechunk")
    if not is_hnet:
        residual = getattr(library, name_of("dechunk_0", *DECHUNK_OPTIONS[4]))
        state = np.zeros((len(h), h.shape[2]), np.float32)
        out, _ = residual(y, p, mask, state, h, ids, lengths.astype(np.int64))
        case.check(out, "out")
        losses = harness.compile_ir(loss_ir("loss", ("lengths",), float(case.params["R"])))
        for row in range(len(h)):
            (loss,) = losses.loss(p[[row]], mask[[row]], lengths[[row]].astype(np.int32))
            assert_close(loss, case.arrays["aux"][row], case.tolerance)


def test_worked_case_token_by_token():
    case, library = Case("hnet_stream_prefill0"), by_type("f32")
    h, width = case.batch("h"), case.arrays["h"].shape[1]
    probability = getattr(library, name_of("probability_previous_query", *PROBABILITY_OPTIONS[2]))
    last, state = np.zeros((1, width), np.float32), np.zeros((1, width), np.float32)
    started, ids = np.zeros(1, bool), np.zeros((1, 1), np.int32)
    dechunk = getattr(library, name_of("dechunk_1", "resume"))
    scores, masks, outs = [], [], []
    for t in range(h.shape[1]):
        token = h[:, t : t + 1].copy()
        p, last = probability(
            case.project(token, "Wq"), case.project(token, "Wk"), last, started, np.ones(1, np.int32)
        )
        started = np.ones(1, bool)
        (mask,) = on_probabilities().above_half(p)
        concepts, _ = library.chunk_drop(token, mask, 1)
        e, state = dechunk(case.project(concepts, "Wmain"), p, mask, state)
        scores.append(p), masks.append(mask), outs.append(e)
    case.check(np.concatenate(scores, 1), "p")
    np.testing.assert_array_equal(np.concatenate(masks, 1), case.batch("mask"))
    case.check(np.concatenate(outs, 1), "dechunk")
    case.check(state, "state_last_value")
