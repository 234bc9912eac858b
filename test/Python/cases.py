# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the worked cases: inputs with the outputs that a correct implementation gives."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

CASES = Path(os.environ.get("EFFATTN_CASES", Path(__file__).resolve().parents[2].parent / "shared" / "cases"))


class Case:
    def __init__(self, name):
        if not (CASES / "manifest.json").is_file():
            pytest.skip(f"no worked cases in {CASES}; set EFFATTN_CASES to their folder")
        entry = json.loads((CASES / "manifest.json").read_text())["cases"][name]
        self.params = entry["params"]
        self.tolerance = entry["tol"]
        with np.load(CASES / f"{name}.npz") as arrays:
            self.arrays = {key: arrays[key] for key in arrays.files}

    def __getitem__(self, key):
        return self.arrays[key]

    def check(self, found, key):
        """The error relative to 1 + |x| stays within the case's tolerance."""
        expected = self[key].astype(np.float64)
        assert np.shape(found) == expected.shape, key
        error = np.abs(found - expected) / (1.0 + np.abs(expected))
        assert error.max(initial=0.0) <= self.tolerance, f"{key}: {error.max()}"


def project(h, weight):
    """Weights are stored (out, in); the products are taken in f32's inputs but float64."""
    return h.astype(np.float64) @ weight.astype(np.float64).T
