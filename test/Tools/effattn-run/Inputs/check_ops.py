"""Checks the ops in a trace of decode.mlir with two rows, called twice, whose caches hold 3 and 5 keys.

With --fused, the norm and the product are one loop, whose rows between the two are in no memory.
"""

import json
import sys

NAMES = ["effattn.rms_norm", "linalg.matmul", "arith.addf", "effattn.attention"]
# A square, a sum and two products for each of 2 x 4; 2 x 2 x 4 x 8; 2 x 8; 2 x 8 keys x (8 + 8).
FLOPS = [32, 128, 16, 256]
# Of attention: 16 queries, 8 keys that are held (and are values, too), 2 lengths, 16 results.
BYTES = [4 * (8 + 4 + 8), 4 * (8 + 32 + 16), 4 * (16 + 16), 4 * (16 + 8 * 8 + 2 + 16)]
LINES = [8, 11, 13, 17]

if "--fused" in sys.argv:
    NAMES = ["effattn.rms_norm + linalg.matmul", *NAMES[2:]]
    FLOPS, BYTES, LINES = [32 + 128, *FLOPS[2:]], [4 * (8 + 4 + 32 + 16), *BYTES[2:]], LINES[1:]

with open(sys.argv[1]) as file:
    events = json.load(file)["traceEvents"]
calls = [event for event in events if event["cat"] == "call"]
ops = [event for event in events if event["cat"] == "op"]
assert [op["name"] for op in ops] == 2 * NAMES, ops
assert [op["args"].get("flops") for op in ops] == 2 * FLOPS, ops
assert [op["args"].get("bytes") for op in ops] == 2 * BYTES, ops
places = [op["args"]["location"].split(":")[:2] for op in ops]
assert places == 2 * [["decode.mlir", str(line)] for line in LINES], places

end = 0
for number, op in enumerate(ops):
    call = calls[number // len(NAMES)]
    assert max(end, call["ts"]) <= op["ts"], "ops of a call follow each other"
    end = op["ts"] + op["dur"]
    assert end <= call["ts"] + call["dur"] + 1e-3, "ops run inside of their call"
    if op["dur"] and "bytes" in op["args"]:
        # Times are written in microseconds, of which nanoseconds are thousandths.
        assert abs(op["args"]["GB/s"] * op["dur"] * 1e3 / op["args"]["bytes"] - 1) < 1e-6, op
print(len(ops), "ops")
