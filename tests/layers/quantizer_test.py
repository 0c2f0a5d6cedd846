"""The contract of every quantizer."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_vq import layers
from tests.conformance import cases
from tests.helpers import gradients
from tests.helpers import to_numpy

QUANTIZERS = [c for c in cases.LAYERS if issubclass(c, layers.Quantizer)]
EACH = pytest.mark.parametrize("cls", QUANTIZERS, ids=lambda c: c.__name__)


@pytest.fixture
def layer(cls):
    layer = cases.LAYERS[cls].make()
    for i, w in enumerate(layer.weights):
        if len(w.shape) == 2:  # codebooks and kernels, to tell codes apart
            w.assign(np.random.default_rng(i).normal(size=w.shape))
    return layer


def vectors(rng, layer, *leading):
    return rng.normal(size=(*leading, layer.embedding_dim)).astype("float32")


@EACH
@pytest.mark.parametrize("leading", [(6,), (2, 3), (2, 1, 3), (0, 2)])
def test_decoded_indices_are_the_quantized_vectors(rng, cls, layer, leading):
    z = vectors(rng, layer, *leading)
    outputs = to_numpy(layer(z))
    indices = to_numpy(layer.encode_to_indices(z))
    last = (layer.codes_per_position,) if layer.codes_per_position > 1 else ()
    assert indices.shape == (*leading, *last)
    assert indices.dtype == "int32"
    np.testing.assert_array_equal(outputs["indices"], indices)
    np.testing.assert_allclose(
        outputs["quantized"],
        to_numpy(layer.decode_indices(indices)),
        rtol=1e-6,
        atol=1e-6,
    )
    parts = {"quantized", "indices", "loss", *layer.loss_names}
    assert set(outputs) == parts
    if indices.size:
        assert indices.min() >= 0
        assert indices.max() < layer.num_embeddings
        assert len(np.unique(indices)) > 1


@EACH
def test_all_variables_exist_before_the_first_call(rng, cls):
    """An optimizer is created for them; nothing is added later."""
    layer = cases.LAYERS[cls].make()
    before = list(layer.variables)
    layer(vectors(rng, layer, 4), training=True)
    assert list(map(id, layer.variables)) == list(map(id, before))


@EACH
def test_a_frozen_quantizer_infers(rng, layer):
    """As for batch normalization, `trainable=False` overrides `training`."""
    layer.trainable = False
    z = vectors(rng, layer, 8)
    before = to_numpy(layer.weights)
    outputs = to_numpy(layer(z, training=True))
    for found, expected in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(to_numpy(found), expected)
    keras.tree.map_structure(
        np.testing.assert_array_equal, outputs, to_numpy(layer(z))
    )


@EACH
def test_masked_positions_change_nothing(rng, cls):
    """Losses and state are those of the valid vectors alone."""
    z = vectors(rng, cases.LAYERS[cls].make(), 2, 6)
    mask = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 1, 0]], "bool")
    found = []
    for x, m in ((z, mask), (np.where(mask[..., None], z, 9), mask)):
        keras.utils.set_random_seed(1)
        layer = cases.LAYERS[cls].make()
        outputs = to_numpy(layer(x, mask=m, training=True))
        found.append((outputs, to_numpy(layer.weights)))
    (outputs, state), (others, other_state) = found
    for name in ("loss", *layer.loss_names):
        np.testing.assert_allclose(outputs[name], others[name], rtol=1e-6)
    for a, b in zip(state, other_state, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        outputs["indices"][mask], others["indices"][mask]
    )


@EACH
def test_masked_nan_reaches_no_weight(rng, cls):
    """Padding may hold anything: losses and gradients are those of zeros."""
    z = vectors(rng, cases.LAYERS[cls].make(), 2, 6)
    mask = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 1, 0]], "bool")
    found = []
    for padding in (0.0, np.nan):
        keras.utils.set_random_seed(1)
        layer = cases.LAYERS[cls].make()
        x = keras.Variable(np.where(mask[..., None], z, padding))

        def loss_of(layer=layer, x=x):
            outputs = layer(ops.convert_to_tensor(x), mask=mask, training=True)
            # `quantized`, where it counts, learns as in a model.
            valid = ops.where(mask[..., None], outputs["quantized"], 0.0)
            return outputs["loss"] + ops.sum(valid)

        found.append(gradients(loss_of, [x, *layer.trainable_variables]))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@EACH
def test_a_mask_of_the_wrong_shape_is_reported(rng, cls, layer):
    z = vectors(rng, layer, 2, 3)
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*\(2, 4\)"):
        layer(z, mask=np.ones((2, 4), "bool"))


@EACH
def test_indices_out_of_range_are_reported(cls, layer):
    depth = layer.codes_per_position
    for wrong in (-1, layer.num_embeddings):
        with pytest.raises(ValueError, match=f"from .*{wrong}|to {wrong}"):
            layer.decode_indices(np.full((2, depth), wrong))
    with pytest.raises(ValueError, match=r"integers.*float32"):
        layer.decode_indices(np.zeros((2, depth), "float32"))


@EACH
def test_vectors_of_another_length_are_reported(cls, layer):
    dim = layer.embedding_dim
    with pytest.raises(ValueError, match=rf"={dim} .*\(2, {dim + 1}\)"):
        layer(np.zeros((2, dim + 1), "float32"))


@EACH
def test_vectors_of_zeros_give_no_nan(cls, layer):
    outputs = to_numpy(layer(np.zeros((4, layer.embedding_dim), "float32")))
    for value in outputs.values():
        assert np.isfinite(value).all()


@EACH
def test_losses_are_float32_and_vectors_keep_their_dtype(rng, cls, layer):
    z = ops.cast(vectors(rng, layer, 4), "bfloat16")
    outputs = layer(z, training=True)
    dtypes = {
        name: keras.backend.standardize_dtype(x.dtype)
        for name, x in outputs.items()
    }
    assert dtypes.pop("quantized") == "bfloat16"
    assert dtypes.pop("indices") == "int32"
    assert set(dtypes.values()) == {"float32"}


@EACH
def test_the_mask_of_keras_arrives_and_goes_on(rng, cls, layer):
    z = vectors(rng, layer, 2, 3)
    z[1, 1:] = 0
    mask = np.array([[1, 1, 1], [1, 0, 0]], "bool")
    masked = keras.layers.Masking()(ops.convert_to_tensor(z))
    outputs, expected = layer(masked), layer(z, mask=mask)
    np.testing.assert_allclose(
        to_numpy(outputs["loss"]), to_numpy(expected["loss"]), rtol=1e-6
    )
    pooled = keras.layers.GlobalAveragePooling1D()(outputs["quantized"])
    first = to_numpy(outputs["quantized"])[1, 0]
    np.testing.assert_allclose(to_numpy(pooled)[1], first, rtol=1e-5)


@EACH
def test_the_mean_code_is_that_of_all_codes(cls, layer):
    if layer.codes_per_position > 1:
        pytest.skip("several codes: see the quantizer's own tests")
    codes = layer.decode_indices(np.arange(layer.num_embeddings))
    np.testing.assert_allclose(
        to_numpy(layer.mean_code()),
        to_numpy(codes).mean(axis=0),
        rtol=1e-5,
        atol=1e-6,
    )
