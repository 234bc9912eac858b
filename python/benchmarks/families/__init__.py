# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All works, family by family."""

from benchmarks.families import (
    address,
    attention,
    concepts,
    decode,
    embeddings,
    feed_forward,
    layers,
    matmul,
    quantised,
)

FAMILIES = (matmul, attention, decode, address, concepts, feed_forward, layers, quantised, embeddings)
WORKS = tuple(work for family in FAMILIES for work in family.WORKS)
