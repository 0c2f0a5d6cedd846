"""Posterior collapse: a VAE and a VQ-VAE with an autoregressive decoder.

    python scripts/posterior_collapse.py docs/images/posterior_collapse.png

Both models encode black and white digits of 14x14 pixels and decode them with a
PixelCNN conditioned on the latent, which can model digits without it. The VAE
pays for the information in its latent, in nats of KL divergence; the codes of
the VQ-VAE cost the same, used or not. Plots the information in each latent
after each epoch. van den Oord et al., Neural Discrete Representation Learning,
2017, sections 1 and 3.
"""

import pathlib

import keras
import numpy as np
import typer
from keras import ops
from matplotlib.figure import Figure

from keras_vq import data
from keras_vq import layers
from keras_vq import metrics
from keras_vq import models
from keras_vq import networks
from keras_vq import priors
from keras_vq.callbacks.plots import save_figure
from keras_vq.training import Model

SIZE, GRID, DIM = 14, 7, 8


class AutoregressiveDecoder(Model):
    """An encoder, a bottleneck of 7x7 positions, and a conditional PixelCNN.

    Args:
        bottleneck: A bottleneck of `keras_vq.layers` for vectors of length
            `DIM`.
        encoder_dim: int, length of the encoder's vectors.
    """

    def __init__(self, bottleneck, encoder_dim, hidden_dim=32, num_layers=4):
        super().__init__()

        def conv(filters, size, strides=1, activation="relu"):
            return keras.layers.Conv2D(
                filters, size, strides, "same", activation=activation
            )

        self.encoder = keras.Sequential(
            [
                keras.Input((SIZE, SIZE)),
                keras.layers.Reshape((SIZE, SIZE, 1)),
                conv(hidden_dim, 3),
                conv(hidden_dim, 4, 2),
                conv(hidden_dim, 3),
                conv(encoder_dim, 1, activation=None),
            ]
        )
        self.bottleneck = bottleneck
        self.bottleneck.build((None, GRID, GRID, encoder_dim))
        self.upsample = keras.layers.UpSampling2D(SIZE // GRID)
        self.upsample.build((None, GRID, GRID, DIM))
        network = networks.PixelCNN(
            (SIZE, SIZE),
            2,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            condition_dim=DIM,
        )
        self.decoder = priors.AutoregressivePrior(network)
        self.track("loss", "nats", *bottleneck.loss_names)

    def check_first_batch(self, batch, labels):
        self.decoder.check_codes(batch)

    def losses_of(self, x, labels, training):
        pixels = ops.cast(x, "int32")
        z = self.encoder(ops.cast(pixels, "float32"), training=training)
        outputs = self.bottleneck(z, training=training)
        latents = outputs[self.bottleneck.output_name]
        conditioning = networks.Conditioning(condition=self.upsample(latents))
        nats = self.decoder.nats(pixels, conditioning, training)
        outputs["nats"] = ops.mean(ops.sum(nats, axis=(1, 2)))
        # Bottleneck losses are per value.
        outputs["loss"] = outputs["nats"] + SIZE * SIZE * outputs["loss"]
        return outputs


def vae():
    bottleneck = layers.GaussianBottleneck(
        DIM, 1 / (SIZE * SIZE), sample_at_inference=True, seed=0
    )
    return AutoregressiveDecoder(bottleneck, 2 * DIM)


def vqvae(num_embeddings=16):
    quantizer = layers.VectorQuantizerEMA(num_embeddings, DIM)
    model = AutoregressiveDecoder(quantizer, DIM)
    perplexity = metrics.CodebookPerplexity(num_embeddings)
    model.track_metric(perplexity, "indices")
    return model


def main(
    out: pathlib.Path,
    train_split: str = "train[:12800]",
    epochs: int = 6,
    seed: int = 0,
) -> None:
    pixels = models.Pixels((SIZE, SIZE, 1), num_embeddings=2)
    codes = {}
    for split in (train_split, "test[:2000]"):
        batches = data.load_codes(pixels, "mnist", split, shuffle=False)
        codes[split] = np.concatenate(list(batches.as_numpy_iterator()))
    train, test = codes.values()
    history = {}
    for name, make in {"VAE": vae, "VQ-VAE": vqvae}.items():
        keras.utils.set_random_seed(seed)
        model = make()
        model.compile(keras.optimizers.Adam(1e-3))
        fitted = model.fit(
            train,
            batch_size=64,
            epochs=epochs,
            validation_data=(test,),
            verbose=2,
        )
        history[name] = fitted.history
    save_figure(_figure(history, epochs), out)
    print(f"Wrote {out}")


def _figure(history, epochs):
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    panels = figure.subplots(1, 3)
    numbers = np.arange(1, epochs + 1)
    curves = [
        ("VAE", "val_kl_loss", "KL divergence of the VAE, nats per image"),
        ("VQ-VAE", "val_perplexity", "perplexity of the VQ-VAE's 16 codes"),
    ]
    for axis, (name, key, title) in zip(panels, curves):
        axis.plot(numbers, history[name][key], marker=".", color="#4472a8")
        axis.set(title=title, ylim=(0, None))
    for name, values in history.items():
        panels[2].plot(numbers, values["val_nats"], marker=".", label=name)
    panels[2].set(title="-log p(image | latent), nats")
    panels[2].legend(frameon=False)
    for axis in panels:
        axis.title.set_fontsize("small")
        axis.set_xlabel("epoch")
        axis.locator_params(axis="x", integer=True)
    return figure


if __name__ == "__main__":
    typer.run(main)
