import numpy as np
import pytest

from keras_vq import schedules

# Of 256 codes, from the papers' reference code.
COSINE_8 = [251, 236, 212, 181, 142, 97, 49]
COSINE_12 = [253, 247, 236, 221, 203, 181, 155, 128, 97, 66, 33]
ARCCOS_32 = {0: 5, 1: 10, 2: 15, 3: 20, 29: 198, 30: 215, 31: 256}


@pytest.mark.parametrize("left", [COSINE_8, COSINE_12])
def test_cosine_leaves_as_many_as_the_paper(left):
    schedule = schedules.CosineMasking()
    masked = schedule.num_masked([256], len(left) + 1)
    np.testing.assert_array_equal(masked, [[*left, 0]])


def test_arccos_reveals_as_many_as_the_reference():
    revealed = 256 - schedules.ArccosMasking().num_masked([256], 32)[0]
    assert {i: revealed[i] for i in ARCCOS_32} == ARCCOS_32


@pytest.mark.parametrize(
    "schedule", [schedules.CosineMasking(), schedules.ArccosMasking()]
)
def test_shares_fall_from_all_to_none(schedule):
    progress = np.linspace(0, 1, 1001, dtype="float32")
    share = np.asarray(schedule.share(progress))
    np.testing.assert_allclose(share[[0, -1]], [1, 0], atol=1e-3)
    assert np.all(np.diff(share) < 0)
    assert share.mean() == pytest.approx(schedule.mean_share, abs=1e-3)
    masked = schedule.num_masked([49, 0, 1], 6)
    assert masked.shape == (3, 6)
    assert np.all(np.diff(masked, axis=1) <= 0)
    assert np.all(masked[:, -1] == 0)
    np.testing.assert_array_equal(masked[1], 0)
    np.testing.assert_allclose(
        masked[0] / 49, schedule.share(np.arange(1, 7) / 6), atol=1 / 49
    )


@pytest.mark.parametrize("steps", [0, 2.5, None, True])
def test_impossible_steps(steps):
    with pytest.raises(ValueError, match=f"num_steps={steps}"):
        schedules.CosineMasking().num_masked([4], steps)
