"""Makes harness.py importable and keeps hypothesis reproducible."""

import ctypes
import functools
import os
import pathlib
import sys

import hypothesis
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# The worked cases.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "Python"))



def pytest_configure(config):
    config.addinivalue_line("markers", "cpu: about code for the CPU, left out with another EFFATTN_TARGET")


@functools.lru_cache(maxsize=None)
def has_driver():
    try:
        return ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        return False


def pytest_runtest_setup(item):
    target = os.environ.get("EFFATTN_TARGET", "cpu")
    if item.get_closest_marker("cpu") and target != "cpu":
        pytest.skip("about code for the CPU")
    if target == "nvptx" and not has_driver():
        pytest.skip("there is no NVIDIA driver with a GPU")


# Examples take milliseconds, but the first of a signature compiles.
hypothesis.settings.register_profile(
    "check", deadline=None, max_examples=40, derandomize=True
)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("long" if os.environ.get("EFFATTN_LONG") else "check")
