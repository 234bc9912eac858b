# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn``: the tools, pictures, and what is wrong with files."""

import os
import subprocess
import sys

import numpy as np
from compiler import BUILD, needs_compiler

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
    (tmp_path / "empty.npy").write_bytes(b"")
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 9999999), }"
    (tmp_path / "large.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + header.ljust(117) + b"\n")
    for name, sentence in (
        ("x.npy", "is no .npy file"),
        ("empty.npy", "is no .npy file"),
        ("large.npy", "is too large"),
        ("y.npy", "no such file or directory"),
        ("", "is a directory"),
    ):
        done = command("plot", "mask", tmp_path / name, "-o", tmp_path / "x.png")
        assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    for name in ("x.gif", "x"):
        done = command("plot", "mask", tmp_path / "y.npy", "-o", tmp_path / name)
        assert done.returncode == 1
        assert done.stderr == f"effattn: expected a picture to end in .svg, .png, .pdf, but got {tmp_path / name}\n"
    assert command("paint").returncode == 2


def test_without_the_libraries_of_llvm(tmp_path):
    """As in a wheel on a machine that has none."""
    (tmp_path / "python").mkdir()
    for path in (BUILD / "python").glob("_native.*.so"):
        content = path.read_bytes()
        assert b"libMLIR.so" in content
        (tmp_path / "python" / path.name).write_bytes(content.replace(b"libMLIR.so", b"libNONE.so"))
    environment = {**os.environ, "EFFATTN_BUILD_DIR": str(tmp_path)}
    for arguments in (["compile", "--help"], ["tune", "-o", "x.json"]):
        line = [sys.executable, "-m", "effattn", *arguments]
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
        assert done.returncode == 1 and done.stderr.startswith("effattn: the compiler needs the libraries of LLVM")
        assert "libNONE.so" in done.stderr and "apt-get install libmlir-22" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_parts_of_the_package_are_there():
    code = "import effattn\nfor part in ('compress', 'ops', 'plot', 'reference'): print(getattr(effattn, part))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0 and len(found.stdout.splitlines()) == 4, found.stderr
