"""Losses of a generator and a discriminator."""

from keras import ops

from keras_vq.checks import check_choice

KINDS = ("hinge", "non_saturating")


def discriminator_loss(real, fake, kind="hinge"):
    """Adversarial loss of the discriminator.

    Args:
        real: float tensor of any shape, logits of real inputs.
        fake: float tensor of any shape, logits of generated inputs.
        kind: `"hinge"`, `(mean relu(1 - real) + mean relu(1 + fake)) / 2`, or
            `"non_saturating"`, `(mean softplus(-real) + mean softplus(fake)) /
            2`. Defaults to `"hinge"`.

    Returns:
        Scalar.

    Raises:
        ValueError: If `kind` is unknown.

    Example:

    >>> logits = np.array([2.0, 0.0])
    >>> float(keras_vq.losses.discriminator_loss(logits, -logits))
    0.5

    References:
        Lim and Ye, Geometric GAN, 2017.
        Goodfellow et al., Generative Adversarial Nets, 2014, section 3.
    """
    check_choice("kind", kind, KINDS)
    real, fake = ops.convert_to_tensor(real), ops.convert_to_tensor(fake)
    if kind == "hinge":
        losses = ops.relu(1.0 - real), ops.relu(1.0 + fake)
    else:
        losses = ops.softplus(-real), ops.softplus(fake)
    return 0.5 * (ops.mean(losses[0]) + ops.mean(losses[1]))


def generator_loss(fake, kind="hinge"):
    """Adversarial loss of the generator.

    Args:
        fake: float tensor of any shape, logits of generated inputs.
        kind: `"hinge"`, `-mean fake`, or `"non_saturating"`,
            `mean softplus(-fake)`. Defaults to `"hinge"`.

    Returns:
        Scalar.

    Raises:
        ValueError: If `kind` is unknown.

    Example:

    >>> float(keras_vq.losses.generator_loss(np.array([2.0, 0.0])))
    -1.0
    """
    check_choice("kind", kind, KINDS)
    fake = ops.convert_to_tensor(fake)
    return ops.mean(-fake if kind == "hinge" else ops.softplus(-fake))


def lecam_regularizer(real, fake, mean_real, mean_fake):
    """LeCam regularizer of the discriminator's logits.

    Computes
    `mean(relu(real - mean_fake)**2) + mean(relu(mean_real - fake)**2)`.

    Args:
        real: float tensor of any shape, logits of real inputs.
        fake: float tensor of any shape, logits of generated inputs.
        mean_real: scalar, moving average of the logits of real inputs.
        mean_fake: scalar, moving average of the logits of generated inputs.

    Returns:
        Scalar.

    Example:

    >>> real, fake = np.array([1.0]), np.array([-1.0])
    >>> float(keras_vq.losses.lecam_regularizer(real, fake, 1.0, -1.0))
    8.0

    References:
        Tseng et al., Regularizing Generative Adversarial Networks under
        Limited Data, 2021, equation 3.
    """
    above = ops.relu(ops.subtract(real, mean_fake))
    below = ops.relu(ops.subtract(mean_real, fake))
    return ops.mean(ops.square(above)) + ops.mean(ops.square(below))
