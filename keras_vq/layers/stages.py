def make_stages(quantizer, count, shared):
    """Several quantizers after the first, by its configuration.

    Args:
        quantizer: A quantizer of `keras_vq.layers`, the first of them.
        count: int, how many there are.
        shared: bool, whether they are one and the same.

    Returns:
        list of quantizers. Seeds that are given count up from the first one's,
        so that no two draw alike.
    """
    if shared:
        return [quantizer] * count
    stages = [quantizer]
    for i in range(1, count):
        config = quantizer.get_config()
        config["name"] = f"{quantizer.name}_{i}"
        if config.get("seed") is not None:
            config["seed"] += i
        stages.append(type(quantizer).from_config(config))
    return stages
