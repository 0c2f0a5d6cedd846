import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file
from safetensors.numpy import save_file

from keras_vq.losses import PerceptualLoss
from keras_vq.networks.vgg16_features import vgg16_features
from tests.helpers import gradients
from tests.helpers import to_numpy


def perceptual_loss(maps_x, maps_y, scales):
    """Equation 1 by a loop over maps and images."""
    distances = np.zeros(len(maps_x[0]))
    for fx, fy, scale in zip(maps_x, maps_y, scales, strict=True):
        for i in range(len(distances)):
            a, b = (
                f[i]
                / np.maximum(np.linalg.norm(f[i], axis=-1), 1e-10)[..., None]
                for f in (fx, fy)
            )
            distances[i] += ((a - b) ** 2 * scale).sum(-1).mean()
    return distances


def small_network(channels=3):
    """A network with two maps and a vector as outputs, and a batch norm."""
    inputs = keras.Input((8, 8, channels))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(5, 3)(x))
    return keras.Model(inputs, [x, y, keras.layers.Flatten()(y)])


@pytest.fixture
def pair(rng):
    x, y = rng.uniform(size=(2, 3, 8, 8, 3)).astype("float32")
    return x, y


def test_equals_the_equation(pair):
    network = small_network()
    scales = [[0.1, 0.0, 2.0, 1.0], np.arange(5), np.ones(80)]
    for channel_weights in (None, scales):
        loss = PerceptualLoss(network, channel_weights=channel_weights)
        maps = [to_numpy(network(x)) for x in pair]
        expected = perceptual_loss(*maps, channel_weights or [1, 1, 1])
        found = to_numpy(loss(*pair))
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        np.testing.assert_allclose(
            to_numpy(loss(*pair, training=True)), found, rtol=1e-5
        )


def test_lpips_is_vgg_with_the_weights_of_the_file(rng, lpips_file):
    x, y = rng.uniform(size=(2, 1, 16, 16, 3)).astype("float32")
    found = to_numpy(PerceptualLoss(weights_file=lpips_file)(x, y))
    network = vgg16_features(lpips_file)
    tensors = load_file(lpips_file)
    scales = [tensors[f"lin{i}.model.1.weight"].ravel() for i in range(5)]
    maps = [to_numpy(network(t)) for t in (x, y)]
    expected = perceptual_loss(*maps, scales)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_grey_images_are_repeated_for_a_network_of_colors(pair):
    x, y = (t[..., :1] for t in pair)
    loss = PerceptualLoss(small_network())
    expected = loss(np.repeat(x, 3, axis=-1), np.repeat(y, 3, axis=-1))
    np.testing.assert_allclose(to_numpy(loss(x, y)), to_numpy(expected))
    gray = PerceptualLoss(small_network(channels=1))
    assert gray(x, y).shape == (3,)
    with pytest.raises(ValueError, match="images of 1 channels"):
        gray(*pair)


def test_gradients_flow_to_both_images_and_to_no_weight(pair):
    loss = PerceptualLoss(small_network())
    assert loss.trainable_variables == []
    x, y = (keras.Variable(t) for t in pair)
    found = gradients(lambda: ops.sum(loss(x, y)), [x, y])
    step = 1e-2
    for i, gradient in enumerate(found):
        moved = list(pair)
        direction = gradient / np.linalg.norm(gradient)
        sums = []
        for sign in (1, -1):
            moved[i] = pair[i] + sign * step * direction
            sums.append(to_numpy(loss(*moved)).sum())
        slope = (sums[0] - sums[1]) / (2 * step)
        np.testing.assert_allclose(slope, np.linalg.norm(gradient), rtol=0.05)


def test_gradient_is_finite_where_features_are_zero():
    loss = PerceptualLoss(
        keras.Sequential([keras.Input((8, 8, 3)), keras.layers.ReLU()])
    )
    y = keras.Variable(np.zeros((1, 8, 8, 3)))
    x = np.ones((1, 8, 8, 3), "float32")
    (gradient,) = gradients(lambda: ops.sum(loss(x, y)), [y])
    assert np.isfinite(gradient).all()


def in_a_model(loss, shape):
    x, y = keras.Input(shape), keras.Input(shape)
    return keras.Model([x, y], loss(x, y))


def test_saved_in_a_model_it_loads_with_all_weights(pair, tmp_path):
    scales = [np.ones(4), np.arange(5), np.ones(80)]
    loss = PerceptualLoss(small_network(), channel_weights=scales)
    model = in_a_model(loss, (8, 8, 3))
    for variable in loss.feature_network.weights:
        variable.assign(variable + 0.1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.trainable_variables == []
    found, expected = (to_numpy(m(list(pair))) for m in (loaded, model))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_lpips_loads_without_the_file_of_weights(
    rng, lpips_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_VQ_LPIPS", str(lpips_file.parent))
    model = in_a_model(PerceptualLoss(), (16, 16, 3))
    model.save(tmp_path / "model.keras")
    monkeypatch.setenv("KERAS_VQ_LPIPS", str(tmp_path / "none"))
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pair = list(rng.uniform(size=(2, 1, 16, 16, 3)).astype("float32"))
    found, expected = (to_numpy(m(pair)) for m in (loaded, model))
    assert expected > 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_error_without_weights_gives_advice(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_VQ_LPIPS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for weights in (None, tmp_path, tmp_path / "other.safetensors"):
        with pytest.raises(FileNotFoundError) as error:
            PerceptualLoss(weights_file=weights)
        for part in (
            str(weights or tmp_path / "keras_vq/lpips_vgg16.safetensors"),
            "KERAS_VQ_LPIPS",
            "remove the perceptual loss",
            "a `keras.Model`",
        ):
            assert part in str(error.value)


def test_images_too_small_for_the_network_are_rejected():
    x = np.zeros((1, 8, 8, 3), "float32")
    loss = PerceptualLoss(vgg16_features())
    with pytest.raises(ValueError, match=r"too small.*\(1, 8, 8, 3\)"):
        loss(x, x)


def test_unusable_weights_are_rejected(lpips_file, tmp_path):
    network = small_network()
    with pytest.raises(
        ValueError, match=r"one list per feature map.*\[4, 5, 80\]"
    ):
        PerceptualLoss(network, channel_weights=[[1.0] * 4])
    scales = [[1.0] * 4, [1.0] * 4 + [-0.1], [1.0] * 80]
    with pytest.raises(ValueError, match=r"not be negative.*-0.1"):
        PerceptualLoss(network, channel_weights=scales)
    with pytest.raises(ValueError, match="Load weights into that network"):
        PerceptualLoss(network, weights_file=lpips_file)
    tensors = load_file(lpips_file)
    del tensors["lin3.model.1.weight"]
    save_file(tensors, tmp_path / "vgg.safetensors")
    with pytest.raises(ValueError, match=r"Missing: lin3.model.1.weight"):
        PerceptualLoss(weights_file=tmp_path / "vgg.safetensors")


def test_the_script_joins_the_files_of_torch(lpips_file, tmp_path):
    torch = pytest.importorskip("torch")
    from scripts.convert_lpips import convert

    tensors = load_file(lpips_file)
    for prefix in ("features", "lin"):
        state = {
            name: torch.from_numpy(tensor)
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        state["classifier.0.bias"] = torch.zeros(3)
        torch.save(state, tmp_path / f"{prefix}.pth")
    out = tmp_path / "folder" / "out.safetensors"
    convert(tmp_path / "features.pth", tmp_path / "lin.pth", out)
    joined = load_file(out)
    assert joined.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(joined[name], tensor)
