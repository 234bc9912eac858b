# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the numbers belong to: the machine, the versions, the commit."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import resource
import subprocess
import time
from typing import Dict, Tuple

PACKAGES = ("torch", "jax", "onnxruntime", "iree-base-compiler", "llama-cpp-python", "numpy")


def machine() -> Dict[str, str]:
    cpu = platform.processor() or platform.machine()
    information = pathlib.Path("/proc/cpuinfo")
    if information.exists():
        fields = dict(
            map(str.strip, line.split(":", 1))
            for line in information.read_text().split("\n\n")[0].splitlines()
            if ":" in line
        )
        cpu = fields.get("model name", cpu)
        if "cpu family" in fields:
            cpu += f" (family {fields['cpu family']} model {fields['model']} stepping {fields['stepping']})"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }


def versions() -> Dict[str, str]:
    """Of every peer; those that are not installed say so."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit() -> str:
    """Of the work tree, marked where it has changes."""
    folder = pathlib.Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


class Others:
    """How much of the machine programs other than this process use."""

    def __init__(self) -> None:
        self._start = self._read()

    @staticmethod
    def _read() -> Tuple[float, float, float]:
        """Seconds: by the clock, busy cores of the machine, and of this process."""
        busy = 0.0
        if os.path.exists("/proc/stat"):
            with open("/proc/stat") as lines:
                user, nice, system, _, _, *interrupts = map(int, next(lines).split()[1:])
            busy = (user + nice + system + sum(interrupts[:3])) / os.sysconf("SC_CLK_TCK")
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return time.monotonic(), busy, usage.ru_utime + usage.ru_stime

    def share(self) -> float:
        """Of all cores, since the beginning; other processes of this program count as others."""
        elapsed, busy, own = (now - then for now, then in zip(self._read(), self._start))
        return min(1.0, max(0.0, (busy - own) / max(elapsed * (os.cpu_count() or 1), 1e-9)))
