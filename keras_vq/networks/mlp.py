"""Fully connected encoder and decoder with residual blocks."""

import math

import keras

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_shape


def mlp_encoder(
    input_shape,
    output_dim,
    hidden_dim=512,
    num_residual_layers=1,
    residual_hidden_dim=512,
    dtype=None,
    name="encoder",
):
    """Build an encoder from an input of any shape to a vector.

    Args:
        input_shape: tuple, shape of one input.
        output_dim: int, length of the vector.
        hidden_dim: int, width of the layers.
        num_residual_layers: int, number of residual blocks.
        residual_hidden_dim: int, width inside a residual block.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, *input_shape)` to `(batch, output_dim)`.

    Example:

    >>> encoder = keras_vq.networks.mlp_encoder((8, 8, 3), 4)
    >>> encoder(np.zeros((2, 8, 8, 3))).shape
    (2, 4)
    """
    check_int("output_dim", output_dim)
    inputs = keras.Input(check_shape("input_shape", input_shape))
    x = keras.layers.Flatten(dtype=dtype)(inputs)
    x = _residual_mlp(
        x, hidden_dim, num_residual_layers, residual_hidden_dim, dtype
    )
    outputs = keras.layers.Dense(output_dim, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def mlp_decoder(
    input_dim,
    output_shape,
    hidden_dim=512,
    num_residual_layers=1,
    residual_hidden_dim=512,
    dtype=None,
    name="decoder",
):
    """Build a decoder from a vector to an output of any shape.

    Args:
        input_dim: int, length of the vector.
        output_shape: tuple, shape of one output.
        hidden_dim: int, width of the layers.
        num_residual_layers: int, number of residual blocks.
        residual_hidden_dim: int, width inside a residual block.
        dtype: dtype policy of the layers; the last one is float32.
        name: Name of the model.

    Returns:
        `keras.Model`, `(batch, input_dim)` to `(batch, *output_shape)`.

    Example:

    >>> decoder = keras_vq.networks.mlp_decoder(4, (8, 8, 3))
    >>> decoder(np.zeros((2, 4))).shape
    (2, 8, 8, 3)
    """
    inputs = keras.Input((input_dim,))
    x = _residual_mlp(
        inputs, hidden_dim, num_residual_layers, residual_hidden_dim, dtype
    )
    x = keras.layers.Dense(math.prod(output_shape), dtype="float32")(x)
    outputs = keras.layers.Reshape(output_shape, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _residual_mlp(x, hidden_dim, num_layers, residual_hidden_dim, dtype):
    check_int("hidden_dim", hidden_dim, 2)
    check_int("num_residual_layers", num_layers, 0, MAX_LAYERS)
    check_memory(f"A layer of hidden_dim={hidden_dim}", hidden_dim, hidden_dim)
    check_int("residual_hidden_dim", residual_hidden_dim)
    x = keras.layers.Dense(hidden_dim, dtype=dtype)(x)
    for _ in range(num_layers):
        h = keras.layers.ReLU(dtype=dtype)(x)
        h = keras.layers.Dense(residual_hidden_dim, "relu", dtype=dtype)(h)
        h = keras.layers.Dense(hidden_dim, dtype=dtype)(h)
        x = keras.layers.Add(dtype=dtype)([x, h])
    return keras.layers.ReLU(dtype=dtype)(x)
