"""Networks of a hierarchy of grids, each half as fine as the next.

Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2, 2019,
section 3.1, figure 2a, for any number of levels.
"""

from keras import layers

from keras_vq.networks.residual_cnn import residual_cnn_decoder
from keras_vq.networks.residual_cnn import residual_cnn_encoder


def hierarchical_cnn(
    input_shape,
    vector_dims,
    output_dim,
    hidden_dim=128,
    downsampling=4,
    upsampling="transposed",
    dtype=None,
    **sizes,
):
    """Encoders, projections and decoders of all levels, top first.

    Each encoder starts from the features of the one below it, the bottom one
    from the input. A level's projection makes vectors of its features and what
    comes from above; its decoder turns its codes and what comes from above
    into the latter of the next level, the bottom one into the output.

    Args:
        input_shape: tuple, `(*size, channels)`, one to three spatial axes.
        vector_dims: list of int, length of the vectors of each level.
        output_dim: int, channels of the bottom decoder's output.
        hidden_dim: int, channels of the convolutions and of the features.
        downsampling: int, a power of two, ratio of the input's size to that
            of the bottom grid.
        upsampling: `"transposed"` or `"subpixel"`.
        dtype: dtype policy of the layers; projections and outputs are float32.
        **sizes: `num_residual_layers`, `residual_hidden_dim`.

    Returns:
        `encoders, projections, decoders`, three lists of built layers.

    Raises:
        ValueError: If the input's size cannot be halved that often.
    """
    bottom = len(vector_dims) - 1
    ratio = downsampling * 2**bottom
    if any(n % ratio for n in input_shape[:-1]):
        raise ValueError(
            f"{bottom + 1} levels over downsampling={downsampling} need an "
            f"input whose sizes divide by {ratio}. Received: input_shape="
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

    projections, decoders = [], []
    for level, dim in enumerate(vector_dims):
        *grid, _ = encoders[level].output_shape[1:]
        above_dim = hidden_dim if level > 0 else 0
        # A convolution of width 1. Distances to the codes are in float32.
        projection = layers.Dense(dim, dtype="float32")
        projection.build((None, *grid, hidden_dim + above_dim))
        projections.append(projection)
        decoders.append(
            residual_cnn_decoder(
                (*grid, dim + above_dim),
                output_dim if level == bottom else hidden_dim,
                downsampling=ratios[level],
                upsampling=upsampling,
                **sizes,
            )
        )
    return encoders, projections, decoders
