"""Matching encoders and decoders, with one latent vector or a grid."""

import math

import keras

from keras_vq.checks import check_choice
from keras_vq.checks import check_downsampling
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
    """Build an encoder, and a decoder that mirrors it.

    Args:
        network: `"residual_cnn"`, convolutions with a single latent vector;
            `"spatial_residual_cnn"`, convolutions with a grid of latent
            vectors; or `"mlp"`, fully connected layers with a single latent
            vector.
        input_shape: tuple, shape of one input, channels last.
        latent_dim: int, length of the decoder's input vectors.
        encoder_dim: int, length of the encoder's output vectors.
        decoder_dim: int, channels of the decoder's output.
        downsampling: int, a power of two, ratio of the input's size to that of
            the convolutions' output, or a tuple with one for each axis. Ignored
            for `"mlp"`.
        dtype: dtype policy of the layers.
        **sizes: `hidden_dim`, `num_residual_layers` and `residual_hidden_dim`.

    Returns:
        `encoder, decoder`, two `keras.Model`.

    Raises:
        ValueError: If `network` is unknown or a size is out of range.

    Example:

    >>> encoder, decoder = keras_vq.networks.encoder_decoder(
    ...     "mlp", (8, 8, 1), latent_dim=4, encoder_dim=8, decoder_dim=1)
    >>> encoder(np.zeros((2, 8, 8, 1))).shape, decoder(np.zeros((2, 4))).shape
    ((2, 8), (2, 8, 8, 1))
    """
    check_choice("network", network, NETWORKS)
    output_shape = (*input_shape[:-1], decoder_dim)
    sizes["dtype"] = dtype
    if network == "mlp":
        return (
            mlp_encoder(input_shape, encoder_dim, **sizes),
            mlp_decoder(latent_dim, output_shape, **sizes),
        )
    factors = check_downsampling(input_shape, downsampling, 1)
    sizes["downsampling"] = factors
    grid = tuple(
        n // factor for n, factor in zip(input_shape, factors, strict=False)
    )
    if network == "spatial_residual_cnn":
        return (
            residual_cnn_encoder(input_shape, encoder_dim, **sizes),
            residual_cnn_decoder((*grid, latent_dim), decoder_dim, **sizes),
        )
    width = sizes["residual_hidden_dim"]
    convolutions = residual_cnn_encoder(input_shape, width, **sizes)
    x = keras.layers.Flatten(dtype="float32")(convolutions.output)
    x = keras.layers.Dense(encoder_dim, dtype="float32")(x)
    encoder = keras.Model(convolutions.inputs, x, name="encoder")

    inputs = keras.Input((latent_dim,))
    x = keras.layers.Dense(math.prod(grid) * width, dtype=dtype)(inputs)
    x = keras.layers.Reshape((*grid, width), dtype=dtype)(x)
    convolutions = residual_cnn_decoder((*grid, width), decoder_dim, **sizes)
    return encoder, keras.Model(inputs, convolutions(x), name="decoder")
