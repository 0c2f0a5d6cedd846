import math

import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq import samplers
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.ops.mean import mean
from keras_vq.priors.prior import Prior
from keras_vq.samplers.draw_codes import draw_codes
from keras_vq.training.check_codes import check_prompt
from keras_vq.training.in_batches import in_batches


class AutoregressivePrior(Prior):
    """Base of the priors that draw one code after the other.

    p(codes | label) is the product, over positions in raster order, of the
    probability of a code given the label and the codes before it. A subclass
    builds its layers in `__init__` and defines

    - `logits_of(codes, labels, training)`, all at once;
    - `initial_state(batch_size, labels)` and `next_logits(position, codes,
      state)`, the same for one position after the other, with caches in
      `state`.

    Args:
        *args: See `keras_vq.priors.Prior`.
        **kwargs: See `keras_vq.priors.Prior`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.add_logs("loss", "bits_per_dim")
        self._drawing_steps = {}

    def initial_state(self, batch_size, labels):
        """What `next_logits` starts from.

        Args:
            batch_size: int or int tensor.
            labels: int32 tensor `(batch,)`, or None.

        Returns:
            Nested structure of tensors.
        """
        raise NotImplementedError

    def next_logits(self, position, codes, state):
        """Logits of the code at a position; called for each, in order.

        Args:
            position: int or int tensor, in raster order.
            codes: int32 tensor `(batch, length)`; those before are read.
            state: What `initial_state` or this method before returned.

        Returns:
            `logits, state`, logits float32 `(batch, num_embeddings)`.
        """
        raise NotImplementedError

    def losses_of(self, codes, labels, training):
        if training:
            labels = self.hide_labels(labels)
        logits = self.logits_of(codes, labels, training)
        loss = mean(self.nats_of(codes, logits))
        return loss, {"loss": loss, "bits_per_dim": loss / math.log(2.0)}

    def log_prob(self, codes, labels=None, batch_size=32):
        """log p(codes | labels), in compiled batches.

        Args:
            codes: int array `(n, *code_shape)`.
            labels: int array `(n,)`, for a conditional model. Defaults to
                None.
            batch_size: int, rows per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n,)`, nats of each example, all its codes
            together. Bits per dimension are `-log_prob / (ln 2 * codes)`.

        Raises:
            ValueError: If codes or labels do not fit.
        """
        codes = self.to_array(codes)
        self.check_codes(codes)
        labels = self.label_arrays(labels, len(codes))
        step = self.compiled_step(self._log_prob_step)
        return in_batches(step, [codes.astype("int32"), *labels], batch_size)

    def _log_prob_step(self, codes, labels=None):
        nats = self.nats_of(codes, self.logits_of(codes, labels, False))
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
    ):
        codes = self.to_array(codes)
        self.check_codes(codes)
        labels = self.label_arrays(labels, len(codes))
        noise = samplers.uniform_noise(seed, len(codes), self.num_codes)
        arrays = self.drawing_arrays(codes, known, guidance_scale, noise)
        step = self._drawing_step(
            sampler or samplers.RandomSampler(), guidance_scale
        )
        drawn = in_batches(step, [*arrays, *labels], batch_size)
        return drawn.reshape(codes.shape)

    def draw_step(
        self,
        codes,
        known,
        noise,
        labels,
        sampler,
        guidance_scale=None,
        condition=None,
    ):
        """Draw a batch of codes, tensors in and out, for use in a graph.

        Args:
            codes: int32 tensor `(batch, length)`; it may be changed.
            known: bool tensor `(batch, length)`, which of them to keep.
            noise: float32 tensor `(batch, length)`, uniform in [0, 1).
            labels: int32 tensor `(batch,)`, or None.
            sampler: `keras_vq.samplers.Sampler`.
            guidance_scale: float or None. Defaults to None.
            condition: float tensor `(batch, ...)`, for a prior that is
                conditioned on a map; None for others. Defaults to None.

        Returns:
            int32 tensor `(batch, length)`.
        """
        guided = guidance_scale is not None
        parts = {"labels": labels, "condition": condition}
        parts = {k: v for k, v in parts.items() if v is not None}
        if guided:
            hidden = ops.full_like(labels, self.num_classes)
            parts = {k: ops.concatenate([v, v]) for k, v in parts.items()}
            parts["labels"] = ops.concatenate([labels, hidden])
        batch_size = (1 + guided) * ops.shape(codes)[0]
        state = self.initial_state(batch_size, **{"labels": None, **parts})

        def guided_logits(position, codes, state):
            twice = ops.concatenate([codes, codes])
            logits, state = self.next_logits(position, twice, state)
            told, untold = ops.split(logits, 2)
            return untold + guidance_scale * (told - untold), state

        next_logits = guided_logits if guided else self.next_logits
        return draw_codes(next_logits, state, codes, known, noise, sampler)

    def generate_step(self, noise, labels=None, condition=None):
        codes = self.draw_step(
            ops.zeros_like(noise, dtype="int32"),
            ops.zeros_like(noise, dtype="bool"),
            noise,
            labels,
            samplers.RandomSampler(),
            condition=condition,
        )
        return ops.reshape(codes, (-1, *self.code_shape))

    def _drawing_step(self, sampler, guidance_scale):
        key = (sampler.key(), guidance_scale)
        if key not in self._drawing_steps:

            def step(codes, known, noise, labels=None):
                return self.draw_step(
                    codes, known, noise, labels, sampler, guidance_scale
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
            noise: NumPy float32 array `(n, length)`.

        Returns:
            list of three NumPy arrays `(n, length)`.

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
