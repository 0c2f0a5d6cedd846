import math

import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq import samplers
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.ops.mean import mean
from keras_vq.priors.code_head import CodeHead
from keras_vq.priors.mixture_head import MixtureHead
from keras_vq.priors.prior import Prior
from keras_vq.samplers.draw_codes import draw_codes
from keras_vq.training.check_codes import check_codes
from keras_vq.training.check_codes import check_prompt
from keras_vq.training.in_batches import in_batches

_OUTPUTS = ("categorical", "logistic_mixture")


class AutoregressivePrior(Prior):
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

    # Of what an example is told besides its label; None for nothing.
    condition_shape: tuple[int, ...] | None = None
    # How many codes the condition is made of; None for one of floats.
    num_condition_embeddings: int | None = None

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
        self._drawing_steps = {}

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

    def initial_state(self, batch_size, labels, condition=None):
        """What `next_features` starts from.

        Args:
            batch_size: int or int tensor.
            labels: int32 tensor `(batch,)`, or None.
            condition: tensor `(batch, *condition_shape)`, or None.

        Returns:
            dict of tensors or nested structures of them.
        """
        raise NotImplementedError

    def next_features(self, position, codes, state):
        """What is known at a position; called for each, in order.

        Args:
            position: int or int tensor, in raster order.
            codes: int32 tensor `(batch, num_positions)`, with `depth` as a
                further axis if it is not 1; those before are read.
            state: What `initial_state` or this method before returned.

        Returns:
            `features, state`, features float32 `(batch, dim)`.
        """
        raise NotImplementedError

    def call(self, inputs, training=False):
        codes, labels = self.split_labels(inputs)
        condition = None
        if self.condition_shape is not None:
            codes, condition = codes
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

    def losses_of(self, codes, labels, training):
        condition = None
        if self.condition_shape is not None:
            codes, condition = codes
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

    def complete(
        self,
        codes,
        known,
        labels=None,
        sampler=None,
        guidance_scale=None,
        seed=None,
        batch_size=64,
        condition=None,
    ):
        codes = self.to_array(codes)
        self.check_codes(codes)
        told = self.told_arrays(labels, condition, len(codes))
        noise = samplers.uniform_noise(seed, len(codes), self.num_codes)
        arrays = self.drawing_arrays(codes, known, guidance_scale, noise)
        step = self._drawing_step(
            sampler or samplers.RandomSampler(), guidance_scale
        )
        drawn = in_batches(step, [*arrays, told], batch_size)
        return drawn.reshape(codes.shape)

    def draw_step(
        self,
        codes,
        known,
        noise,
        sampler,
        guidance_scale=None,
        labels=None,
        condition=None,
    ):
        """Draw a batch of codes, tensors in and out, for use in a graph.

        Args:
            codes: int32 tensor `(batch, num_codes)`; it may be changed.
            known: bool tensor `(batch, num_codes)`, which of them to keep.
            noise: float32 tensor `(batch, num_codes)`, uniform in [0, 1).
            sampler: `keras_vq.samplers.Sampler`.
            guidance_scale: float or None. Defaults to None.
            labels: int32 tensor `(batch,)`, or None. Defaults to None.
            condition: tensor `(batch, *condition_shape)`, for a prior that has
                one; None for others. Defaults to None.

        Returns:
            int32 tensor `(batch, num_codes)`.
        """
        guided = guidance_scale is not None
        told = {"labels": labels, "condition": condition}
        if guided:
            told = {
                name: None if x is None else ops.concatenate([x, x])
                for name, x in told.items()
            }
            hidden = ops.full_like(labels, self.num_classes)
            told["labels"] = ops.concatenate([labels, hidden])
        batch_size = (1 + guided) * ops.shape(codes)[0]
        state = self.initial_state(batch_size, **told)
        if self.depth > 1:
            features = ops.zeros((batch_size, self.features_dim))
            state = {"features": features, "positions": state}

        def guided_logits(index, codes, state):
            twice = ops.concatenate([codes, codes])
            logits, state = self.next_logits(index, twice, state)
            told, untold = ops.split(logits, 2)
            return untold + guidance_scale * (told - untold), state

        next_logits = guided_logits if guided else self.next_logits
        return draw_codes(next_logits, state, codes, known, noise, sampler)

    def next_logits(self, index, codes, state):
        """Logits of the next code; called for each, in order.

        Args:
            index: int or int tensor, of the code.
            codes: int32 tensor `(batch, num_codes)`; those before are read.
            state: What `initial_state` or this method before returned.

        Returns:
            `logits, state`, logits float32 `(batch, num_embeddings)`.
        """
        if self.depth == 1:
            features, state = self.next_features(index, codes, state)
            return self.code_head.step(features, None, 0), state
        position, level = index // self.depth, index % self.depth
        codes = ops.reshape(codes, (-1, self.num_positions, self.depth))
        features, positions = ops.cond(
            level == 0,
            lambda: self.next_features(position, codes, state["positions"]),
            lambda: (state["features"], state["positions"]),
        )
        logits = self.code_head.step(features, codes[:, position], level)
        return logits, {"features": features, "positions": positions}

    def generate_step(self, noise, labels=None, condition=None):
        codes = self.draw_step(
            ops.zeros_like(noise, dtype="int32"),
            ops.zeros_like(noise, dtype="bool"),
            noise,
            samplers.RandomSampler(),
            labels=labels,
            condition=condition,
        )
        return ops.reshape(codes, (-1, *self.code_shape))

    def _drawing_step(self, sampler, guidance_scale):
        key = (sampler.key(), guidance_scale)
        if key not in self._drawing_steps:

            def step(codes, known, noise, told):
                return self.draw_step(
                    codes, known, noise, sampler, guidance_scale, **told
                )

            self._drawing_steps[key] = backend.jit_loop(step, self)
        return self._drawing_steps[key]

    def start_from(self, num_samples, prompt):
        check_sizes(None, num_samples=num_samples)
        shape = (num_samples, *self.code_shape)
        codes, known = np.zeros(shape, "int32"), np.zeros(shape, bool)
        if prompt is not None:
            prompt = self.to_array(prompt)
            check_prompt(self, prompt, num_samples)
            first = (slice(None), slice(prompt.shape[1]))
            codes.reshape(num_samples, -1)[first] = prompt
            known.reshape(num_samples, -1)[first] = True
        return codes, known

    def drawing_arrays(self, codes, known, guidance_scale, noise):
        """Codes, known ones and noise, checked, as `draw_step` takes them.

        Args:
            codes: NumPy int array `(n, *code_shape)`.
            known: bool array of the same shape.
            guidance_scale: float or None.
            noise: NumPy float32 array `(n, num_codes)`.

        Returns:
            list of three NumPy arrays `(n, num_codes)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        known = self.to_array(known)
        if known.shape != codes.shape or known.dtype != bool:
            raise ValueError(
                f"`known` must be bool of the shape of the codes, "
                f"{codes.shape}. Received: shape={known.shape} and "
                f"dtype={known.dtype}"
            )
        if guidance_scale is not None and not self.label_dropout:
            raise ValueError(
                f"{type(self).__name__} `{self.name}` has never seen hidden "
                "labels: `guidance_scale` needs a model trained with "
                f"`label_dropout`. Received: guidance_scale={guidance_scale}"
            )
        codes = codes.reshape(noise.shape).astype("int32")
        return [codes, known.reshape(noise.shape), noise]

    def told_arrays(self, labels, condition, count):
        """Labels and condition that a caller gave, checked.

        Args:
            labels: int array `(count,)`, int, or None.
            condition: array `(count, *condition_shape)`, or None.
            count: int, number of examples.

        Returns:
            dict of arrays, `labels` and `condition`, without what the model
            does not have.

        Raises:
            ValueError: If they do not fit the model.
        """
        told = dict(zip(["labels"], self.label_arrays(labels, count)))
        if condition is not None:
            condition = self.to_array(condition)
        self._check_condition(condition, count)
        if condition is not None:
            told["condition"] = condition.astype(self.condition_dtype)
        return told

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
        self._check_condition(condition, len(batch))
        super().check_first_batch(batch, labels)

    def _check_condition(self, condition, count):
        title = f"{type(self).__name__} `{self.name}`"
        if self.condition_shape is None:
            if condition is not None:
                raise ValueError(
                    f"{title} was made without a condition and takes none. "
                    "Received one."
                )
            return
        if condition is None:
            raise ValueError(
                f"{title} needs a condition of shape "
                f"{(None, *self.condition_shape)} with each example, as in "
                "`fit((codes, condition))` or `generate(..., condition="
                "condition)`. Received none."
            )
        if self.num_condition_embeddings is not None:
            check_codes(
                self,
                condition,
                self.condition_shape,
                self.num_condition_embeddings,
                "condition",
            )
        elif condition.shape[1:] != self.condition_shape:
            raise ValueError(
                f"{title} takes conditions of shape "
                f"{(None, *self.condition_shape)}. Received: "
                f"shape={condition.shape}"
            )
        if len(condition) != count:
            raise ValueError(
                f"{title} expects one condition for each example. Received: "
                f"{len(condition)} conditions for {count} examples"
            )

    @property
    def condition_dtype(self):
        """str, what the condition is cast to."""
        is_codes = self.num_condition_embeddings is not None
        return "int32" if is_codes else "float32"

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
