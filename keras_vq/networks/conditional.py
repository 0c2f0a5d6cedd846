"""Networks that are also given a class."""

import math

import keras
from keras import layers


def conditional_encoder(encoder, num_classes, name="encoder"):
    """An encoder that sees the class as one more channel of its input.

    Args:
        encoder: `keras.Model` whose inputs have that channel.
        num_classes: int, number of classes.
        name: Name of the model.

    Returns:
        `keras.Model`, from `[x, labels]`, `(batch, *size, channels - 1)` and
        int `(batch,)`, to the encoder's output.
    """
    *size, channels = encoder.input_shape[1:]
    x = keras.Input((*size, channels - 1))
    labels = keras.Input((), dtype="int32")
    plane = layers.Embedding(num_classes, math.prod(size), dtype="float32")(
        labels
    )
    plane = layers.Reshape((*size, 1), dtype="float32")(plane)
    both = layers.Concatenate(dtype="float32")([x, plane])
    return keras.Model([x, labels], encoder(both), name=name)


def conditional_decoder(decoder, num_classes, label_dim, name="decoder"):
    """A decoder that sees the class beside each vector of the latent.

    Args:
        decoder: `keras.Model` whose input vectors end in `label_dim` numbers
            that describe the class.
        num_classes: int, number of classes.
        label_dim: int, that many.
        name: Name of the model.

    Returns:
        `keras.Model`, from `[z, labels]`, `(batch, *grid, dim - label_dim)` and
        int `(batch,)`, to the decoder's output.
    """
    *grid, dim = decoder.input_shape[1:]
    z = keras.Input((*grid, dim - label_dim))
    labels = keras.Input((), dtype="int32")
    vector = layers.Embedding(num_classes, label_dim, dtype="float32")(labels)
    if grid:
        vector = layers.RepeatVector(math.prod(grid), dtype="float32")(vector)
        vector = layers.Reshape((*grid, label_dim), dtype="float32")(vector)
    both = layers.Concatenate(dtype="float32")([z, vector])
    return keras.Model([z, labels], decoder(both), name=name)
