"""Quantizers with a linear map: learned, frozen, and around another one."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import layers
from tests.helpers import gradients
from tests.helpers import to_numpy
from tests.reference import vector_quantizer as reference


def loss_of(layer, z, upstream):
    def loss():
        outputs = layer(ops.convert_to_tensor(z))
        total = ops.sum(ops.multiply(upstream, outputs["quantized"]))
        return total + outputs["loss"]

    return loss


def test_sim_equals_the_reference_with_mapped_codes(rng):
    """A hundred steps of gradient descent on the map, value by value."""
    layer = layers.SimVectorQuantizer(6, 3, commitment_cost=0.4)
    layer.build()
    frozen = to_numpy(layer.embeddings).astype("float64")
    kernel = np.eye(3)
    assert [v.name for v in layer.trainable_variables] == ["kernel"]
    np.testing.assert_array_equal(to_numpy(layer.kernel), kernel)
    z = keras.Variable(rng.normal(size=(10, 3)).astype("float32"))
    upstream = rng.normal(size=(10, 3)).astype("float32")
    for step in range(100):
        values = to_numpy(z)
        codes = frozen @ kernel
        indices = reference.nearest(values, codes)
        grad_z, grad_codes = reference.gradients(
            values.astype("float64"), codes, indices, upstream, 0.4
        )
        grad_kernel = frozen.T @ grad_codes
        if step % 20 == 0:
            outputs = to_numpy(layer(values))
            np.testing.assert_array_equal(outputs["indices"], indices)
            np.testing.assert_allclose(
                outputs["quantized"], codes[indices], rtol=1e-5, atol=1e-6
            )
            found = gradients(loss_of(layer, z, upstream), [z, layer.kernel])
            np.testing.assert_allclose(found[0], grad_z, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(
                found[1], grad_kernel, rtol=1e-4, atol=1e-6
            )
        kernel -= 0.1 * grad_kernel
        layer.kernel.assign(kernel)
        z.assign(rng.normal(size=(10, 3)).astype("float32"))
    np.testing.assert_array_equal(to_numpy(layer.embeddings), frozen)
    assert np.abs(kernel - np.eye(3)).max() > 0.05


def test_sim_starts_with_the_papers_variance():
    layer = layers.SimVectorQuantizer(2000, 16)
    layer.build()
    np.testing.assert_allclose(
        to_numpy(layer.embeddings).var(), 1 / 16, rtol=0.05
    )


def test_random_projection_equals_the_reference(rng):
    layer = layers.RandomProjectionQuantizer(9, 5, code_dim=3, seed=2)
    layer.build()
    assert layer.trainable_variables == []
    projection = to_numpy(layer.projection)
    codes = to_numpy(layer.embeddings)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    z = keras.Variable(rng.normal(size=(20, 5)).astype("float32"))
    projected = to_numpy(z) @ projection
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    indices = reference.nearest(projected, codes)
    outputs = to_numpy(layer(ops.convert_to_tensor(z), training=True))
    np.testing.assert_array_equal(outputs["indices"], indices)
    np.testing.assert_allclose(
        outputs["quantized"],
        codes[indices] @ projection.T,
        rtol=1e-5,
        atol=1e-6,
    )
    upstream = rng.normal(size=(20, 5)).astype("float32")
    (found,) = gradients(loss_of(layer, z, upstream), [z])
    np.testing.assert_allclose(found, upstream, rtol=1e-6)
    np.testing.assert_array_equal(to_numpy(layer.projection), projection)


def test_random_projection_follows_its_seed():
    first, again, other = (
        layers.RandomProjectionQuantizer(9, 5, seed=seed) for seed in (2, 2, 3)
    )
    for layer in (first, again, other):
        layer.build()
    for a, b, c in zip(
        first.weights, again.weights, other.weights, strict=True
    ):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
        assert np.abs(to_numpy(a) - to_numpy(c)).max() > 0.1


def test_projection_equals_matrices_around_the_quantizer(rng):
    inner = layers.VectorQuantizer(6, 2, commitment_cost=0.4)
    layer = layers.ProjectedQuantizer(inner, 4)
    layer.build()
    inner.assign_codes(rng.normal(size=(6, 2)))
    down, up, codes = to_numpy([layer.down, layer.up, inner.embeddings])
    assert np.abs(down - up.T).max() > 0.1
    z = keras.Variable(rng.normal(size=(10, 4)).astype("float32"))
    upstream = rng.normal(size=(10, 4)).astype("float32")
    inside = to_numpy(z) @ down
    indices = reference.nearest(inside, codes)
    outputs = to_numpy(layer(ops.convert_to_tensor(z)))
    np.testing.assert_array_equal(outputs["indices"], indices)
    np.testing.assert_allclose(
        outputs["quantized"], codes[indices] @ up, rtol=1e-5, atol=1e-6
    )
    grad_inside, grad_codes = reference.gradients(
        inside, codes, indices, upstream @ up.T, 0.4
    )
    found = gradients(
        loss_of(layer, z, upstream), [z, layer.down, layer.up, inner.embeddings]
    )
    expected = [
        grad_inside @ down.T,
        to_numpy(z).T @ grad_inside,
        codes[indices].T @ upstream,
        grad_codes,
    ]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_projection_goes_around_any_quantizer(rng):
    layer = layers.ProjectedQuantizer(
        layers.ResidualVectorQuantizer(
            layers.VectorQuantizerEMA(8, 2), num_stages=3
        ),
        6,
    )
    outputs = to_numpy(layer(rng.normal(size=(4, 6)), training=True))
    assert outputs["indices"].shape == (4, 3)
    assert outputs["quantized"].shape == (4, 6)
    assert layer.decode_indices(outputs["indices"][:, :1]).shape == (4, 6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="a Dense"):
        layers.ProjectedQuantizer(keras.layers.Dense(2), 4)
    with pytest.raises(ValueError, match="code_dim=0"):
        layers.RandomProjectionQuantizer(8, 4, code_dim=0)
