#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search with libFuzzer for input that breaks the compiler, and sort what was found.

    cmake --preset fuzz && cmake --build --preset fuzz
    tools/dev/fuzz.py --seconds 3600

Inputs begin as the modules in docs/ and test/. What is found lies in the work folder: inputs that
reach new code in `corpus`, inputs that fail in `findings`. Findings whose stack is that of a defect of
MLIR which tools/effattn-fuzz/known.txt lists are counted. Any other is printed, and the exit status is 1,
as it is when the search ends early.
"""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
KNOWN = ROOT / "tools/effattn-fuzz/known.txt"
STAGES = ["cpu/mlir-linalg", "cpu/mlir-loops", "cpu/mlir-llvm", "cpu-linalg/mlir-loops", "nvptx/mlir-gpu"]
LARGEST = 8192
LIMITS = ["-timeout=20", "-rss_limit_mb=4000", f"-max_len={LARGEST}"]


def list_modules() -> Iterator[tuple[str, str]]:
    """The modules of every test and example, each with what passes it may be for."""
    for path in sorted([*ROOT.glob("docs/**/*.mlir"), *ROOT.glob("test/**/*.mlir")]):
        text = path.read_text()
        flags = re.findall(r"(?m)^//.*RUN:.*?[ (=]-{0,2}(effattn-(?!opt|compile|run)[a-z0-9-]+)", text)
        for part in re.split(r"(?m)^// -----.*$", text):
            module = re.sub(r"(?m)^\s*//.*\n", "", part).strip()
            if module:
                yield (flags[0] if flags else ""), module + "\n"


def write_seeds(folder: pathlib.Path) -> int:
    """Every module with the pass that its test is of, or with a stage."""
    folder.mkdir(parents=True, exist_ok=True)
    choice = random.Random(0)
    for flag, module in list_modules():
        text = f"// run: {flag or choice.choice(STAGES)}\n{module}"
        if len(text) <= LARGEST:
            name = hashlib.sha256(text.encode()).hexdigest()[:16]
            (folder / f"{name}.mlir").write_text(text)
    for path in ROOT.glob("test/Dialect/Inputs/*.mlirbc"):
        (folder / path.name).write_bytes(path.read_bytes())
    return len(list(folder.iterdir()))


def write_dictionary(path: pathlib.Path) -> None:
    """Names of ops and attributes, and spellings of types."""
    words = set(re.findall(r"!?effattn\.\w+", "\n".join(module for _, module in list_modules())))
    for definition in ROOT.glob("include/effattn/Dialect/*.td"):
        words |= {name + " = " for name in re.findall(r"Attr\w*(?:<[^$]*>)?:\$(\w+)", definition.read_text())}
    words |= {"tensor<?x", "memref<?x", "xf32>", "xbf16>", "xi8>", "xindex>", "strided<[?, 1], offset: ?>"}
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)))


def describe(output: str) -> str:
    """Where a run failed: the sentence of the fuzzer, or the functions that its stack begins with."""
    said = re.search(r"^effattn-fuzz: (.*)$", output, re.M)
    if said:
        return said[1]
    kind = re.search(r"ERROR: \w+: ([\w -]+)|(runtime error: .*)", output)
    failed = re.search(r"Assertion `(.*)' failed", output)
    frames = re.findall(r"^\s+#\d+ 0x\w+ in (.*?)(?: \(?/| \()", output, re.M)
    frames = [frame for frame in frames if re.search(r"mlir|llvm", frame) and "CrashRecovery" not in frame]
    start = failed[1] if failed else (kind[1] or kind[2]) if kind else "no reason"
    # Addresses differ from run to run.
    start = re.sub(r"0x[0-9a-f]+", "0x..", start).strip()
    return f"{start} in " + " < ".join(re.sub(r"\(.*", "", frame) for frame in frames[:4])


def read_known() -> list[re.Pattern[str]]:
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def judge(binary: pathlib.Path, finding: pathlib.Path) -> str | None:
    """Why an input fails, nothing if it does not."""
    run = subprocess.run([binary, *LIMITS, finding], capture_output=True, text=True, errors="replace")
    return describe(run.stderr) if run.returncode else None


def sort_findings(binary: pathlib.Path, folder: pathlib.Path) -> bool:
    """Prints what was found by its reason; whether all of it is known or does not fail alone."""
    known = read_known()
    found: dict[str, list[pathlib.Path]] = collections.defaultdict(list)
    for finding in sorted(folder.iterdir()):
        reason = judge(binary, finding)
        if reason:
            found[reason].append(finding)
        else:
            print(f"passes alone: {finding}")
    for reason, paths in sorted(found.items()):
        is_known = any(pattern.search(reason) for pattern in known)
        shortest = min(paths, key=lambda path: path.stat().st_size)
        print(f"{'known' if is_known else 'NEW'}: {len(paths)} x {reason}\n  {shortest}")
    return all(any(pattern.search(reason) for pattern in known) for reason in found)


def read_processes() -> dict[int, tuple[int, float]]:
    """The parent of every process, and the seconds that it has computed."""
    processes = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may have spaces.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        processes[int(path.parent.name)] = int(fields[1]), sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return processes


def list_jobs(processes: dict[int, tuple[int, float]], search: int) -> dict[int, float]:
    """The last in each chain of processes below the search, with the seconds that it has computed.

    A job is started by a shell. What the search starts itself names functions, and waits for more of them.
    """
    parents = {parent for parent, _ in processes.values()}

    def is_below(process: int) -> bool:
        parent = processes[process][0] if process in processes else 0
        return parent == search or (parent > 1 and is_below(parent))

    return {
        job: spent
        for job, (parent, spent) in processes.items()
        if job not in parents and parent != search and is_below(parent)
    }


def watch(search: subprocess.Popen[bytes], patience: float) -> None:
    """Ends jobs that stand still: libFuzzer may wait for a lock of its own where it reports a slow input."""
    before: dict[int, float] = {}
    while True:
        try:
            search.wait(patience)
            return
        except subprocess.TimeoutExpired:
            jobs = list_jobs(read_processes(), search.pid)
        for job, spent in jobs.items():
            if job in before and spent - before[job] < 0.01 * patience:
                print(f"a job stood still for {patience:g} s, and was ended", flush=True)
                os.kill(job, signal.SIGKILL)
        before = jobs


def search(options: argparse.Namespace, findings: pathlib.Path, corpora: list[pathlib.Path]) -> bool:
    """Whether it went on for the whole time: libFuzzer's status is that of the last input."""
    goes_on = ["-fork=1", "-ignore_crashes=1", "-ignore_timeouts=1", "-ignore_ooms=1"]
    start = time.monotonic()
    line = [options.binary, *goes_on, *LIMITS, f"-dict={options.work}/names.dict", f"-seed={options.seed}",
            f"-max_total_time={options.seconds}", f"-artifact_prefix={findings}/", *corpora]
    with subprocess.Popen(line) as process:
        watch(process, options.patience)
    taken = time.monotonic() - start
    if taken < options.seconds:
        print(f"expected {options.binary} to search for {options.seconds} s, but it ended after {taken:.0f} s")
    return taken >= options.seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build-fuzz/bin/effattn-fuzz")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build-fuzz/fuzz", help="folder of results")
    parser.add_argument("--seconds", type=int, default=600, help="how long to search; 0: only sort")
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer; 0: another one each time")
    parser.add_argument("--patience", type=float, default=120, help="seconds that a job may stand still")
    options = parser.parse_args()
    if options.seconds < 0 or options.patience <= 0:
        parser.error("expected --seconds to be at least 0, and --patience to be more")
    if not shutil.which(options.binary):
        parser.error(f"{options.binary} is no program: cmake --build --preset fuzz makes the fuzzer")
    findings, corpus, seeds = (options.work / name for name in ("findings", "corpus", "seeds"))
    for folder in (findings, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    print(f"{write_seeds(seeds)} seeds", flush=True)
    write_dictionary(options.work / "names.dict")
    is_whole = not options.seconds or search(options, findings, [corpus, seeds])
    is_known = sort_findings(options.binary, findings)
    return 0 if is_whole and is_known else 1


if __name__ == "__main__":
    sys.exit(main())
