"""Networks for a hierarchy of grids, each half the size of the next.

Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2, 2019,
section 3.1, figure 2a, for any number of levels.
"""

from keras_vq.checks import check_downsampling
from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder


def hierarchical_cnn(
    input_shape,
    embedding_dims,
    output_dim,
    hidden_dim=128,
    downsampling=4,
    upsampling="transposed",
    dtype=None,
    **sizes,
):
    """Build the encoders and decoders of all levels, top (coarsest) first.

    The bottom encoder takes the input, each other encoder the features of the
    level below. A decoder takes the codes of its level and the output
    of the decoder above; the bottom one computes the model's output.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        embedding_dims: list of int, length of the codes of each level.
        output_dim: int, channels of the bottom decoder's output.
        hidden_dim: int, channels of the convolutions and of the features.
        downsampling: int, a power of two, ratio of the input's size to that
            of the bottom grid, or a tuple with one for each axis.
        upsampling: `"transposed"` or `"subpixel"`.
        dtype: dtype policy of the layers; outputs are float32.
        **sizes: `num_residual_layers` and `residual_hidden_dim`.

    Returns:
        `encoders, decoders`, two lists of `keras.Model`.

    Raises:
        ValueError: If the input cannot be halved that often.

    Example:

    >>> encoders, decoders = keras_vq.networks.hierarchical_cnn(
    ...     (16, 16, 3), embedding_dims=[4, 4], output_dim=3, hidden_dim=8)
    >>> [encoder.output_shape for encoder in encoders]
    [(None, 2, 2, 8), (None, 4, 4, 8)]
    """
    factors = check_downsampling(input_shape, downsampling)
    bottom = len(embedding_dims) - 1
    multiples = tuple(factor * 2**bottom for factor in factors)
    if any(n % m for n, m in zip(input_shape, multiples, strict=False)):
        raise ValueError(
            f"{bottom + 1} levels with downsampling={downsampling} need input "
            f"sizes that are multiples of {multiples}. Received: input_shape="
            f"{input_shape}"
        )
    sizes |= {"hidden_dim": hidden_dim, "dtype": dtype}
    ratios = [2] * bottom + [downsampling]

    encoders, shape = [], input_shape
    for ratio in reversed(ratios):
        encoder = residual_cnn_encoder(shape, None, downsampling=ratio, **sizes)
        encoders.append(encoder)
        shape = encoder.output_shape[1:]
    encoders.reverse()

    decoders = []
    for level, dim in enumerate(embedding_dims):
        *grid, _ = encoders[level].output_shape[1:]
        above_dim = hidden_dim if level > 0 else 0
        decoders.append(
            residual_cnn_decoder(
                (*grid, dim + above_dim),
                output_dim if level == bottom else hidden_dim,
                downsampling=ratios[level],
                upsampling=upsampling,
                **sizes,
            )
        )
    return encoders, decoders
