import keras
import numpy as np
import pytest

from keras_vq import layers
from keras_vq.ops import apply_rotary
from keras_vq.ops import rotary_angles
from tests.helpers import to_numpy


def reference(layer, x):
    """Attention by loops over heads and positions, in float64."""
    kernel, bias, out, out_bias = (
        to_numpy(w).astype("float64") for w in layer.weights
    )
    batch, length, channels = x.shape
    dim = channels // layer.num_heads
    qkv = x.astype("float64") @ kernel + bias
    q, k, v = np.split(qkv, 3, axis=-1)
    heads = np.zeros_like(q)
    for b in range(batch):
        for h in range(layer.num_heads):
            part = slice(h * dim, (h + 1) * dim)
            for i in range(length):
                scores = k[b, : i + 1, part] @ q[b, i, part] / np.sqrt(dim)
                p = np.exp(scores - scores.max())
                heads[b, i, part] = p @ v[b, : i + 1, part] / p.sum()
    return heads @ out + out_bias


def test_attention_is_a_softmax_over_positions_up_to_its_own(rng):
    layer = layers.CausalSelfAttention(2)
    x = rng.normal(size=(2, 5, 8)).astype("float32")
    layer.build(x.shape)
    for w in layer.weights:
        w.assign(rng.normal(size=w.shape))
    np.testing.assert_allclose(to_numpy(layer(x)), reference(layer, x), 1e-4)


@pytest.mark.parametrize("rotary_shape", [None, (2, 3)])
def test_steps_equal_the_call(rotary_shape, rng):
    layer = layers.TransformerBlock(2, 12, rotary_shape=rotary_shape)
    x = rng.normal(size=(2, 6, 8)).astype("float32")
    whole = to_numpy(layer(x))
    cache = layer.initial_cache(2, 6)
    for position in range(6):
        found, cache = layer.step(
            keras.ops.convert_to_tensor(x[:, position]), cache, position
        )
        np.testing.assert_allclose(
            to_numpy(found), whole[:, position], atol=1e-5
        )


def test_rotated_products_depend_on_distances_along_each_axis(rng):
    q, k = rng.normal(size=(2, 8)).astype("float32")
    products = {}
    for row, column, down, right in np.ndindex(3, 3, 2, 2):
        angles = rotary_angles([[row, column], [row + down, column + right]], 8)
        product = to_numpy(apply_rotary(q, angles[0])) @ to_numpy(
            apply_rotary(k, angles[1])
        )
        products.setdefault((down, right), []).append(product)
    for values in products.values():
        np.testing.assert_allclose(values, values[0], atol=1e-4)
    means = [np.mean(values) for values in products.values()]
    assert np.ptp(means) > 0.1
    assert min(np.abs(np.subtract.outer(means, means)[~np.eye(4, dtype=bool)]))


def test_bad_sizes():
    with pytest.raises(ValueError, match=r"must divide .*9 chann"):
        layers.CausalSelfAttention(2).build((None, 4, 9))
    with pytest.raises(ValueError, match="multiple of 4, two for each of 2"):
        layers.CausalSelfAttention(2, rotary_shape=(2, 2)).build((None, 4, 12))
