"""Quantizers by name, from the numbers that the factories take."""

import math

from keras_vq import layers

# Codes of a position, where a name alone is given.
NUM_STAGES = 4
NUM_GROUPS = 2


def make_quantizer(
    quantizer, num_embeddings, embedding_dim, commitment_cost, ema_decay
):
    """The quantizer that a factory's arguments describe.

    Args:
        quantizer: A quantizer of `keras_vq.layers`, returned as it is; the name
            of one, such as `"residual_vector_quantizer"`; or None for
            `"vector_quantizer_ema"`, or `"vector_quantizer"` without
            `ema_decay`.
        num_embeddings: int, number of codes, K. Levels of a finite scalar
            quantizer have a product near it; a lookup-free quantizer has its
            bits.
        embedding_dim: int, length of a code, D; not of those two, where the
            number of levels and of bits decides it.
        commitment_cost: float, the VQ-VAE's beta, where there is one.
        ema_decay: float, decay of moving averages, or None for a codebook
            learned by gradient.

    Returns:
        A quantizer of `keras_vq.layers`.

    Raises:
        ValueError: If the name is unknown, or the numbers do not fit.
    """
    if isinstance(quantizer, layers.Quantizer):
        return quantizer
    k, dim, cost = num_embeddings, embedding_dim, commitment_cost

    def vectors(dim):
        if ema_decay is None:
            return layers.VectorQuantizer(k, dim, cost)
        return layers.VectorQuantizerEMA(k, dim, cost, decay=ema_decay)

    makers = {
        None: lambda: vectors(dim),
        "vector_quantizer": lambda: layers.VectorQuantizer(k, dim, cost),
        "vector_quantizer_ema": lambda: layers.VectorQuantizerEMA(
            k, dim, cost, decay=ema_decay or 0.99
        ),
        "finite_scalar_quantizer": lambda: layers.FiniteScalarQuantizer(
            levels_near(k)
        ),
        "residual_vector_quantizer": lambda: layers.ResidualVectorQuantizer(
            vectors(dim), NUM_STAGES
        ),
        "grouped_vector_quantizer": lambda: layers.GroupedVectorQuantizer(
            vectors(part_of(dim)), NUM_GROUPS
        ),
        "gumbel_quantizer": lambda: layers.GumbelQuantizer(k, dim),
        "sim_vector_quantizer": lambda: layers.SimVectorQuantizer(k, dim, cost),
        "random_projection_quantizer": lambda: layers.RandomProjectionQuantizer(
            k, dim, code_dim=min(16, dim)
        ),
        "lookup_free_quantizer": lambda: layers.LookupFreeQuantizer(
            bits_of(k), commitment_cost=cost
        ),
    }
    if not isinstance(quantizer, (str, type(None))) or quantizer not in makers:
        names = ", ".join(repr(name) for name in makers if name)
        raise ValueError(
            "`quantizer` must be a quantizer of keras_vq.layers or one of "
            f"{names}. Received: quantizer={quantizer!r}"
        )
    return makers[quantizer]()


def part_of(embedding_dim):
    """The length of each group's part of a vector."""
    if embedding_dim % NUM_GROUPS:
        raise ValueError(
            f"`embedding_dim` must be divisible by the {NUM_GROUPS} groups of "
            f"the quantizer. Received: embedding_dim={embedding_dim}"
        )
    return embedding_dim // NUM_GROUPS


def bits_of(num_embeddings):
    """The logarithm to base 2, which must be a whole number."""
    bits = num_embeddings.bit_length() - 1
    if num_embeddings != 2**bits:
        raise ValueError(
            "A lookup-free quantizer has a power of two of codes. Received: "
            f"num_embeddings={num_embeddings}"
        )
    return bits


def levels_near(num_embeddings):
    """Levels of about 6 a channel whose product is near a number of codes.

    Args:
        num_embeddings: int >= 2.

    Returns:
        tuple of int.
    """
    channels = max(1, round(math.log(num_embeddings, 6)))
    levels, rest = [], float(num_embeddings)
    for left in range(channels, 0, -1):
        levels.append(max(2, round(rest ** (1 / left))))
        rest /= levels[-1]
    return tuple(levels)
