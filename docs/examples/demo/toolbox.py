# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running the tools that the demo shows, and saying what is going on meanwhile."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from effattn import Error


class Step:
    """A line for a piece of work: on a terminal it counts the seconds, and it ends with the time."""

    def __init__(self, label: str):
        self.label = label
        self.done = threading.Event()

    def __enter__(self) -> "Step":
        self.start = time.perf_counter()
        self.ticker = None
        if sys.stdout.isatty():
            self.ticker = threading.Thread(target=self._tick, daemon=True)
            self.ticker.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self.done.set()
        if self.ticker:
            self.ticker.join()
            print("\r\033[K", end="")
        if kind is None:
            print(f"{self.label:<60}{time.perf_counter() - self.start:6.1f} s", flush=True)

    def _tick(self) -> None:
        while not self.done.wait(0.2):
            print(f"\r{self.label:<60}{time.perf_counter() - self.start:6.1f} s", end="", flush=True)


def show(path: Path, folder: Path = Path()) -> str:
    """A path as one in ``folder`` would type it: relative where that is shorter."""
    relative, absolute = os.path.relpath(path, folder), os.path.abspath(path)
    return relative if len(relative) < len(absolute) else absolute


def run(command: Sequence[object], *, step: Optional[str] = None, folder: Path = Path()) -> str:
    """Run a command after showing it, and give back its output; an Error holds what it said."""
    words = [show(word, folder) if isinstance(word, Path) else str(word) for word in command]
    if isinstance(command[0], Path) and os.sep not in words[0]:
        words[0] = os.path.join(".", words[0])
    start = ["$"] if folder == Path() else ["$", "cd", show(folder), "&&"]
    print(_wrapped(start, words), flush=True)
    with Step(step or f"  {Path(words[0]).name}"):
        try:
            done = subprocess.run(
                words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        except OSError as error:
            raise Error(f"cannot run {words[0]}: {(error.strerror or str(error)).lower()}") from None
    if done.returncode != 0:
        said = done.stdout.strip() or "it said nothing"
        raise Error(f"{Path(words[0]).name} failed with code {done.returncode}:\n{said}")
    return done.stdout


def _wrapped(start: List[str], words: List[str], width: int = 98) -> str:
    lines = [" ".join(start)]
    for word in map(shlex.quote, words):
        if len(lines[-1]) + len(word) > width:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += " " + word
    return "\n".join(lines)


def find_cc() -> str:
    # The compiler that effattn is built with is on the machine, if no other is.
    cc = os.environ.get("CC") or next(filter(shutil.which, ("cc", "clang-22")), "cc")
    found = shutil.which(cc)
    if not found:
        raise Error(
            f"compiled objects are linked to programs in C, and there is no C compiler '{cc}': install one "
            "(Debian: apt-get install gcc libc6-dev), or name it in the variable CC"
        )
    return cc


def library(cc: str, name: str) -> Optional[Path]:
    """Where the linker finds a library."""
    printed = subprocess.run([cc, f"-print-file-name={name}"], stdout=subprocess.PIPE, text=True).stdout
    path = Path(printed.strip())
    return path if path.is_absolute() else None


def openmp_flags(cc: str) -> List[str]:
    """How to link LLVM's libomp, which may be in a folder that the linker does not know."""
    if library(cc, "libomp.so"):
        return ["-lomp"]
    folders = sorted(glob.glob("/usr/lib/llvm-*/lib/libomp.so"))
    if not folders:
        raise Error("there is no libomp, on which the layers run: install it (Debian: libomp-22-dev)")
    folder = os.path.dirname(folders[-1])
    return [f"-L{folder}", f"-Wl,-rpath,{folder}", "-lomp"]


def _names(nm: str, *arguments: object, without: str = "") -> List[str]:
    done = subprocess.run([nm, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    words = [line.split() for line in done.stdout.splitlines()]
    return [line[-1].split("@")[0] for line in words if len(line) >= 2 and line[-2] != without]


def undefined_symbols(objects: Sequence[Path], cc: str, openmp: Sequence[str]) -> Dict[str, List[str]]:
    """The undefined symbols of objects by the library that defines them; "other" where none does."""
    nm = next((name for name in ("nm", "llvm-nm-22", "llvm-nm") if shutil.which(name)), None)
    if nm is None:
        raise Error("there is no nm to list symbols with: install one (Debian: binutils)")
    omp = library(cc, "libomp.so") or Path(openmp[0][2:]) / "libomp.so"
    # The C library has its thread-local storage in the loader, which is linked along with it.
    providers = {
        "libc": [library(cc, "libc.so.6"), library(cc, "ld-linux-x86-64.so.2")],
        "libm": [library(cc, "libm.so.6")],
        "libomp": [omp],
    }
    defined = {
        name: {symbol for path in paths if path for symbol in _names(nm, "-D", "--defined-only", path)}
        for name, paths in providers.items()
    }
    found: Dict[str, List[str]] = {name: [] for name in (*providers, "other")}
    # The linker itself makes the table of global addresses, and a weak symbol (w) need not be anywhere.
    wanted = {symbol for path in objects for symbol in _names(nm, "-u", path, without="w")} - {"_GLOBAL_OFFSET_TABLE_"}
    for symbol in sorted(wanted):
        found[next((name for name in providers if symbol in defined[name]), "other")].append(symbol)
    return found
