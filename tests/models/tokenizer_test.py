import keras
import numpy as np
import pytest

from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return tiny_vqvae()


@pytest.mark.parametrize("count", [0, 1, 7, 8, 19])
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


def test_predict_is_decode_of_encode(rng, model):
    x = tiny_images(rng)
    expected = model.decode(model.encode(x))
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(to_numpy(model(x)), expected, atol=1e-6)


def test_outputs_stay_in_range(model):
    model = tiny_vqvae()
    bias = model.decoder.layers[-1].bias
    bias.assign([100.0, -100.0, 0.0])
    outputs = model.predict(np.full((2, 8, 8, 3), 0.5), verbose=0)
    assert outputs.min() == 0.0
    assert outputs.max() == 1.0


def test_uint8_is_scaled_by_255(rng, model):
    x = rng.integers(0, 256, size=(5, 8, 8, 3), dtype="uint8")
    expected = model.encode((x / 255.0).astype("float32"))
    np.testing.assert_array_equal(model.encode(x), expected)
    outputs = model.evaluate(x, verbose=0, return_dict=True)
    floats = (x / 255.0).astype("float32")
    same = model.evaluate(floats, verbose=0, return_dict=True)
    assert outputs == pytest.approx(same, rel=1e-4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 8, 8, 1)), r"expects inputs of shape \(None, 8, 8, 3\)"),
        (np.zeros((8, 8, 3)), r"Received: shape=\(8, 8, 3\)"),
        (np.zeros((2, 8, 9, 3)), r"Received: shape=\(2, 8, 9, 3\)"),
        (np.full((2, 8, 8, 3), np.nan), "Received: 384 values .* NaN"),
        (np.full((2, 8, 8, 3), 255.0), r"\[0, 1\].* from 255 to 255"),
        (np.full((2, 8, 8, 3), -1.0), "from -1 to -1"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "encode"])
def test_bad_inputs_are_named_before_any_work(model, method, x, message):
    weights = [to_numpy(w) for w in model.weights]
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(x.astype("float32"))
    for old, new in zip(weights, model.weights, strict=True):
        np.testing.assert_array_equal(old, to_numpy(new))


def test_values_just_outside_the_range_pass(model):
    model.encode(np.full((1, 8, 8, 3), 1.005, "float32"))


def test_validation_data_is_checked_too(rng, model):
    x = tiny_images(rng)
    for bad in (x * 255, (x * 255, None)):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            model.fit(x, validation_data=bad, verbose=0)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.full((1, 2, 2), 16), "codes 0 to 15. Received: indices from 16"),
        (np.full((1, 2, 2), -1), "Received: indices from -1 to -1"),
        (np.zeros((1, 3, 2), int), r"\(None, 2, 2\). Received: .*\(1, 3, 2\)"),
        (np.zeros((1, 2, 2)), "decodes integers. Received: .*float64"),
    ],
)
def test_bad_indices_are_named(model, indices, message):
    with pytest.raises(ValueError, match=message):
        model.decode(indices)


def test_empty_data_set_is_an_error(model):
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices(
        np.zeros((0, 8, 8, 3), "float32")
    ).batch(2)
    with pytest.raises(ValueError, match="data set is empty"):
        model.fit(data, verbose=0)
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="data set is empty"):
            method(np.zeros((0, 8, 8, 3)), verbose=0)


def test_all_of_the_first_batch_is_checked(rng, model):
    x = tiny_images(rng, 64)
    x[40] = np.nan
    for method in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ValueError, match="NaN"):
            method(x, batch_size=64, verbose=0)


def test_sample_weight_is_refused(rng, model):
    x = tiny_images(rng)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(x, x, sample_weight=np.ones(len(x)), verbose=0)
