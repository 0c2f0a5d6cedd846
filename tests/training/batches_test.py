import numpy as np
import pytest
from keras import ops

from keras_vq.training import batches


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_long_loop_shows_its_progress(seconds, monkeypatch, capsys):
    monkeypatch.setattr(batches, "_SECONDS_UNSEEN", seconds)
    x = np.arange(10.0, dtype="float32")
    for progress in (True, False):
        doubled = batches.in_batches(
            lambda x: ops.multiply(x, 2.0), [x], 4, progress=progress
        )
        np.testing.assert_allclose(doubled, 2 * x)
        shown = capsys.readouterr().out
        assert ("3/3" in shown) == (progress and seconds == 0)
