"""The pair of networks of a model with a continuous latent."""

import math

import keras
from keras import layers

from keras_vq.networks.mlp import mlp_decoder
from keras_vq.networks.mlp import mlp_encoder
from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder

NETWORKS = ("residual_cnn", "spatial_residual_cnn", "mlp")


def encoder_decoder(
    network,
    input_shape,
    latent_dim,
    encoder_dim,
    decoder_dim,
    downsampling=4,
    dtype=None,
    **sizes,
):
    """An encoder, and a decoder that mirrors it.

    Args:
        network: `"residual_cnn"`, convolutions and a vector as latent;
            `"spatial_residual_cnn"`, convolutions and a grid of vectors; or
            `"mlp"`, fully connected layers and a vector.
        input_shape: tuple, shape of one input, channels last.
        latent_dim: int, length of the decoder's input vectors.
        encoder_dim: int, length of the encoder's output vectors.
        decoder_dim: int, channels of the decoder's output.
        downsampling: int, a power of two, of the convolutions.
        dtype: dtype policy of the layers.
        **sizes: `hidden_dim`, `num_residual_layers`, `residual_hidden_dim`.

    Returns:
        `encoder, decoder`, two `keras.Model`.

    Raises:
        ValueError: If `network` is unknown.
    """
    output_shape = (*input_shape[:-1], decoder_dim)
    sizes["dtype"] = dtype
    if network == "mlp":
        return (
            mlp_encoder(input_shape, encoder_dim, **sizes),
            mlp_decoder(latent_dim, output_shape, **sizes),
        )
    sizes["downsampling"] = downsampling
    grid = tuple(n // downsampling for n in input_shape[:-1])
    if network == "spatial_residual_cnn":
        return (
            residual_cnn_encoder(input_shape, encoder_dim, **sizes),
            residual_cnn_decoder((*grid, latent_dim), decoder_dim, **sizes),
        )
    if network == "residual_cnn":
        width = sizes["residual_hidden_dim"]
        convolutions = residual_cnn_encoder(input_shape, width, **sizes)
        x = layers.Flatten(dtype="float32")(convolutions.output)
        x = layers.Dense(encoder_dim, dtype="float32")(x)
        encoder = keras.Model(convolutions.inputs, x, name="encoder")

        inputs = keras.Input((latent_dim,))
        x = layers.Dense(math.prod(grid) * width, dtype=dtype)(inputs)
        x = layers.Reshape((*grid, width), dtype=dtype)(x)
        convolutions = residual_cnn_decoder(
            (*grid, width), decoder_dim, **sizes
        )
        return encoder, keras.Model(inputs, convolutions(x), name="decoder")
    raise ValueError(
        f"`network` must be one of {', '.join(NETWORKS)}. Received: "
        f"network={network!r}"
    )
