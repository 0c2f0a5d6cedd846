from keras_vq.training.check_codes import check_codes


def check_condition(prior, condition, count):
    """Raise unless `condition` (a NumPy array or None) is the prior's.

    Args:
        prior: `keras_vq.priors.AutoregressivePrior`.
        condition: array, what to check, or None.
        count: int, number of examples.

    Raises:
        ValueError: If it is missing, not wanted, or does not fit.
    """
    title = f"{type(prior).__name__} `{prior.name}`"
    if prior.condition_shape is None:
        if condition is not None:
            raise ValueError(
                f"{title} was made without a condition and takes none. "
                "Received one."
            )
        return
    if condition is None:
        raise ValueError(
            f"{title} needs a condition of shape "
            f"{(None, *prior.condition_shape)} with each example, as in "
            "`fit((codes, condition))` or `generate(..., condition="
            "condition)`. Received none."
        )
    if prior.num_condition_embeddings is not None:
        check_codes(
            prior,
            condition,
            prior.condition_shape,
            prior.num_condition_embeddings,
            "condition",
        )
    elif condition.shape[1:] != prior.condition_shape:
        raise ValueError(
            f"{title} takes conditions of shape "
            f"{(None, *prior.condition_shape)}. Received: "
            f"shape={condition.shape}"
        )
    if len(condition) != count:
        raise ValueError(
            f"{title} expects one condition for each example. Received: "
            f"{len(condition)} conditions for {count} examples"
        )
