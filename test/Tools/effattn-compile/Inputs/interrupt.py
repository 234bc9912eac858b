"""Interrupts the compiler at moments spread over its run."""

import os
import signal
import subprocess
import sys
import tempfile
import time

tool, source = sys.argv[1:]


def compile_and_interrupt(after: float | None) -> float:
    """Interrupts after some seconds, or never, and returns how long it ran."""
    with tempfile.TemporaryDirectory() as folder:
        out, temporary = os.path.join(folder, "out"), os.path.join(folder, "tmp")
        os.mkdir(out)
        os.mkdir(temporary)
        start = time.monotonic()
        process = subprocess.Popen(
            [tool, source, "-o", os.path.join(out, "a.so")],
            env={**os.environ, "TMPDIR": temporary},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if after is not None:
            time.sleep(after)
            # The terminal sends it to the linker as well.
            os.killpg(process.pid, signal.SIGINT)
        code = process.wait()
        left = sorted(os.listdir(out))
        assert not os.listdir(temporary), f"after {after} s: {os.listdir(temporary)}"
        if code:
            assert code == -signal.SIGINT, code
            assert not left, f"after {after} s: {left}"
        else:
            assert left == ["a.h", "a.json", "a.so"], left
        return time.monotonic() - start


whole = compile_and_interrupt(None)
for step in range(12):
    compile_and_interrupt(whole * step / 12)
