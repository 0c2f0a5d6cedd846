import keras
import numpy as np
import pytest

from keras_vq.metrics import LPIPS
from keras_vq.metrics import PSNR
from keras_vq.metrics import SSIM
from keras_vq.metrics import FrechetDistance


def frechet_distance(x, y):
    """Of two sets of vectors, in float64 and in one pass."""
    s1, s2 = np.cov(x.T), np.cov(y.T)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(s1 @ s2).real, 0))
    shift = np.sum((x.mean(0) - y.mean(0)) ** 2)
    return shift + np.trace(s1) + np.trace(s2) - 2 * roots.sum()


def vectors_as_they_are(dim):
    """A network whose features are its inputs `(batch, 1, 1, dim)`."""
    return keras.Sequential([keras.Input((1, 1, dim)), keras.layers.Flatten()])


def small_network():
    return keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, strides=2)]
    )


@pytest.mark.parametrize(("dim", "count"), [(16, 700), (64, 700), (64, 50)])
def test_streaming_equals_one_pass_in_float64(rng, dim, count):
    """Also far from zero, with fewer images than features, uneven batches."""
    mix = rng.normal(size=(2, dim, dim)) * np.exp(-np.arange(dim) / 10)
    x = 100 + rng.normal(size=(count, dim)) @ mix[0]
    y = 100.5 + rng.normal(size=(count + 37, dim)) @ mix[1]
    metric = FrechetDistance(vectors_as_they_are(dim))
    # The first batch of `y` is empty.
    for a, b in zip(
        np.split(x, [1, 21, 40]), np.split(y, [0, 40, 41]), strict=True
    ):
        metric.update_state(a[:, None, None], b[:, None, None])
    expected = frechet_distance(x, y)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-3)


def test_is_zero_for_the_same_images_and_before_any(rng):
    metric = FrechetDistance(vectors_as_they_are(8))
    assert float(metric.result()) == 0
    x = rng.normal(size=(100, 1, 1, 8))
    metric.update_state(x, x[::-1])
    assert 0 <= float(metric.result()) < 1e-4
    metric.update_state(x, 2 * x)
    assert float(metric.result()) > 0.1
    metric.reset_state()
    assert float(metric.result()) == 0


def test_maps_are_averaged_and_bytes_and_grey_images_taken(rng):
    network = small_network()
    x = rng.integers(0, 256, size=(30, 12, 12, 1)).astype("uint8")
    y = rng.uniform(size=(30, 12, 12, 3)).astype("float32")
    metric = FrechetDistance(network)
    metric.update_state(x, y)
    metric.update_state(x[:0], y[:0])
    features = [
        keras.ops.convert_to_numpy(network(t.astype("float32"))).mean((1, 2))
        for t in (np.repeat(x, 3, axis=-1) / 255, y)
    ]
    expected = frechet_distance(*features)
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-3)


def test_in_a_compiled_model_it_equals_the_one_that_is_called(rng):
    x = rng.uniform(size=(10, 12, 12, 3)).astype("float32")
    y = rng.uniform(size=(10, 12, 12, 3)).astype("float32")
    network = small_network()
    makers = [
        PSNR,
        SSIM,
        lambda: LPIPS(network),
        lambda: FrechetDistance(network),
    ]
    model = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.ReLU()])
    model.compile(loss="mse", metrics=[make() for make in makers])
    logs = model.evaluate(x, y, batch_size=4, return_dict=True, verbose=0)
    for make in makers:
        metric = make()
        metric.update_state(y, x)
        np.testing.assert_allclose(
            logs[metric.name], float(metric.result()), rtol=1e-3
        )
        variables = {id(v) for v in metric.variables}
        assert variables.isdisjoint(map(id, network.variables))


def test_error_of_inception_without_weights_gives_advice(monkeypatch):
    def offline(**_):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "InceptionV3", offline)
    with pytest.raises(OSError, match=r"models and could not.*any `keras"):
        FrechetDistance()


def test_inception_is_named_in_the_configuration(monkeypatch, rng, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    name = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
    (tmp_path / "models" / name).touch()  # in the cache

    class Inception(keras.Model):
        def __new__(cls, **_):
            return keras.Sequential(
                [
                    keras.Input((299, 299, 3)),
                    keras.layers.GlobalAveragePooling2D(),
                ]
            )

    monkeypatch.setattr(keras.applications, "InceptionV3", Inception)
    metric = FrechetDistance("inception")
    config = keras.saving.serialize_keras_object(metric)
    assert config["config"]["feature_network"] == "inception"
    again = keras.saving.deserialize_keras_object(config)
    x = rng.uniform(size=(4, 8, 8, 3))
    again.update_state(x, x + 0.5)  # networks see [-1, 1]
    np.testing.assert_allclose(float(again.result()), 3.0, rtol=1e-3)


def test_unusable_networks_are_rejected():
    inputs = keras.Input((8, 8, 3))
    two = keras.Model(inputs, [inputs, inputs])
    with pytest.raises(ValueError, match="one output"):
        FrechetDistance(two)
    for wrong in (keras.layers.Flatten(), keras.Sequential(), "resnet"):
        with pytest.raises(ValueError, match="must be a functional or built"):
            FrechetDistance(wrong)
    metric = FrechetDistance(small_network())
    x = np.zeros((2, 12, 12, 2))
    with pytest.raises(ValueError, match="images of 3 channels"):
        metric.update_state(x, x)
    with pytest.raises(ValueError, match="not support `sample_weight`"):
        metric.update_state(x, x, sample_weight=[1.0, 1.0])


def test_a_configuration_starts_no_download(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"InceptionV3, a download\. Loading"):
        FrechetDistance.from_config({"feature_network": "inception"})
