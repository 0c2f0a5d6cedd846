def make_stages(quantizer, count, shared):
    """Several quantizers after the first, by its configuration.

    Args:
        quantizer: A quantizer of `keras_vq.layers`, the first of them.
        count: int, how many there are.
        shared: bool, whether they are one and the same.

    Returns:
        list of quantizers. Seeds that are given, those of initializers too,
        count up from the first one's, so that stages start and draw apart.
    """
    if shared:
        return [quantizer] * count
    stages = [quantizer]
    for i in range(1, count):
        config = _reseeded(quantizer.get_config(), i)
        config["name"] = f"{quantizer.name}_{i}"
        stages.append(type(quantizer).from_config(config))
    return stages


def _reseeded(config, shift):
    """A configuration, `shift` added to each seed in it and in its parts."""
    if not isinstance(config, dict):
        return config
    return {
        key: value + shift
        if key == "seed" and isinstance(value, int)
        else _reseeded(value, shift)
        for key, value in config.items()
    }
