"""What ties the levels of a hierarchical prior together."""

import itertools

import keras
from keras import layers
from keras import ops

from keras_vq.priors.autoregressive_prior import AutoregressivePrior


def level_condition(maps, shape, dim, num_residual_layers, dtype):
    """A network from the codes above a level to what it is told.

    Args:
        maps: list of pairs, shape and number of the codes of each level above.
        shape: tuple of int, of the level's codes.
        dim: int, channels of what it is told.
        num_residual_layers: int, residual blocks.
        dtype: dtype policy of the layers.

    Returns:
        `keras.Model`, a list of int32 `(batch, *above)` to `(batch, *shape,
        dim)`.
    """
    inputs = [keras.Input(above, dtype="int32") for above, _ in maps]
    x = 0.0
    for codes, (above, num_embeddings) in zip(inputs, maps, strict=True):
        y = layers.Embedding(num_embeddings, dim, dtype=dtype)(codes)
        factors = tuple(n // m for n, m in zip(shape, above, strict=True))
        x += layers.UpSampling2D(factors, dtype=dtype)(y)
    for _ in range(num_residual_layers):
        y = layers.Conv2D(
            dim, 3, padding="same", activation="relu", dtype=dtype
        )(ops.relu(x))
        x += layers.Conv2D(dim, 1, dtype=dtype)(y)
    return keras.Model(inputs, x)


def check_levels(levels):
    """Raise unless these priors, top first, go together."""
    if len(levels) < 2 or not all(
        isinstance(level, AutoregressivePrior) for level in levels
    ):
        raise ValueError(
            "`levels` must be two or more autoregressive priors, top first. "
            f"Received: levels={levels}"
        )
    for level in levels:
        if level.depth != 1 or len(level.code_shape) != 2:
            raise ValueError(
                "`levels` must be of maps with one code a position. Received: "
                f"code_shape={level.code_shape} and depth={level.depth}"
            )
    for name in ("num_classes", "label_dropout"):
        values = [getattr(level, name) for level in levels]
        if len(set(values)) > 1:
            raise ValueError(
                f"`levels` must have the same `{name}`. Received: {values}"
            )
    for above, level in itertools.pairwise(levels):
        if getattr(level, "condition_dim", None) is None:
            raise ValueError(
                "Each level below the top must be made with `condition_dim`. "
                f"Received: {type(level).__name__} `{level.name}` without"
            )
        if any(
            n % m
            for n, m in zip(level.code_shape, above.code_shape, strict=True)
        ):
            raise ValueError(
                "The maps of a level must be whole multiples of those above. "
                f"Received: {level.code_shape} below {above.code_shape}"
            )
    if levels[0].condition_shape is not None:
        raise ValueError(
            "The top level is conditioned on no map. Received: "
            f"condition_shape={levels[0].condition_shape}"
        )
