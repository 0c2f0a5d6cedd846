import math

from keras import ops

from keras_vq.networks.check_sizes import check_sizes
from keras_vq.ops.mean import mean
from keras_vq.priors.check_condition import check_condition
from keras_vq.priors.code_head import CodeHead
from keras_vq.priors.drawing_prior import DrawingPrior
from keras_vq.priors.mixture_head import MixtureHead
from keras_vq.training.in_batches import in_batches

_OUTPUTS = ("categorical", "logistic_mixture")


class AutoregressivePrior(DrawingPrior):
    """Base of the priors that draw one code after the other.

    p(codes | label) is the product, over positions in raster order, of the
    probability of a code given the label and the codes before it. A subclass
    builds its layers in `__init__`, `self.code_head = self.make_head(dim)` the
    last of them, and defines

    - `features_of(codes, labels, training, condition)`, what is known at each
      position, all at once;
    - `initial_state(batch_size, labels, condition)` and
      `next_features(position, codes, state)`, the same for one position after
      the other, with caches in `state`.

    One that sets `condition_shape` is told an array of that shape with each
    example: `fit((codes, condition))`, `generate(..., condition=...)`.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        depth: int >= 1, codes of a position, the last axis of `code_shape` if
            it is more than one: stages of a residual quantizer, groups, or
            channels of pixels. They are drawn one after the other, each
            knowing those before. Defaults to 1.
        output: `"categorical"`, a logit for each code, or
            `"logistic_mixture"`, for the 256 levels of pixels. Defaults to
            `"categorical"`.
        **kwargs: See `keras_vq.priors.Prior`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        depth=1,
        output="categorical",
        **kwargs,
    ):
        super().__init__(code_shape, num_embeddings, num_classes, **kwargs)
        check_sizes(None, depth=depth)
        if depth > 1 and (
            len(self.code_shape) < 2 or self.code_shape[-1] != depth
        ):
            raise ValueError(
                "`depth` must be 1 or the last axis of `code_shape`. Received: "
                f"depth={depth} and code_shape={self.code_shape}"
            )
        if output not in _OUTPUTS:
            raise ValueError(
                f"`output` must be one of {', '.join(_OUTPUTS)}. Received: "
                f"output={output!r}"
            )
        if output == "logistic_mixture" and num_embeddings != 256:
            raise ValueError(
                "The logistic mixture is one of the 256 levels of pixels. "
                f"Received: num_embeddings={num_embeddings}"
            )
        self.depth = depth
        self.output_kind = output
        self.position_shape = (
            self.code_shape if depth == 1 else self.code_shape[:-1]
        )
        self.num_positions = math.prod(self.position_shape)
        self.add_logs("loss", "bits_per_dim")

    def make_head(self, dim, tied=None):
        """The layer from features of `dim` channels to logits."""
        self.features_dim = dim
        if self.output_kind == "logistic_mixture":
            return MixtureHead(dim, self.depth)
        return CodeHead(self.num_embeddings, dim, self.depth, tied)

    def features_of(self, codes, labels, training, condition=None):
        """What is known at each position: label, condition, codes before it.

        Args:
            codes: int32 tensor `(batch, *code_shape)`.
            labels: int32 tensor `(batch,)`, or None.
            training: bool.
            condition: tensor `(batch, *condition_shape)`, or None.

        Returns:
            float tensor `(batch, *position_shape, dim)`.
        """
        raise NotImplementedError

    def call(self, inputs, training=False):
        x, labels = self.split_labels(inputs)
        codes, condition = self._split_condition(x)
        return self.logits_of(codes, labels, training, condition)

    def logits_of(self, codes, labels, training, condition=None):
        """Logits of each code, from those before it.

        Args:
            codes: int32 tensor `(batch, *code_shape)`.
            labels: int32 tensor `(batch,)`, or None.
            training: bool.
            condition: tensor `(batch, *condition_shape)`, or None.

        Returns:
            float32 tensor `(batch, *code_shape, num_embeddings)`.
        """
        features = self.features_of(codes, labels, training, condition)
        return self.code_head(features, codes)

    def nats_of(self, codes, labels, training, condition=None):
        """-log p of the codes of each position.

        Args:
            codes, labels, training, condition: See `logits_of`.

        Returns:
            float32 tensor `(batch, *position_shape)`.
        """
        features = self.features_of(codes, labels, training, condition)
        return self.code_head.nats(features, codes)

    def losses_of(self, x, labels, training):
        codes, condition = self._split_condition(x)
        if training:
            labels = self.hide_labels(labels)
        nats = self.nats_of(codes, labels, training, condition)
        loss = mean(nats) / self.depth
        return loss, {"loss": loss, "bits_per_dim": loss / math.log(2.0)}

    def log_prob(self, codes, labels=None, condition=None, batch_size=32):
        """log p(codes | labels), in compiled batches.

        Args:
            codes: int array `(n, *code_shape)`.
            labels: int array `(n,)`, for a conditional model. Defaults to
                None.
            condition: array `(n, *condition_shape)`, for a model that has one.
                Defaults to None.
            batch_size: int, rows per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n,)`, nats of each example, all its codes
            together. Bits per dimension are `-log_prob / (ln 2 * codes)`.

        Raises:
            ValueError: If codes or labels do not fit.
        """
        codes = self.to_array(codes)
        self.check_codes(codes)
        told = self.told_arrays(labels, condition, len(codes))
        step = self.compiled_step(self._log_prob_step)
        return in_batches(step, [codes.astype("int32"), told], batch_size)

    def _log_prob_step(self, codes, told):
        nats = self.nats_of(codes, training=False, **{"labels": None, **told})
        return -ops.sum(nats, axis=tuple(range(1, len(nats.shape))))

    def check_first_batch(self, batch, labels):
        condition = None
        if isinstance(batch, tuple):
            if self.condition_shape is None or len(batch) != 2:
                expected = "codes alone"
                if self.condition_shape is not None:
                    expected = "a pair of codes and condition"
                raise ValueError(
                    f"{type(self).__name__} `{self.name}` takes {expected}. "
                    f"Received: a tuple of {len(batch)} arrays"
                )
            batch, condition = batch
        check_condition(self, condition, len(batch))
        super().check_first_batch(batch, labels)

    def _split_condition(self, x):
        """The codes, and the condition or None, of what is learned."""
        return (x, None) if self.condition_shape is None else x

    def cast_codes(self, codes):
        if self.condition_shape is None:
            return super().cast_codes(codes)
        codes, condition = codes
        return (
            super().cast_codes(codes),
            ops.cast(condition, self.condition_dtype),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "output": self.output_kind,
        }
