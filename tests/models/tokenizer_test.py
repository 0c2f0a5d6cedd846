"""How all first stages handle arrays, tested with a VQ-VAE."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import layers
from keras_vq import zoo
from keras_vq.models import VQVAE
from tests.helpers import one_layer_vqvae
from tests.helpers import run
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


@pytest.fixture(scope="module")
def model():
    """A model; tests use batches of 8 and 1 only, to compile just twice."""
    keras.utils.set_random_seed(0)
    return one_layer_vqvae()


@pytest.mark.parametrize("count", [0, 1, 19])
def test_encode_and_decode_take_arrays_of_any_length(rng, model, count):
    x = tiny_images(rng, count)
    codes = model.encode(x, batch_size=8)
    assert codes.shape == (count, 2, 2)
    assert codes.dtype == "int32"
    outputs = model.decode(codes, batch_size=8)
    assert outputs.shape == x.shape
    assert outputs.dtype == "float32"
    for i in range(count):
        one = model.decode(model.encode(x[i : i + 1]))
        np.testing.assert_allclose(outputs[i : i + 1], one, atol=1e-5)


def test_a_call_and_predict_are_decode_of_encode(rng, model):
    x = tiny_images(rng, 8)
    expected = model.decode(model.encode(x))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(run(model, x), expected, atol=1e-6)


def test_a_call_in_training_reconstructs_and_updates_nothing(rng, model):
    """Whatever the parts do in training: sample, drop out, average."""
    inputs = keras.Input((8, 8, 3))
    z = keras.layers.Conv2D(4, 4, strides=4)(inputs)
    z = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(z))
    model = VQVAE(
        keras.Model(inputs, z), layers.GumbelQuantizer(8, 4), model.decoder
    )
    x = tiny_images(rng, 8)
    before = to_numpy(model.variables)
    outputs = run(model, x, training=True)
    np.testing.assert_array_equal(outputs, run(model, x))
    for found, expected in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(to_numpy(found), expected)


@pytest.mark.parametrize("levels", [1, 2])
def test_codes_and_priors_stay_valid_while_a_decoder_is_tuned(rng, levels):
    x = tiny_images(rng, 16)
    if levels == 1:
        model = one_layer_vqvae()
        deciding = [model.encoder, model.quantizer]
        prior = zoo.pixelcnn(model, hidden_dim=4, num_layers=1)
    else:
        model = zoo.vqvae2(
            (8, 8, 3), num_embeddings=16, embedding_dim=4, hidden_dim=4
        )
        deciding = [
            *model.encoders,
            *model.projections,
            *model.quantizers,
            *model.decoders[:-1],
        ]
        prior = zoo.vqvae2_prior(model, hidden_dim=32, num_layers=2)
    fingerprint, codes = model.fingerprint(), model.encode(x, batch_size=8)
    outputs = model.decode(codes, batch_size=8)
    for part in deciding:
        part.trainable = False
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, batch_size=8, verbose=0)
    assert model.fingerprint() == fingerprint
    keras.tree.map_structure(
        np.testing.assert_array_equal, model.encode(x, batch_size=8), codes
    )
    LatentGenerator(model, prior)  # accepts the tokenizer of the prior
    assert abs(model.decode(codes, batch_size=8) - outputs).max() > 1e-3


def test_outputs_stay_in_range():
    model = one_layer_vqvae()
    bias = model.decoder.layers[-1].bias
    bias.assign([100.0, -100.0, 0.0])
    outputs = model.predict(np.full((2, 8, 8, 3), 0.5), verbose=0)
    assert outputs.min() == 0.0
    assert outputs.max() == 1.0


def test_uint8_is_scaled_by_255(rng, model):
    x = rng.integers(0, 256, size=(8, 8, 8, 3), dtype="uint8")
    floats = (x / 255.0).astype("float32")
    np.testing.assert_array_equal(model.encode(x), model.encode(floats))
    logs = model.evaluate(x, verbose=0, return_dict=True)
    same = model.evaluate(floats, verbose=0, return_dict=True)
    assert logs == pytest.approx(same, rel=1e-4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 8, 8, 1)), r"expects inputs of shape \(None, 8, 8, 3\)"),
        (np.zeros((8, 8, 3)), r"Received: shape=\(8, 8, 3\)"),
        (np.zeros((2, 8, 9, 3)), r"Received: shape=\(2, 8, 9, 3\)"),
        (np.full((2, 8, 8, 3), np.nan), "Received: 384 NaN or infinite"),
        (np.full((2, 8, 8, 3), 255.0), r"\[0, 1\].* from 255 to 255"),
        (np.full((2, 8, 8, 3), -1.0), "from -1 to -1"),
    ],
)
def test_bad_inputs_are_named_before_any_work(model, x, message):
    weights = [to_numpy(w) for w in model.weights]
    for method in (model.fit, model.evaluate, model.predict, model.encode):
        with pytest.raises(ValueError, match=message):
            method(x.astype("float32"))
    for old, new in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(old, to_numpy(new))


def test_the_range_is_that_of_the_kind_of_input(model):
    model.encode(np.full((1, 8, 8, 3), 1.005, "float32"))  # resizing overshoots
    audio = tiny_vqvae(input_shape=(16, 1))
    audio.check_inputs(np.full((1, 16, 1), -1.0, "float32"))
    with pytest.raises(ValueError, match=r"in \[-1, 1\]"):
        audio.encode(np.full((1, 16, 1), -1.5, "float32"))


def test_all_of_the_first_batch_and_validation_data_are_checked(rng, model):
    x = tiny_images(rng, 64)
    for bad in (x * 255, (x * 255, None)):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            model.fit(x, validation_data=bad, verbose=0)
    x[40] = np.nan
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="NaN"):
            method(x, batch_size=64, verbose=0)


def test_empty_data_are_an_error(model):
    x = np.zeros((0, 8, 8, 3), "float32")
    data = tf.data.Dataset.from_tensor_slices(x).batch(2)
    with pytest.raises(ValueError, match="data set is empty"):
        model.fit(data, verbose=0)
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="data set is empty"):
            method(x, verbose=0)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.full((1, 2, 2), 16), "codes 0 to 15. Received: indices from 16"),
        (np.full((1, 2, 2), -1), "Received: indices from -1 to -1"),
        (np.zeros((1, 3, 2), int), r"\(None, 2, 2\). Received: .*\(1, 3, 2\)"),
        (np.zeros((1, 2, 2)), "expects integer indices. Received: .*float64"),
    ],
)
def test_bad_indices_are_reported(model, indices, message):
    with pytest.raises(ValueError, match=message):
        model.decode(indices)


def test_labels_of_a_model_without_classes_are_rejected(model):
    with pytest.raises(ValueError, match="takes no labels"):
        model.encode(np.zeros((1, 8, 8, 3)), labels=[0])
