"""An exported generator, with requests and the expected answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vq import LatentGenerator
from keras_vq import zoo
from keras_vq.export import saved_model
from tests.export.requests import eagerly
from tests.export.requests import to_bytes
from tests.helpers import one_layer_vqvae
from tests.helpers import perturbed
from tests.helpers import tiny_images


@pytest.fixture(scope="session")
def generator():
    keras.utils.set_random_seed(0)
    tokenizer = one_layer_vqvae()
    prior = zoo.pixelcnn(
        tokenizer,
        num_classes=3,
        hidden_dim=8,
        num_layers=1,
        first_kernel_size=3,
    )
    return perturbed(LatentGenerator(tokenizer, prior))


@pytest.fixture(scope="session")
def folder(generator, tmp_path_factory):
    """The folder of the served generator, with version 1 in it."""
    path = tmp_path_factory.mktemp("export") / "served"
    saved_model(generator, path, version=1, png=True, warmup_batch_sizes=(1, 4))
    return path


@pytest.fixture(scope="session")
def signatures(folder):
    return tf.saved_model.load(str(folder / "1")).signatures


@pytest.fixture(scope="session")
def exchanges(generator):
    """Inputs and expected outputs of each signature, 33 rows of each."""
    rng = np.random.default_rng(0)
    pixels = np.round(255 * tiny_images(rng, 33)).astype("uint8")
    images = (pixels / np.float32(255)).astype("float32")
    labels = rng.integers(3, size=33).astype("int32")
    drawing = {
        "seed": np.array(5, "int32"),
        "temperature": np.array(0.7, "float32"),
        "labels": labels,
    }
    with eagerly():
        codes = generator.tokenizer.encode(images, batch_size=33)
        decoded = generator.tokenizer.decode(codes, batch_size=33)
        drawn = generator.generate(33, labels, temperature=0.7, seed=5)
    return {
        "serving_default": ({"inputs": images}, {"reconstructions": decoded}),
        "serve": ({"inputs": images}, {"reconstructions": decoded}),
        "encode": ({"inputs": images}, {"indices": codes}),
        "decode": ({"indices": codes}, {"outputs": decoded}),
        "generate": (drawing, {"images": drawn}),
        "encode_png": ({"image_bytes": to_bytes(images)}, {"indices": codes}),
        "decode_png": ({"indices": codes}, {"image_bytes": decoded}),
    }
