import keras
from keras import ops

from keras_vq.priors.autoregressive_prior import AutoregressivePrior


@keras.saving.register_keras_serializable(package="keras_vq")
class SlidingWindow(AutoregressivePrior):
    """Larger maps from a prior of small ones: it sees a window at a time.

    Each code is drawn from what `prior` says of it in a map of the size it was
    trained on, which lies around that code as far as the edges allow. The
    window is cut out of the condition too. What is drawn for a code costs a
    run of the whole prior; memory and time of a code do not grow with the map.

    Args:
        prior: `keras_vq.priors.AutoregressivePrior`, trained.
        code_shape: tuple of int, shape of the larger maps, of as many axes as
            the prior's and nowhere smaller.
        **kwargs: `name` and others of `keras.Model`.

    Raises:
        ValueError: If the shape does not fit.

    Example:

    >>> prior = keras_vq.priors.Transformer((4, 4), 16, hidden_dim=32)
    >>> large = keras_vq.priors.SlidingWindow(prior, (8, 12))
    >>> large.generate(2, seed=0).shape
    (2, 8, 12)

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.3 and figure 3.
    """

    def __init__(self, prior, code_shape, **kwargs):
        super().__init__(
            code_shape,
            prior.num_embeddings,
            prior.num_classes,
            depth=prior.depth,
            output=prior.output_kind,
            label_dropout=prior.label_dropout,
            tokenizer_fingerprint=prior.tokenizer_fingerprint,
            **kwargs,
        )
        self.window = prior.position_shape
        if len(self.position_shape) != len(self.window) or any(
            n < m for n, m in zip(self.position_shape, self.window, strict=True)
        ):
            raise ValueError(
                "`code_shape` must have as many axes as the codes of the prior "
                f"and be nowhere smaller. Received: code_shape={code_shape} "
                f"for a prior of codes of shape {prior.code_shape}"
            )
        self.prior = prior
        self.code_head = prior.code_head
        self.features_dim = prior.features_dim
        if prior.condition_shape is not None:
            self._set_condition(prior)
        self.built = True

    def _set_condition(self, prior):
        axes = len(self.window)
        of_prior = prior.condition_shape[:axes]
        cells = [n // m for n, m in zip(self.window, of_prior)]
        if self.window != tuple(
            m * cell for m, cell in zip(of_prior, cells)
        ) or any(n % cell for n, cell in zip(self.position_shape, cells)):
            raise ValueError(
                "The axes of the codes must be whole multiples of those of the "
                "condition, for windows to be cut out of both. Received: "
                f"code_shape={self.code_shape} for a prior of codes of shape "
                f"{prior.code_shape} with condition_shape="
                f"{prior.condition_shape}"
            )
        self.cells = cells
        self.num_condition_embeddings = prior.num_condition_embeddings
        self.condition_shape = (
            *(n // cell for n, cell in zip(self.position_shape, cells)),
            *prior.condition_shape[axes:],
        )

    def features_of(self, codes, labels, training, condition=None):
        shape = (-1, self.num_positions, *self.code_shape[len(self.window) :])
        flat = ops.reshape(codes, shape)
        state = self.initial_state(None, labels, condition)
        features = ops.map(
            lambda position: self.next_features(position, flat, state)[0],
            ops.arange(self.num_positions),
        )
        return ops.reshape(
            ops.moveaxis(features, 0, 1),
            (-1, *self.position_shape, self.features_dim),
        )

    def initial_state(self, batch_size, labels, condition=None):
        told = {"labels": labels, "condition": condition}
        return {name: x for name, x in told.items() if x is not None}

    def next_features(self, position, codes, state):
        place = _unravel(position, self.position_shape)
        first = [
            ops.clip(at - m // 2, 0, n - m)
            for at, n, m in zip(place, self.position_shape, self.window)
        ]
        condition = state.get("condition")
        if condition is not None:
            # Windows begin where a code of the condition does.
            above = [
                ops.maximum(start // cell, (at - m + cell) // cell)
                for start, at, m, cell in zip(
                    first, place, self.window, self.cells
                )
            ]
            first = [at * cell for at, cell in zip(above, self.cells)]
            condition = _cut(condition, above, self.prior.condition_shape)
        maps = ops.reshape(codes, (-1, *self.code_shape))
        features = self.prior.features_of(
            _cut(maps, first, self.window),
            state.get("labels"),
            False,
            condition,
        )
        shape = (-1, self.prior.num_positions, self.features_dim)
        features = ops.cast(ops.reshape(features, shape), "float32")
        within = 0
        for at, start, m in zip(place, first, self.window):
            within = within * m + at - start
        return features[:, within], state

    def get_config(self):
        config = super().get_config()
        for name in (
            "num_embeddings",
            "num_classes",
            "depth",
            "output",
            "label_dropout",
            "tokenizer_fingerprint",
        ):
            config.pop(name)
        return {
            **config,
            "prior": keras.saving.serialize_keras_object(self.prior),
        }

    @classmethod
    def from_config(cls, config):
        prior = keras.saving.deserialize_keras_object(config["prior"])
        return cls(**{**config, "prior": prior})


def _unravel(position, shape):
    """Where in a grid a position in raster order is, int tensors."""
    place: list = []
    for n in reversed(shape):
        place.insert(0, position % n)
        position = position // n
    return place


def _cut(x, first, shape):
    """A part of each map of `(batch, *axes, ...)`, from `first` on."""
    for axis, (start, n) in enumerate(zip(first, shape), start=1):
        x = ops.take(x, start + ops.arange(n), axis=axis)
    return x
