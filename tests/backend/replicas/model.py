"""The model and data that replicas and a single process train on alike."""

import keras
import numpy as np

from keras_vq import layers
from tests.helpers import one_layer_vqvae
from tests.helpers import tiny_images
from tests.helpers import to_numpy

BATCH_SIZE = 16
# The last batch is smaller, and not divided evenly among replicas; JAX needs
# one that its four devices can share.
NUM_IMAGES = 44 if keras.config.backend() == "jax" else 43
EPOCHS = 2


def build(ema):
    """A tiny VQ-VAE; a third of the codes is dead and will be revived."""
    if ema:
        quantizer = layers.VectorQuantizerEMA(
            16, 4, decay=0.5, revival_threshold=0.4, seed=1, name="quantizer"
        )
    else:
        quantizer = layers.VectorQuantizer(16, 4, name="quantizer")
    model = one_layer_vqvae(quantizer=quantizer)
    rng = np.random.default_rng(0)
    for w in model.weights:
        if w.name not in ("counts", "sums", "embeddings"):
            w.assign(rng.normal(scale=0.3, size=w.shape).astype("float32"))
    embeddings = rng.normal(scale=0.3, size=(16, 4)).astype("float32")
    embeddings[10:] = 50
    quantizer.embeddings.assign(embeddings)
    if ema:
        quantizer.sums.assign(embeddings)
    model.compile(keras.optimizers.SGD(0.1))
    return model


def data():
    return tiny_images(np.random.default_rng(1), NUM_IMAGES)


def results(model, history):
    """Weights and the logs of the last epoch, by name."""
    found = {f"weight_{i}": to_numpy(w) for i, w in enumerate(model.weights)}
    for name, values in history.history.items():
        found[f"log_{name}"] = np.array(values[-1])
    return found
