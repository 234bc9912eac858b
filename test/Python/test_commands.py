# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn``: the tools, pictures, and what is wrong with files."""

import subprocess
import sys

import numpy as np
from compiler import needs_compiler

pytestmark = needs_compiler


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "effattn", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_compile_and_run_are_the_tools(tmp_path):
    model = tmp_path / "model.mlir"
    model.write_text("func.func @f(%x: i32) -> i32 { return %x : i32 }")
    assert command("compile", model, "-o", tmp_path / "model.o").returncode == 0
    assert (tmp_path / "model.h").exists()
    done = command("run", model, "--input=7:i32")
    assert done.returncode == 0 and "7" in done.stdout
    assert command("compile", "--emit=nothing", model).returncode == 2


def test_plots(tmp_path):
    np.save(tmp_path / "mask.npy", np.tri(5, dtype=bool))
    np.save(tmp_path / "flags.npy", np.array([True, False, True]))
    np.save(tmp_path / "slots.npy", np.array([[0, 1], [2, 3]]))
    (tmp_path / "text.txt").write_text("abc")
    (tmp_path / "model.mlir").write_text("func.func @f(%x: i32) -> i32 { return %x : i32 }")
    for picture, arguments in {
        "mask": ["mask.npy"],
        "trace": ["slots.npy", "slots.npy", "--slots=4"],
        "boundaries": ["text.txt", "flags.npy"],
        "times": ["model.mlir"],
    }.items():
        paths = [a if a.startswith("--") else tmp_path / a for a in arguments]
        done = command("plot", picture, *paths, "-o", tmp_path / f"{picture}.png")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"{picture}.png").stat().st_size > 0


def test_plots_of_bad_files(tmp_path):
    (tmp_path / "x.npy").write_text("text")
    for name, sentence in (("x.npy", "is no .npy file"), ("y.npy", "no such file or directory")):
        done = command("plot", "mask", tmp_path / name, "-o", tmp_path / "x.png")
        assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    assert command("paint").returncode == 2


def test_the_parts_of_the_package_are_there():
    code = "import effattn\nfor part in ('compress', 'ops', 'plot', 'reference'): print(getattr(effattn, part))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0 and len(found.stdout.splitlines()) == 4, found.stderr
