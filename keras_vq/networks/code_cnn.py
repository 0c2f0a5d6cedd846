"""Encoder of a map of codes to a few vectors, and its decoder."""

import keras

from keras_vq.checks import check_downsampling
from keras_vq.checks import check_int
from keras_vq.networks.encoder_decoder import encoder_decoder


def code_encoder_decoder(
    code_shape,
    num_embeddings,
    num_codes,
    embedding_dim,
    hidden_dim=128,
    num_residual_layers=2,
    residual_hidden_dim=32,
    downsampling=1,
    dtype=None,
):
    """Build an encoder of a map of codes to a few vectors, and its decoder.

    Args:
        code_shape: tuple of int, shape of the map.
        num_embeddings: int, number of codes, K.
        num_codes: int >= 1, number of vectors.
        embedding_dim: int, length of a vector.
        hidden_dim: int >= 2, channels of the convolutions and length of the
            embedding of the map's codes. Defaults to 128.
        num_residual_layers: int >= 0, residual blocks in the encoder and in the
            decoder. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block, and of the
            grids next to the fully connected layers. Defaults to 32.
        downsampling: int, 1 or a power of two that divides the sizes of the
            map, factor by which the convolutions reduce them, or a tuple with
            one for each axis. Defaults to 1.
        dtype: dtype policy of the layers; outputs are float32.

    Returns:
        `encoder, decoder`, two `keras.Model`: from int `(batch, *code_shape)`
        to `(batch, num_codes, embedding_dim)`, and from there to logits
        `(batch, *code_shape, num_embeddings)`.

    Raises:
        ValueError: If a size is out of range.

    Example:

    >>> encoder, decoder = keras_vq.networks.code_encoder_decoder(
    ...     (8, 8), num_embeddings=16, num_codes=3, embedding_dim=4,
    ...     hidden_dim=8)
    >>> vectors = encoder(np.zeros((2, 8, 8), "int32"))
    >>> vectors.shape, decoder(vectors).shape
    ((2, 3, 4), (2, 8, 8, 16))
    """
    check_int("num_codes", num_codes)
    check_int("hidden_dim", hidden_dim, 2)
    if downsampling != 1:
        try:
            check_downsampling((*code_shape, 1), downsampling)
        except ValueError as error:
            raise ValueError(
                "`downsampling` must be 1 or a power of two that divides each "
                "size of the first stage's codes. Received: downsampling="
                f"{downsampling!r} for codes of shape {tuple(code_shape)}"
            ) from error
    flat_dim = num_codes * embedding_dim
    to_vector, from_vector = encoder_decoder(
        "residual_cnn",
        (*code_shape, hidden_dim),
        latent_dim=flat_dim,
        encoder_dim=flat_dim,
        decoder_dim=num_embeddings,
        downsampling=downsampling,
        dtype=dtype,
        hidden_dim=hidden_dim,
        num_residual_layers=num_residual_layers,
        residual_hidden_dim=residual_hidden_dim,
    )
    codes = keras.Input(code_shape, dtype="int32")
    x = keras.layers.Embedding(num_embeddings, hidden_dim, dtype=dtype)(codes)
    shape = (num_codes, embedding_dim)
    x = keras.layers.Reshape(shape, dtype="float32")(to_vector(x))
    encoder = keras.Model(codes, x, name="encoder")

    vectors = keras.Input(shape)
    x = keras.layers.Reshape((flat_dim,), dtype="float32")(vectors)
    return encoder, keras.Model(vectors, from_vector(x), name="decoder")
