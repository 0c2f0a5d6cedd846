"""Results that depend on formulas alone: see scripts/make_golden.py."""

import keras
import numpy as np
from keras import ops

from keras_vq import layers
from tests.helpers import gradients
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


def wave(shape, frequency=1.0):
    """Numbers in [-1, 1] that no two entries share."""
    values = np.sin(frequency * np.arange(1, np.prod(shape) + 1))
    return values.reshape(shape).astype("float32")


def results():
    """Named arrays: layers, their gradients, and steps of training."""
    return {
        **_quantizer("gradient", layers.VectorQuantizer(8, 4)),
        **_quantizer(
            "ema",
            layers.VectorQuantizerEMA(
                8, 4, decay=0.8, epsilon=1e-3, revival_threshold=None
            ),
        ),
        **_upsampling("transposed", layers.TransposedConv(3)),
        **_upsampling("subpixel", layers.SubpixelConv(3)),
        **_training("vqvae_ema", ema_decay=0.9, decay_warmup=False),
        **_training("vqvae_gradient", ema_decay=None, upsampling="subpixel"),
    }


def _quantizer(name, layer):
    layer.build((None, 4))
    layer.embeddings.assign(wave((8, 4), 0.7))
    if isinstance(layer, layers.VectorQuantizerEMA):
        layer.sums.assign(wave((8, 4), 0.7))
    z = keras.Variable(wave((5, 3, 4), 1.3))
    upstream = wave((5, 3, 4), 2.1)

    def loss():
        outputs = layer(ops.convert_to_tensor(z))
        total = ops.sum(ops.multiply(upstream, outputs["quantized"]))
        return total + outputs["loss"]

    found = {
        f"{name}_{k}": v
        for k, v in to_numpy(layer(wave((5, 3, 4), 1.3))).items()
    }
    found |= {
        f"{name}_gradient_{i}": g
        for i, g in enumerate(gradients(loss, [z, *layer.trainable_variables]))
    }
    for step in range(4):
        layer(wave((5, 3, 4), 1.3 + step), training=True)
    found[f"{name}_embeddings"] = to_numpy(layer.embeddings)
    return found


def _upsampling(name, layer):
    layer.build((None, 3, 5, 4))
    layer.kernel.assign(wave(layer.kernel.shape))
    layer.bias.assign(wave(layer.bias.shape))
    return {name: to_numpy(layer(wave((2, 3, 5, 4), 0.3)))}


def _training(name, **kwargs):
    model = tiny_vqvae(data_variance=0.3, commitment_cost=0.5, **kwargs)
    model.quantizer.revival_threshold = None
    for i, w in enumerate(model.weights):
        w.assign(0.3 * wave(w.shape, 1 + i / 7))
    if kwargs["ema_decay"]:
        model.quantizer.counts.assign(np.ones(16))
        model.quantizer.sums.assign(to_numpy(model.quantizer.embeddings))
    x = 0.5 + 0.5 * wave((24, 8, 8, 3), 0.37)
    found = {
        f"{name}_codes": model.encode(x),
        f"{name}_outputs": model.predict(x, verbose=0)[:2],
    }
    model.compile(keras.optimizers.SGD(0.05))
    history = model.fit(x, batch_size=8, shuffle=False, verbose=0).history
    found |= {f"{name}_log_{k}": np.array(v) for k, v in history.items()}
    found |= {
        f"{name}_weight_{i}": to_numpy(w) for i, w in enumerate(model.weights)
    }
    return found
