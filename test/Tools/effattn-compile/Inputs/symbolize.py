"""Prints what llvm-symbolizer says about the first address that an object has for a line."""

import re
import subprocess
import sys

path, line = sys.argv[1:]
table = subprocess.check_output(["llvm-dwarfdump", "--debug-line", path], text=True)
address = re.search(rf"^(0x[0-9a-f]+) +{line} +[1-9]", table, re.MULTILINE)[1]
subprocess.run(["llvm-symbolizer", f"--obj={path}", address], check=True)
