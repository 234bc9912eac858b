# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures compiled functions beside the best form of each peer, in one process, in turns.

``python -m benchmarks --help`` says how; docs/performance.md shows what came out.

    rows.py       what a measurement is: rows, cases, peers, works
    families/     the works, one file a family
    ours.py       our side: compiled by ``effattn.compile``, called with results in kept memory
    peers.py      what the peers need: PyTorch, onnxruntime, JAX, a C compiler
    ggml.py       llama.cpp, by its C interface
    runner.py     rounds in turns, medians, quartiles
    probes.py     what the machine can do: arithmetic and memory, by native.c
    worker.py     a process that measures rows with one number of threads
    session.py    starts workers and survives their crashes
    table.py      Markdown and JSON
    plots.py      pictures
"""
