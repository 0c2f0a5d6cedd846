"""A model with networks that a user writes."""

import keras

from keras_vq import models
from keras_vq.layers import VectorQuantizerEMA


def vqvae(num_embeddings):
    """A compiled VQ-VAE of 8 x 8 images, with small residual networks."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 4, strides=4, activation="relu")(inputs)
    encoder = keras.Model(inputs, keras.layers.Dense(4)(residual(x)))

    inputs = keras.Input((2, 2, 4))
    x = residual(keras.layers.Dense(8)(inputs))
    outputs = keras.layers.Conv2DTranspose(3, 4, strides=4)(x)
    decoder = keras.Model(inputs, outputs)

    model = models.VQVAE(
        encoder, VectorQuantizerEMA(num_embeddings, 4), decoder
    )
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def residual(x):
    h = keras.layers.Conv2D(8, 3, padding="same")(x)
    h = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(h))
    return keras.layers.Add()([x, h])
