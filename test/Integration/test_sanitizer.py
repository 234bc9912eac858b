"""The check of loads and stores finds what it is there to find."""

import pathlib
import subprocess
import sys

import pytest
from harness import SANITIZE

# Number 7 of a tensor that has as many as the caller gives.
PROGRAM = '''
import numpy as np
from harness import compile_ir

library = compile_ir("""
  func.func @pick(%x: tensor<?xf32>) -> tensor<1xf32> {
    %c7 = arith.constant 7 : index
    %number = tensor.extract %x[%c7] : tensor<?xf32>
    %out = tensor.from_elements %number : tensor<1xf32>
    return %out : tensor<1xf32>
  }""")
print(library.pick(np.ones(COUNT, np.float32))[0])
'''


@pytest.mark.skipif(not SANITIZE, reason="for compiled code that checks its loads and stores")
@pytest.mark.parametrize("count", [7, 8])
def test_a_load_behind_the_end(count):
    command = [sys.executable, "-c", PROGRAM.replace("COUNT", str(count))]
    folder = pathlib.Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode == 0) == (count == 8), done.stderr
    assert ("heap-buffer-overflow" in done.stderr) == (count == 7)
