import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file
from safetensors.numpy import save_file

from keras_vq.networks.vgg16_features import vgg16_features
from tests.helpers import run
from tests.helpers import to_numpy

# VGG-16 as torchvision writes it; its layers are numbered in turn.
LAYERS = [
    64,
    64,
    "M",
    128,
    128,
    "M",
    *[256] * 3,
    "M",
    *[512] * 3,
    "M",
    *[512] * 3,
]


def reference(x, weights):
    """The activations before each pooling and at the end."""
    x = (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    place, maps = 0, []
    for layer in LAYERS:
        if layer == "M":
            maps.append(x)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            place += 1
        else:
            kernel = weights[f"features.{place}.weight"].transpose(2, 3, 1, 0)
            bias = weights[f"features.{place}.bias"]
            x = tf.cast(x, "float32")
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
            place += 2  # and its ReLU
    return [np.array(m) for m in [*maps, x]]


def test_equals_torchvisions_layers(rng, lpips_file):
    x = rng.uniform(size=(2, 32, 24, 3)).astype("float32")
    maps = run(vgg16_features(str(lpips_file)), x)
    assert [m.shape[1:] for m in maps] == [
        (32, 24, 64),
        (16, 12, 128),
        (8, 6, 256),
        (4, 3, 512),
        (2, 1, 512),
    ]
    for found, expected in zip(
        maps, reference(x, load_file(lpips_file)), strict=True
    ):
        scale = expected.std()
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)


def test_takes_the_files_of_keras_applications(rng, tmp_path):
    vgg = keras.applications.VGG16(include_top=False, weights=None)
    vgg.save_weights(tmp_path / "vgg.weights.h5")
    model = vgg16_features(tmp_path / "vgg.weights.h5")
    for a, b in zip(vgg.weights, model.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


def test_takes_a_url_and_downloads_once(lpips_file, tmp_path, monkeypatch):
    calls = []

    def get_file(name, origin, cache_subdir):
        calls.append((name, origin, cache_subdir))
        return str(lpips_file)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    vgg16_features("https://example.org/a/vgg.safetensors?download=1")
    ((name, origin, folder),) = calls
    assert name.endswith("-vgg.safetensors")
    assert origin == "https://example.org/a/vgg.safetensors?download=1"
    assert folder == "keras_vq"


def test_unusable_files_are_rejected(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file of weights"):
        vgg16_features(tmp_path / "none.safetensors")
    (tmp_path / "vgg.pth").touch()
    with pytest.raises(ValueError, match=r"save_file\(torch.load"):
        vgg16_features(tmp_path / "vgg.pth")
    save_file({"a": np.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"lacks features.0.bias"):
        vgg16_features(tmp_path / "a.safetensors")
    with pytest.raises(OSError, match="give its path"):
        vgg16_features(f"file://{tmp_path}/none.safetensors")
