"""Writes .npy files, good and bad, without NumPy: the tests need no package.

    npy.py write FILE DESCR SHAPE VALUE... [--fortran] [--version=N]
    npy.py show FILE
    npy.py bad FOLDER
"""

import math
import pathlib
import struct
import sys

CODES = {"f4": "f", "f8": "d", "f2": "e", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
         "u1": "B", "u2": "H", "u4": "I", "b1": "?", "V2": "H"}


def make(descr: str, shape: tuple, data: bytes, fortran: bool = False, version: int = 1) -> bytes:
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def pack(descr: str, values: list) -> bytes:
    code = CODES[descr[1:]]
    order = ">" if descr[0] == ">" else "<"
    return struct.pack(order + code * len(values), *values)


def write(path: str, descr: str, shape: str, *rest: str) -> None:
    options = [word for word in rest if word.startswith("--")]
    number = float if descr[1:] in ("f2", "f4", "f8") else int
    values = [number(word) for word in rest if not word.startswith("--")]
    version = next((int(o.split("=")[1]) for o in options if "version" in o), 1)
    sizes = tuple(int(size) for size in shape.split("x") if size)
    pathlib.Path(path).write_bytes(
        make(descr, sizes, pack(descr, values), "--fortran" in options, version)
    )


def show(path: str) -> None:
    content = pathlib.Path(path).read_bytes()
    assert content[:8] == b"\x93NUMPY\1\0"
    (length,) = struct.unpack_from("<H", content, 8)
    assert (10 + length) % 64 == 0, "data begins at a multiple of 64 bytes"
    header = eval(content[10 : 10 + length])
    count = math.prod(header["shape"])
    code = CODES[header["descr"][1:]]
    print(header["descr"], header["shape"], *struct.unpack_from("<" + code * count, content, 10 + length))


def bad(folder: str) -> None:
    good = make("<f4", (2, 3), bytes(24))
    files = {
        "text": b"1 2 3\n",
        "empty": b"",
        "magic": good[:7],
        "header": good[:30],
        "data": good[:-3],
        "version": good[:6] + b"\x09" + good[7:],
        "keys": good.replace(b"descr", b"descz"),
        "dictionary": good.replace(b"{", b"["),
        "negative": good.replace(b"(2, 3)", b"(-2, 3)"),
        "huge": make("<f4", (2, 3_000_000_000_000_000_000), bytes(24)),
        "complex": make("<c8", (3,), bytes(24)),
        "object": make("|O", (3,), bytes(24)),
        "structure": make([("a", "<f4"), ("b", "<i4")], (3,), bytes(24)),
    }
    for name, content in files.items():
        (pathlib.Path(folder) / f"{name}.npy").write_bytes(content)


{"write": write, "show": show, "bad": bad}[sys.argv[1]](*sys.argv[2:])
