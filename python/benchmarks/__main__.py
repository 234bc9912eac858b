# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import pathlib
import re
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional, Sequence

# Run as `python python/benchmarks`, the folder stands in place of its parent.
FOLDER = pathlib.Path(__file__).resolve().parent
sys.path[:] = [str(FOLDER.parent), str(FOLDER.parent / "src")] + [
    path for path in sys.path if path != str(FOLDER)
]

from benchmarks import machine, session, table  # noqa: E402
from benchmarks.runner import Settings  # noqa: E402

# A share of the cores, used by others, from which waiting threads give way soon.
BUSY = 0.1

DESCRIPTION = """\
Measure compiled functions beside their peers (PyTorch, onnxruntime, JAX, IREE, plain C).

All sides run in one process and take turns: in each round every side gets a slot of time, the
fastest call of a slot counts, and ratios are taken inside of rounds. Reported are medians with
quartiles; ratio = peer time / our time, so more is better. Our results are compared with the
reference in the same run, and a wrong one makes the exit status 1. Probes of arithmetic and
memory in the same process say how much of the machine is used.
"""
EXAMPLES = """\
examples:
  ./build.sh bench --quick                            the main rows in three minutes
  ./build.sh bench --markdown docs/performance.md     the whole table, into the page
  ./build.sh bench --only 'attention' --threads 1     the rows whose name matches
  ./build.sh bench --list                             what there is
  ./build.sh bench --json all.json --plots pictures   for other programs, and to look at

A peer that is not installed, fails or computes something else is listed with the reason. Peers come
with `pip install -r python/benchmarks/requirements.txt` and, built from its source, llama.cpp with
requirements-llama.txt beside it; build.sh does both in .venv-bench/.
"""


def _threads(text: str) -> List[int]:
    try:
        found = [int(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise argparse.ArgumentTypeError(f"expected numbers of threads such as 1,2, but got {text!r}")
    return found


def _pattern(text: str) -> "re.Pattern[str]":
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as problem:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {problem}") from None


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, but got {text!r}")
    return int(text)


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    path = pathlib.Path
    parser.add_argument("--quick", action="store_true", help="few sizes and rounds, no peers that compile")
    parser.add_argument("--only", type=_pattern, metavar="PATTERN", help='rows whose "work: size" matches')
    parser.add_argument("--threads", type=_threads, metavar="N,..", help="default: 1 and all cores up to 2")
    parser.add_argument("--rounds", type=_at_least_one, metavar="N", help="rounds a row (9; 5 with --quick)")
    parser.add_argument(
        "--limit", type=float, default=10.0, metavar="S", help="leave out calls above S seconds"
    )
    parser.add_argument("--json", type=path, metavar="FILE", help="write everything")
    parser.add_argument(
        "--markdown",
        type=path,
        metavar="FILE",
        help="write the table, between the marks of a page that has them",
    )
    parser.add_argument("--plots", type=path, metavar="DIR", help="write pictures: cost over size, ratios")
    parser.add_argument(
        "--from",
        dest="sources",
        nargs="+",
        type=path,
        metavar="FILE",
        help="measure nothing: read what --json wrote; rows of later files replace those of earlier ones",
    )
    parser.add_argument("--log", type=path, metavar="FILE", help="where the output of libraries goes")
    parser.add_argument("--list", action="store_true", help="print the rows and stop")
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    if options.quick:
        base = Settings(rounds=5, slot=0.02, budget=2.0, limit=options.limit)
    else:
        base = Settings(limit=options.limit)
    return base._replace(rounds=options.rounds) if options.rounds else base


def measure(options: argparse.Namespace, names: Sequence[str], log: Any) -> Dict[str, Any]:
    from tqdm import tqdm  # here, so that --help needs no package

    settings, scale = settings_of(options), "quick" if options.quick else "full"
    threads = options.threads or list(range(1, min(2, len(os.sched_getaffinity(0))) + 1))
    others = machine.Others()
    time.sleep(1.0)
    busy = others.share()
    report: Dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "commit": machine.commit(),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "settings": settings._asdict(),
        "threads": threads,
        "others": busy,
        "short_wait": busy > BUSY,
        "probes": {},
        "rows": [],
    }
    with tqdm(total=len(names) * len(threads), unit="row", disable=None) as bar:
        try:
            for count in threads:

                def begin(name: str, count: int = count) -> None:
                    bar.set_description(f"{name}, {count} T")
                    print(f"--- {name}, {count} T", file=log, flush=True)

                def done(row: Dict[str, Any], count: int = count) -> None:
                    report["rows"].append({**row, "threads": count})
                    bar.update()

                def probed(rates: Dict[str, Any], count: int = count) -> None:
                    report["probes"][str(count)] = rates

                run = session.Run(threads=count, settings=settings, scale=scale, quick=options.quick)
                run.short_wait, run.log = busy > BUSY, log
                session.measure(run, names, begin, done, probed)
        except KeyboardInterrupt:
            report["interrupted"] = True
    return report


def merge(reports: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """All rows; what is said about the machine is the last report's."""
    rows = {(row["work"], row["size"], row["threads"]): row for report in reports for row in report["rows"]}
    probes = {threads: rates for report in reports for threads, rates in report["probes"].items()}
    threads = sorted({count for report in reports for count in report["threads"]})
    return {**reports[-1], "rows": list(rows.values()), "probes": probes, "threads": threads}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    options = parse(arguments)
    from benchmarks.families import WORKS

    scale = "quick" if options.quick else "full"
    names = [row.name for work in WORKS for row in work.rows(scale)]
    names = [name for name in names if options.only is None or options.only.search(name)]
    if options.list:
        print("\n".join(names))
        return 0
    if not names and not options.sources:
        print(f"no row matches {options.only.pattern!r}; --list prints them", file=sys.stderr)
        return 2
    if not options.sources:
        # Without the compiler every row would fail.
        try:
            importlib.import_module("effattn._native")
        except Exception as problem:
            print(problem, file=sys.stderr)
            return 1
    if options.sources:
        report = merge([json.loads(path.read_text()) for path in options.sources])
    else:
        path = options.log or pathlib.Path(tempfile.gettempdir()) / "effattn-benchmarks.log"
        with path.open("a") as log:
            report = measure(options, names, log)
    text = table.markdown(report, {work.name: work.note for work in WORKS})
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if options.markdown:
        table.write_markdown(options.markdown, text)
    if options.plots:
        from benchmarks import plots

        plots.write_plots(options.plots, report)
    if not options.markdown:
        print(text)
    print(table.summary(report))
    if report.get("interrupted"):
        print("interrupted: what was measured until then is written")
        return 130
    return 1 if any(row["status"] in ("wrong", "failed") for row in report["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
