import numpy as np

from keras_vq.ops import masked_mean
from tests.helpers import to_numpy


def test_mean_is_float32_and_zero_where_there_is_nothing(rng):
    x = rng.normal(size=(3, 4))
    np.testing.assert_allclose(to_numpy(masked_mean(x)), x.mean(), rtol=1e-6)
    assert to_numpy(masked_mean(x.astype("float16"))).dtype == "float32"
    assert to_numpy(masked_mean(np.zeros((0, 4)))) == 0
