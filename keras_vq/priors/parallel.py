"""What priors that sample many codes at a time have in common."""

from keras import ops


def guided(network, x, conditioning, guidance, time=None):
    """The output of a network, with classifier-free guidance or none.

    Args:
        network: A denoising network of `keras_vq.networks`.
        x: tensor `(batch, ...)`.
        conditioning: `keras_vq.networks.Conditioning`; with guidance twice as
            long, see `with_unconditional`.
        guidance: float32 tensor `(batch, 1)` or None, the scale.
        time: float32 scalar tensor or None. Defaults to None.

    Returns:
        float32 tensor `(batch, ...)`.

    References:
        Ho and Salimans, Classifier-Free Diffusion Guidance, 2022, equation 6.
    """
    if guidance is not None:
        x = ops.concatenate([x, x])
    if time is not None:
        time = ops.broadcast_to(time, ops.shape(x)[:1])
    output = network(x, conditioning, time)
    if guidance is None:
        return output
    conditional, unconditional = ops.split(output, 2)
    per_example = (-1, *[1] * (len(output.shape) - 1))
    guidance = ops.reshape(guidance, per_example)
    return unconditional + guidance * (conditional - unconditional)


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
    codes = ops.reshape(codes, (-1, *network.code_shape))
    logits = guided(network, codes, conditioning, guidance, time)
    shape = (-1, network.num_codes, network.num_embeddings)
    return ops.log_softmax(ops.reshape(logits, shape), axis=-1)


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
