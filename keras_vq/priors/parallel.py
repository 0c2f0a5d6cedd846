"""What priors that sample many codes at a time have in common."""

from keras import ops


def guided_log_probs(network, codes, conditioning, guidance, time=None):
    """Log-probabilities of all codes, with classifier-free guidance or none.

    Args:
        network: `keras_vq.networks.DenoisingTransformer`.
        codes: int32 tensor `(batch, num_codes)`, some of them masked.
        conditioning: `keras_vq.networks.Conditioning`; with guidance twice as
            long, see `with_unconditional`.
        guidance: float32 tensor `(batch, 1)` or None, the scale.
        time: float32 scalar tensor or None. Defaults to None.

    Returns:
        float32 tensor `(batch, num_codes, num_embeddings)`.
    """
    if guidance is not None:
        codes = ops.concatenate([codes, codes])
    if time is not None:
        time = ops.broadcast_to(time, (ops.shape(codes)[0],))
    logits = network(
        ops.reshape(codes, (-1, *network.code_shape)), conditioning, time
    )
    logits = ops.reshape(
        logits, (-1, network.num_codes, network.num_embeddings)
    )
    if guidance is not None:
        conditional, unconditional = ops.split(logits, 2)
        logits = unconditional + guidance[:, :, None] * (
            conditional - unconditional
        )
    return ops.log_softmax(logits, axis=-1)


def lowest(x, count):
    """Whether an element is among the lowest of its row.

    Args:
        x: float tensor `(batch, n)`.
        count: int or float tensor `(batch,)`, how many.

    Returns:
        bool tensor `(batch, n)`.
    """
    rank = ops.argsort(ops.argsort(x, axis=-1), axis=-1)
    return ops.cast(rank, count.dtype) < count[:, None]


def at_codes(log_probs, codes):
    """Log-probability of each code, of the shape of `codes`."""
    return ops.take_along_axis(log_probs, codes[..., None], axis=-1)[..., 0]


def gumbel(noise):
    """Gumbel noise from uniform noise in [0, 1) of 24 bits."""
    return -ops.log(-ops.log(noise + 2.0**-25))
