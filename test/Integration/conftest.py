"""Makes harness.py importable and keeps hypothesis reproducible."""

import os
import pathlib
import sys

import hypothesis

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# The worked cases.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "Python"))

# Examples take milliseconds, but the first of a signature compiles.
hypothesis.settings.register_profile(
    "check", deadline=None, max_examples=40, derandomize=True
)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("long" if os.environ.get("EFFATTN_LONG") else "check")
