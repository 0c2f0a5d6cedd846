def check_sizes(input_shape, downsampling=None, **sizes):
    """Raise unless networks of these sizes can be built.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        downsampling: A power of two that divides each size of the input; None
            where nothing is downsampled.
        **sizes: `hidden_dim`, `num_residual_layers` and the like: positive
            integers; numbers of layers may be 0.

    Raises:
        ValueError: If one is out of range.
    """
    for name, value in sizes.items():
        minimum = {"num_residual_layers": 0, "hidden_dim": 2}.get(name, 1)
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or value < minimum
        ):
            raise ValueError(
                f"`{name}` must be an integer >= {minimum}. Received: "
                f"{name}={value!r}"
            )
    if downsampling is None:
        return
    if (
        not isinstance(downsampling, int)
        or downsampling < 2
        or downsampling & (downsampling - 1)
    ):
        raise ValueError(
            "`downsampling` must be a power of two, at least 2. Received: "
            f"downsampling={downsampling!r}"
        )
    if any(n % downsampling for n in input_shape[:-1]):
        raise ValueError(
            "`downsampling` must divide each size of the input. Received: "
            f"downsampling={downsampling} and input_shape={input_shape}"
        )
