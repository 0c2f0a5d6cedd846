"""What a decoder that needs no latent does to a VAE and to a VQ-VAE.

    python scripts/posterior_collapse.py docs/images/posterior_collapse.png

Both models read black and white digits of 14x14 pixels and write them by a
PixelCNN, which could do so alone, told what is left of a latent. The VAE pays
for what its latent tells, in nats of KL divergence; the codes of the VQ-VAE
cost what they cost, used or not. Plots what either latent carries after each
epoch. van den Oord et al., Neural Discrete Representation Learning, 2017,
sections 1 and 3.
"""

import pathlib

import keras
import numpy as np
import typer
from keras import layers
from keras import ops
from matplotlib.figure import Figure

from keras_vq import data
from keras_vq import layers as vq_layers
from keras_vq import metrics
from keras_vq import models
from keras_vq import priors
from keras_vq.callbacks.plots import save_figure
from keras_vq.ops import masked_mean
from keras_vq.ops.gaussian import gaussian_kl
from keras_vq.training.base_model import BaseModel

SIZE, GRID, DIM = 14, 7, 8


class AutoregressiveDecoder(BaseModel):
    """An encoder, a latent of 7x7 positions, and a PixelCNN told about it."""

    def __init__(self, latent_dim, hidden_dim=32, num_layers=4):
        super().__init__()
        self.encoder = keras.Sequential(
            [
                keras.Input((SIZE, SIZE)),
                layers.Reshape((SIZE, SIZE, 1)),
                layers.Conv2D(hidden_dim, 3, padding="same", activation="relu"),
                layers.Conv2D(
                    hidden_dim, 4, 2, padding="same", activation="relu"
                ),
                layers.Conv2D(hidden_dim, 3, padding="same", activation="relu"),
                layers.Conv2D(latent_dim, 1),
            ]
        )
        self.upsample = layers.UpSampling2D(SIZE // GRID)
        self.upsample.build((None, GRID, GRID, DIM))
        self.decoder = priors.PixelCNN(
            (SIZE, SIZE),
            2,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            condition_dim=DIM,
        )

    def check_first_batch(self, batch, labels):
        self.decoder.check_codes(batch)

    def inputs_of(self, data):
        return (ops.cast(data, "int32"),)

    def nats(self, pixels, latents, training):
        """-log p of an image, given its latent."""
        told = self.upsample(latents)
        nats = self.decoder.nats_of(pixels, None, training, told)
        return masked_mean(ops.sum(nats, axis=(1, 2)))


class VAE(AutoregressiveDecoder):
    def __init__(self):
        super().__init__(2 * DIM)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.add_logs("loss", "nats", "kl_loss")

    def losses_of(self, pixels, training):
        outputs = self.encoder(ops.cast(pixels, "float32"))
        z_mean, log_variance = ops.split(outputs, 2, axis=-1)
        noise = keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)
        z = z_mean + ops.exp(0.5 * log_variance) * noise
        nats = self.nats(pixels, z, training)
        kl = gaussian_kl(z_mean, log_variance, 0.0, 0.0)
        kl = masked_mean(ops.sum(kl, axis=(1, 2, 3)))
        return nats + kl, {"loss": nats + kl, "nats": nats, "kl_loss": kl}


class VQVAE(AutoregressiveDecoder):
    def __init__(self, num_embeddings=16):
        super().__init__(DIM)
        self.quantizer = vq_layers.VectorQuantizerEMA(num_embeddings, DIM)
        self.quantizer.build((None, GRID, GRID, DIM))
        self.add_logs("loss", "nats")
        self.perplexity = metrics.CodebookPerplexity(num_embeddings)

    def losses_of(self, pixels, training):
        x = self.encoder(ops.cast(pixels, "float32"))
        outputs = self.quantizer(x, training=training)
        nats = self.nats(pixels, outputs["quantized"], training)
        self.perplexity.update_state(outputs["indices"])
        loss = nats + SIZE * SIZE * outputs["loss"]
        return loss, {"loss": loss, "nats": nats}


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
    for name, make in {"VAE": VAE, "VQ-VAE": VQVAE}.items():
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
        ("VAE", "val_kl_loss", "KL divergence of the VAE, nats an image"),
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
