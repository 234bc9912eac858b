# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example of each pass, test/Docs/passes/PASS.mlir, as a part of the reference.

An example is a lit test: its first line runs effattn-opt, its checks say what matters. The rest of
its comments is said above it in the reference, which shows the IR before and what effattn-opt
makes of it.
"""

import collections
import re
import subprocess

# Longer IR is shown as an outline.
LINES = 60
RUN = re.compile(r"// RUN: (?:not )?effattn-opt %s (-.*?)(?: 2>&1)? \| FileCheck %s")


class Example:
    def __init__(self, path):
        self.path = path
        first, *lines = path.read_text().rstrip("\n").split("\n")
        run = RUN.fullmatch(first)
        if not run:
            raise ValueError(f"{path}:1: expected '// RUN: effattn-opt %s FLAGS | FileCheck %s', but got '{first}'")
        self.flags = run[1]
        lines = [line for line in lines if not re.match(r"// CHECK[-:]", line)]
        comments = [line for line in lines if line.startswith("// ")]
        self.words = " ".join(line[3:] for line in comments)
        self.before = "\n".join(line for line in lines if line not in comments)

    def after(self, opt):
        """What effattn-opt prints, messages included."""
        done = subprocess.run(f"{opt} - {self.flags}", shell=True, input=self.before + "\n", text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.replace("<stdin>", self.path.name).rstrip("\n")

    def markdown(self, opt):
        after, shown = self.after(opt), "After"
        if after.count("\n") >= LINES:
            lines = after.count("\n") + 1
            after = outline(after)
            shown = f"After, an outline of {lines} lines; straight code is counted"
        return (f"**Example**\n\n{self.words}\n\n```mlir\n{self.before}\n```\n\n"
                f"{shown} (`effattn-opt {self.flags}`):\n\n```mlir\n{after}\n```\n")


def outline(text):
    """As many levels of loops and branches as fit into LINES, but two at least."""
    return next((shown for level in range(12, 2, -1) if (shown := outline_to(text, level)).count("\n") < LINES),
                outline_to(text, 2))


def outline_to(text, level):
    """IR where the ops of straight code, and all of deeper levels, are only counted."""
    shown, straight, depth = [], [], 0
    for line in text.split("\n"):
        opens, closes = line.endswith("{"), line.lstrip().startswith("}")
        depth -= closes
        if (opens or closes) and depth <= level:
            shown += [*count(straight), line]
            straight = []
        elif not closes:
            straight.append(line)
        depth += opens
    return "\n".join(shown + count(straight))


def count(lines):
    """Lines of straight code, or a comment that says which ops they have."""
    if len(lines) <= 3:
        return lines
    ops = collections.Counter(op[1] for line in lines if (op := re.match(r'\s*(?:%[^=]*= )?"?(\w+\.[\w.]+)', line)))
    indentation = re.match(" *", lines[0])[0]
    return [f"{indentation}// " + ", ".join(f"{op} x {times}" if times > 1 else op for op, times in ops.items())]
