# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables that the tests compress, and what holds for every compressed table."""

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from strategies import seeds

TYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f64": np.float64}
# Operands of these types round what the algorithms compute: parts of the norm of a table.
ROUNDING = {"f32": 1e-6, "f64": 1e-6, "f16": 2e-3, "bf16": 2e-2}


@st.composite
def tables(draw, most_rows=24, most_columns=12, dtype=np.float32):
    """A table of any shape, sometimes of low rank, sometimes with rows of zeros or repeated rows."""
    rng = draw(seeds)
    rows, columns = draw(st.integers(1, most_rows)), draw(st.integers(1, most_columns))
    table = rng.normal(size=(rows, columns))
    kind = draw(st.sampled_from(["full", "low rank", "zero rows", "repeated", "zero"]))
    if kind == "low rank":
        table = rng.normal(size=(rows, 1)) @ rng.normal(size=(1, columns))
    elif kind == "zero rows":
        table[rng.random(rows) < 0.5] = 0.0
    elif kind == "repeated":
        table = table[rng.integers(0, rows, rows) // 2]
    elif kind == "zero":
        table[:] = 0.0
    return (table * 10.0 ** draw(st.integers(-3, 3))).astype(dtype)


def check_report(compressed, table):
    """The report says of the reconstructed rows what they are."""
    report, rows = compressed.report, compressed.reconstruct()
    before = np.asarray(table).astype(np.float64)
    error, norm = rows - before, np.linalg.norm(before)
    assert report.max_error == np.abs(error).max()
    np.testing.assert_allclose(report.relative_error, np.linalg.norm(error) / (norm or 1.0), rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.mean(report.row_errors**2)), report.relative_error, rtol=1e-9)
    assert -1.0 - 1e-9 <= report.mean_cosine <= 1.0 + 1e-9
    assert report.bytes_before == np.asarray(table).nbytes
    assert report.bytes_after == sum(array.nbytes for array in compressed.parts().values())
    assert (report.rows, report.columns) == before.shape
    ids = np.arange(len(before))[::-1].reshape(1, -1)
    np.testing.assert_allclose(
        compressed.reconstruct(ids)[0], rows[::-1], rtol=1e-11, atol=1e-12 * (norm or 1)
    )
    assert compressed.reconstruct(0).shape == before.shape[1:]


# What no way of compressing takes as a table, and what it says.
NO_TABLES = [
    (np.ones(3), "table to have rank 2 .* but got rank 1"),
    (np.ones((0, 3)), "table to have rows and columns, but got 0 x 3"),
    (np.ones((3, 0)), "table to have rows and columns, but got 3 x 0"),
    (np.ones((2, 2), complex), "table to hold real numbers, but got complex128"),
    (np.ones((2, 2), bool), "table to hold real numbers, but got bool"),
    (np.array([["a"]]), "table to hold real numbers, but got <U1"),
    (np.array([[1.0, 2.0], [3.0, np.nan]]), r"table to hold finite numbers .* but got nan at \[1, 1\]"),
    (np.array([[1.0, -np.inf]], np.float16), r"table to hold finite numbers .* but got -inf at \[0, 1\]"),
    (np.array([[1e39]]), r"finite numbers of float32's range, but got 1e\+39 at \[0, 0\]"),
]
