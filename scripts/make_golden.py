"""Write tests/golden.npz, the results that every backend must reproduce.

Weights and inputs come from formulas, so only results are stored.
Run it on any backend after a change that is meant to change numbers:

    KERAS_BACKEND=tensorflow python scripts/make_golden.py
"""

import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.golden import results  # noqa: E402 (after the path)

np.savez_compressed(ROOT / "tests" / "golden.npz", **results())
