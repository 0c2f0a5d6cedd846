from typing import Any

import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq import samplers
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.priors.check_condition import check_condition
from keras_vq.priors.prior import Prior
from keras_vq.samplers.draw_codes import draw_codes
from keras_vq.training.check_codes import check_prompt
from keras_vq.training.in_batches import in_batches


class DrawingPrior(Prior):
    """The loop of the priors that draw one code after the other.

    A base of `keras_vq.priors.AutoregressivePrior`, which sets `depth`,
    `num_positions`, `code_head` and `features_dim`.
    """

    depth: int
    num_positions: int
    code_head: Any
    features_dim: int
    # Of what an example is told besides its label; None for nothing.
    condition_shape: tuple[int, ...] | None = None
    # How many codes the condition is made of; None for one of floats.
    num_condition_embeddings: int | None = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._drawing_steps = {}

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

    def generate_step(self, noise, labels=None, condition=None, sampler=None):
        codes = self.draw_step(
            ops.zeros_like(noise, dtype="int32"),
            ops.zeros_like(noise, dtype="bool"),
            noise,
            sampler or samplers.RandomSampler(),
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
        check_condition(self, condition, count)
        if condition is not None:
            told["condition"] = condition.astype(self.condition_dtype)
        return told

    @property
    def condition_dtype(self):
        """str, what the condition is cast to."""
        is_codes = self.num_condition_embeddings is not None
        return "int32" if is_codes else "float32"
