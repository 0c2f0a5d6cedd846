"""The model and data that replicas and a single process train on alike."""

import keras
import numpy as np

from keras_vq import layers
from keras_vq import zoo
from tests.helpers import one_layer_networks
from tests.helpers import one_layer_vqvae
from tests.helpers import tiny_images
from tests.helpers import to_numpy

BATCH_SIZE = 16
# The last batch is smaller, and not divided evenly among replicas; JAX needs
# one that its four devices can share.
NUM_IMAGES = 44 if keras.config.backend() == "jax" else 43
EPOCHS = 2
KINDS = ("ema", "gradient", "adversarial")


def build(kind):
    """A tiny model; a third of the codes is dead and will be revived.

    Args:
        kind: `"ema"` or `"gradient"`, a VQ-VAE by how its codebook is trained,
            or `"adversarial"`, a VQGAN with the default discriminator.
    """
    ema = kind != "gradient"
    if ema:
        quantizer = layers.VectorQuantizerEMA(
            16, 4, decay=0.5, revival_threshold=0.4, seed=1, name="quantizer"
        )
    else:
        quantizer = layers.VectorQuantizer(16, 4, name="quantizer")
    if kind == "adversarial":
        model = zoo.vqgan(
            (8, 8, 3),
            **one_layer_networks(),
            quantizer=quantizer,
            disc_hidden_dim=4,
            disc_num_layers=1,
            r1_weight=0.1,
        )
    else:
        model = one_layer_vqvae(quantizer=quantizer)
    rng = np.random.default_rng(0)
    for w in model.weights:
        if w.name in ("kernel", "bias"):
            w.assign(rng.normal(scale=0.3, size=w.shape).astype("float32"))
    embeddings = rng.normal(scale=0.3, size=(16, 4)).astype("float32")
    embeddings[10:] = 50
    quantizer.embeddings.assign(embeddings)
    if ema:
        quantizer.sums.assign(embeddings)
    groups = model.variable_groups()
    optimizers = {name: keras.optimizers.SGD(0.1) for name in groups}
    model.compile(optimizers or keras.optimizers.SGD(0.1))
    return model


def data():
    return tiny_images(np.random.default_rng(1), NUM_IMAGES)


def results(model, history):
    """Weights and the logs of the last epoch, by name."""
    found = {f"weight_{i}": to_numpy(w) for i, w in enumerate(model.weights)}
    for name, values in history.history.items():
        found[f"log_{name}"] = np.array(values[-1])
    return found
