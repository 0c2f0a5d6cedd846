"""Networks conditioned on a class label."""

import math

import keras


def conditional_encoder(encoder, num_classes, name="encoder"):
    """Condition an encoder on the class, as an additional input channel.

    Args:
        encoder: `keras.Model` whose input includes that channel.
        num_classes: int, number of classes.
        name: Name of the model.

    Returns:
        `keras.Model`, from `[x, labels]`, `(batch, *size, channels - 1)` and
        int `(batch,)`, to the encoder's output.

    Example:

    >>> encoder = keras_vq.networks.mlp_encoder((8, 8, 2), 4)
    >>> encoder = keras_vq.networks.conditional_encoder(encoder, 10)
    >>> encoder([np.zeros((2, 8, 8, 1)), np.array([3, 7])]).shape
    (2, 4)
    """
    *size, channels = encoder.input_shape[1:]
    x = keras.Input((*size, channels - 1))
    labels = keras.Input((), dtype="int32")
    plane = keras.layers.Embedding(
        num_classes, math.prod(size), dtype="float32"
    )(labels)
    plane = keras.layers.Reshape((*size, 1), dtype="float32")(plane)
    both = keras.layers.Concatenate(dtype="float32")([x, plane])
    return keras.Model([x, labels], encoder(both), name=name)


def conditional_decoder(decoder, num_classes, label_dim, name="decoder"):
    """Condition a decoder on the class, appended to each latent vector.

    Args:
        decoder: `keras.Model` whose input vectors end with the embedding of
            the class.
        num_classes: int, number of classes.
        label_dim: int, length of that embedding.
        name: Name of the model.

    Returns:
        `keras.Model`, from `[z, labels]`, `(batch, *grid, dim - label_dim)` and
        int `(batch,)`, to the decoder's output.

    Example:

    >>> decoder = keras_vq.networks.mlp_decoder(4 + 6, (8, 8, 1))
    >>> decoder = keras_vq.networks.conditional_decoder(decoder, 10, 6)
    >>> decoder([np.zeros((2, 4)), np.array([3, 7])]).shape
    (2, 8, 8, 1)
    """
    *grid, dim = decoder.input_shape[1:]
    z = keras.Input((*grid, dim - label_dim))
    labels = keras.Input((), dtype="int32")
    vector = keras.layers.Embedding(num_classes, label_dim, dtype="float32")(
        labels
    )
    if grid:
        vector = keras.layers.RepeatVector(math.prod(grid), dtype="float32")(
            vector
        )
        vector = keras.layers.Reshape((*grid, label_dim), dtype="float32")(
            vector
        )
    both = keras.layers.Concatenate(dtype="float32")([z, vector])
    return keras.Model([z, labels], decoder(both), name=name)
