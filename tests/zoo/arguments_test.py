"""Wrong types and ranges are refused in words, before anything is built."""

import datetime

import keras
import numpy as np
import pytest

import keras_vq
from keras_vq import callbacks
from keras_vq import data
from keras_vq import layers
from keras_vq import models
from keras_vq import networks
from keras_vq import tuning
from keras_vq import zoo

NO_INTEGERS = ["8", True, float("nan"), 2.5, -1, datetime.date(2020, 1, 1)]
NO_NUMBERS = ["1", True, float("nan"), float("inf"), -1.0]
NO_SHAPES = [None, "32", 32, (8,), (0, 8, 3), (8, float("nan"), 3)]
TABLE = [
    (zoo.vqvae, "num_embeddings", NO_INTEGERS),
    (zoo.vqvae, "num_residual_layers", NO_INTEGERS),
    (zoo.vqvae, "learning_rate", NO_NUMBERS),
    (zoo.vqvae, "dtype", ["floaty", 3]),
    (zoo.vqvae, "input_shape", NO_SHAPES),
    (zoo.vqvae, "decay_warmup", ["yes", 2]),
    (zoo.vqvae, "encoder", [3, "folder"]),
    (zoo.autoencoder, "latent_dim", NO_INTEGERS),
    (zoo.autoencoder, "downsampling", NO_INTEGERS),
    (zoo.vae, "seed", NO_INTEGERS),
    (zoo.vqvae2, "num_levels", NO_INTEGERS),
    (zoo.vqgan, "perceptual_weight", NO_NUMBERS),
    (zoo.vqgan, "attention_resolutions", [3]),
    (zoo.pixelcnn, "tokenizer", [3, None, "folder"]),
    (zoo.transformer, "tokenizer", [3, None, "folder"]),
    (data.load, "name", [None, 3]),
    (data.load_codes, "tokenizer", [None, 3]),
    (callbacks.CodebookPlot, "directory", [None, 3]),
    (callbacks.SampleGrid, "num_samples", NO_INTEGERS),
    (tuning.HyperModel, "rate_weight", NO_NUMBERS),
    (keras_vq.recipes.Run, "path", [None, 3]),
]
OTHERS = {
    data.load_codes: {"name": "scenes"},
    callbacks.SampleGrid: {"directory": "samples"},
    tuning.HyperModel: {"factory": "vqvae"},
}


@pytest.mark.parametrize(
    ("function", "argument", "values"),
    TABLE,
    ids=[f"{function.__name__}-{name}" for function, name, _ in TABLE],
)
def test_wrong_types_name_the_argument(function, argument, values):
    for value in values:
        with pytest.raises(ValueError, match=f"`{argument}`"):
            function(**OTHERS.get(function, {}), **{argument: value})


@pytest.mark.parametrize(
    "build",
    [
        lambda: zoo.vqvae(num_embeddings=10**9, embedding_dim=10**4),
        lambda: zoo.vqvae(hidden_dim=10**9),
        lambda: zoo.autoencoder(latent_dim=10**12),
        lambda: zoo.vqvae((10**5, 10**5, 3)),
        lambda: models.Pixels((10**5, 10**5, 3)),
        lambda: networks.PixelCNN((10**6, 10**6), 8),
        lambda: layers.CodeEmbedding(10**9, 10**4),
        lambda: data.load("scenes", image_size=10**6),
    ],
)
def test_sizes_that_no_memory_holds_are_refused_with_what_they_take(build):
    with pytest.raises(ValueError, match=r"would take [\d,]+ GiB of memory"):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda n: zoo.vqvae(num_residual_layers=n),
        lambda n: zoo.vqgan(disc_num_layers=n),
        lambda n: zoo.vqvae2(num_levels=n),
        lambda n: layers.ResidualVectorQuantizer(
            layers.VectorQuantizer(8, 4), num_stages=n
        ),
    ],
)
def test_numbers_of_layers_have_a_limit(build):
    with pytest.raises(ValueError, match=r"from \d to 1000\. Received.*100000"):
        build(100_000)


def test_parts_of_the_wrong_kind_are_named(tmp_path):
    plain = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    vae = zoo.vae((8, 8, 1), 4, network="mlp", hidden_dim=4)
    for part in (plain, vae):
        for factory in (zoo.pixelcnn, zoo.transformer, zoo.vqvae2_prior):
            with pytest.raises(ValueError, match="`tokenizer` must be a keras"):
                factory(part)
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=r"Cannot load .*damaged\.keras"):
        zoo.pixelcnn(str(damaged))


def test_inputs_of_every_batch_are_checked():
    model = models.Pixels((4, 4, 1))
    x = np.full((8, 4, 4, 1), 0.5, "float32")
    for value, message in ((np.nan, "finite"), (255.0, "from 0.5 to 255")):
        x[-1] = value
        with pytest.raises(ValueError, match=message):
            model.encode(x, batch_size=2)


def test_audio_is_float():
    with pytest.raises(ValueError, match=r"\[-1, 1\].*uint8.*127.5"):
        models.Pixels((16, 1)).encode(np.zeros((2, 16, 1), "uint8"))
