"""Runs a command and fails unless it ends with the exit code given.

Unlike lit's `not`, it tells the codes of a tool apart.
"""

import subprocess
import sys

expected, command = int(sys.argv[1]), sys.argv[2:]
code = subprocess.run(command).returncode
sys.exit(0 if code == expected else f"expected exit code {expected}, but got {code}")
