# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs workers, one for each number of threads, and goes on after crashes."""

from __future__ import annotations

import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from benchmarks.runner import Settings

# A row that says nothing for this long is stuck.
PATIENCE = 900.0


# Turns of a waiting thread of libgomp, about 0.1 ms. Its own choice is a hundred times as many, which is
# right on an idle machine, and on a busy one makes every barrier wait for the scheduler.
SHORT_WAIT = "2500"


def environment(threads: int, short_wait: bool) -> Dict[str, str]:
    """The same number of threads for every library, which between slots sleep."""
    count, folder = str(threads), pathlib.Path(__file__).resolve().parents[1]
    paths = [str(folder), str(folder / "src"), os.environ.get("PYTHONPATH", "")]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
    return {
        **os.environ,
        **dict.fromkeys(names, count),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OMP_DYNAMIC": "false",
        "KMP_BLOCKTIME": "1",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **({"GOMP_SPINCOUNT": SHORT_WAIT} if short_wait else {}),
        # torch.compile asks for g++ where nobody says otherwise.
        **({} if shutil.which("g++") else {"CXX": "clang++-22"}),
    }


@dataclass
class Run:
    """What the rows of a run have in common."""

    threads: int
    settings: Settings
    scale: str
    quick: bool = False
    short_wait: bool = False
    """Whether waiting threads give way soon, because others want the cores."""
    log: Any = None
    """The file that takes what libraries print."""


class Worker:
    """A process that measures rows; ``events`` gives what it says until it ends."""

    def __init__(self, request: Dict[str, Any], run: Run):
        self._stuck = ""
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=run.log,
            stderr=run.log,
            env=environment(run.threads, run.short_wait),
            pass_fds=[writing],
            text=True,
        )
        os.close(writing)
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            json.dump({**request, "events": writing}, stdin)
        self._lines: "queue.Queue[Optional[str]]" = queue.Queue()
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()

    def _read(self, descriptor: int) -> None:
        with os.fdopen(descriptor) as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def events(self, patience: float = PATIENCE) -> Iterator[Dict[str, Any]]:
        try:
            while True:
                line = self._lines.get(timeout=patience)
                if line is None:
                    return
                yield json.loads(line)
        except queue.Empty:
            self._stuck = f"nothing happened for {patience:.0f} s"
        finally:
            self._end()

    def _end(self) -> None:
        """It is done, or stuck, or the run was interrupted."""
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def reason(self) -> str:
        """Why it ended early."""
        if self._stuck:
            return self._stuck
        code = self._process.wait()
        if code >= 0:
            return f"the process ended with status {code}"
        return f"the process ended by {signal.Signals(-code).name}"


def measure(
    run: Run,
    names: Sequence[str],
    begin: Callable[[str], None],
    done: Callable[[Dict[str, Any]], None],
    probed: Callable[[Dict[str, Any]], None],
) -> None:
    """Measures rows by name, and tells what came out as it comes."""
    left: List[str] = list(names)
    rates: Optional[Dict[str, Any]] = None
    while left:
        request = dict(
            rows=list(left), settings=run.settings._asdict(), scale=run.scale, quick=run.quick, rates=rates
        )
        worker, current, silent = Worker(request, run), None, True
        for event in worker.events():
            silent = False
            if "probes" in event:
                rates = event["probes"]
                probed(rates)
            elif "begin" in event:
                current = event["begin"]
                begin(current)
            else:
                left.remove(current)
                done(event["row"])
                current = None
        if left:
            # It ended before its time: give up the row that it was at.
            if current is None and silent:
                raise RuntimeError(f"{worker.reason()}; its output is in the log")
            lost = current or left[0]
            left.remove(lost)
            work, _, size = lost.partition(": ")
            done(dict(work=work, size=size, extent=0, peers=[], status="failed", reason=worker.reason()))
