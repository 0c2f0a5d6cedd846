import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_vq import samplers
from keras_vq.checks import check_code_maps
from keras_vq.checks import check_codes
from keras_vq.checks import check_condition
from keras_vq.checks import check_int
from keras_vq.checks import check_labels
from keras_vq.checks import check_memory
from keras_vq.checks import check_no_labels
from keras_vq.checks import check_number
from keras_vq.checks import check_prompt
from keras_vq.checks import check_seed
from keras_vq.checks import title
from keras_vq.networks import Conditioning
from keras_vq.saving.config import serializable
from keras_vq.training.batches import to_array
from keras_vq.training.model import Model


@serializable
class Prior(Model):
    """Base class of the second-stage models: priors over a tokenizer's codes.

    For a prior of continuous latents, "codes" below are float32 latents.

    `fit` takes codes; `fit(codes, labels)` for a prior with `num_classes`,
    `fit((codes, condition))` for one with a condition. `generate` samples new
    codes, `complete` samples some and keeps the others, and `log_prob` scores
    them.

    A subclass calls `describe`, and defines `losses_of`, `log_prob`,
    `generate`, `complete` and, for one map of codes, `draw_step`.

    Args:
        label_dropout: float in [0, 1), share of training examples whose label
            is replaced by "no label", for classifier-free guidance; a condition
            of a sequence of vectors is replaced by zeros. Defaults to 0.0.
        seed: int or None, seed of that dropout. Defaults to None.
        tokenizer_fingerprint: str or None, the `fingerprint()` of the
            tokenizer, with that of the condition's tokenizer if any; codes of
            other tokenizers are rejected. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If an argument is out of range.
    """

    # Whether it models continuous latents, which have no `num_embeddings`.
    is_continuous = False
    # Shape and number of the codes of one input; tuples of them for a prior of
    # several maps.
    code_shape: tuple
    num_embeddings: Any
    # Shape of the condition of an example, None for no condition, and number
    # of codes that it consists of, None for floats.
    condition_shape: tuple[int, ...] | None = None
    num_condition_embeddings: int | None = None
    # `top_p` of sampling where none is given.
    truncation: float | None = None

    def __init__(
        self,
        label_dropout=0.0,
        seed=None,
        tokenizer_fingerprint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.label_dropout = check_number(
            "label_dropout", label_dropout, at_least=0, below=1
        )
        self.seed = check_seed(seed)
        self.tokenizer_fingerprint = tokenizer_fingerprint
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def describe(self, code_shape, num_embeddings, num_classes):
        """Set the shape and number of the codes, and the number of classes.

        Args:
            code_shape: tuple of int, or a tuple of them for several maps.
            num_embeddings: int, or a tuple of them.
            num_classes: int or None.
        """
        self.code_shape = code_shape
        self.num_embeddings = num_embeddings
        self.num_classes = num_classes
        has_something = num_classes is not None or self.drops_condition
        if self.label_dropout and not has_something:
            raise ValueError(
                "`label_dropout` needs labels. Received: label_dropout="
                f"{self.label_dropout} and num_classes=None"
            )

    @property
    def code_maps(self):
        """list of pairs, shape and number of codes of each map."""
        if isinstance(self.num_embeddings, tuple):
            return list(zip(self.code_shape, self.num_embeddings, strict=True))
        return [(self.code_shape, self.num_embeddings)]

    @property
    def num_codes(self):
        """int, codes of one input, in all maps together."""
        return sum(math.prod(shape) for shape, _ in self.code_maps)

    @property
    def num_draws(self):
        """int, random numbers that `generate_step` takes per example."""
        return self.num_codes

    # === Sampling and scoring ===

    def generate(
        self,
        num_samples,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        **drawing,
    ):
        """Sample codes, one after the other in one loop.

        Args:
            num_samples: int >= 1, number of examples.
            labels: int array `(num_samples,)` or int, for a prior with
                `num_classes`. Defaults to None.
            condition: array `(num_samples, *condition_shape)`, for a prior with
                a condition. Defaults to None.
            seed: int or None; one seed gives the same codes on every backend.
                Defaults to None.
            batch_size: int, examples sampled together. Defaults to 64.
            **drawing: Sampling options; see the subclass.

        Returns:
            NumPy int32 array `(num_samples, *code_shape)`, or a tuple of them.

        Raises:
            ValueError: If an argument does not fit.
        """
        raise NotImplementedError

    def complete(
        self,
        codes,
        known,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        **drawing,
    ):
        """Keep the known codes and sample the others.

        Args:
            codes: int array `(n, *code_shape)`, or a tuple of them.
            known: bool array of that shape, True for codes to keep, or a tuple
                of them.
            labels, condition, seed, batch_size, **drawing: See `generate`.

        Returns:
            NumPy int32 array `(n, *code_shape)`, or a tuple of them.

        Raises:
            ValueError: If an argument does not fit.
        """
        raise NotImplementedError

    def generate_step(self, noise, conditioning=Conditioning(), sampler=None):
        """Sample a batch of codes, for use in a graph.

        Args:
            noise: float32 tensor `(batch, num_draws)`, uniform in [0, 1).
            conditioning: `keras_vq.networks.Conditioning`. Defaults to no
                conditioning.
            sampler: `keras_vq.samplers.Sampler`; None samples from the whole
                softmax. Defaults to None.

        Returns:
            int32 tensor `(batch, *code_shape)`, or a tuple of them.
        """
        shape = (ops.shape(noise)[0], self.num_codes)
        codes = self.draw_step(
            ops.zeros(shape, "int32"),
            ops.zeros(shape, "bool"),
            noise,
            conditioning,
            sampler or samplers.RandomSampler(),
        )
        return ops.reshape(codes, (-1, *self.code_shape))

    def draw_step(
        self,
        codes,
        known,
        noise,
        conditioning,
        sampler,
        guidance=None,
        plan=None,
    ):
        """Sample a batch of the codes of one map, on tensors.

        Args:
            codes: int32 tensor `(batch, num_codes)`; may be overwritten.
            known: bool tensor `(batch, num_codes)`, True for codes to keep.
            noise: float32 tensor `(batch, num_draws)`, uniform in [0, 1).
            conditioning: `keras_vq.networks.Conditioning`.
            sampler: `keras_vq.samplers.Sampler`.
            guidance: float, float32 tensor `(batch, 1)` or None, the scale of
                classifier-free guidance. Defaults to None.
            plan: Tensors `(batch, ...)` that the subclass describes, or None.
                Defaults to None.

        Returns:
            int32 tensor `(batch, num_codes)`.
        """
        raise NotImplementedError

    def log_prob(self, codes, labels=None, condition=None, batch_size=32):
        """log p(codes | labels, condition), in compiled batches.

        Args:
            codes: int array `(n, *code_shape)`, or a tuple of them.
            labels: int array `(n,)`, for a prior with `num_classes`. Defaults
                to None.
            condition: array `(n, *condition_shape)`, for a prior with a
                condition. Defaults to None.
            batch_size: int, rows per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n,)`, in nats, summed over the codes of an
            example. Bits per code are `-log_prob / (ln 2 * num_codes)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        raise NotImplementedError

    def sampler_of(self, temperature=1.0, top_k=None, top_p=None):
        """Create a sampler, with `truncation` where no other is given."""
        if top_k is None and top_p is None:
            top_p = self.truncation
        return samplers.get(temperature, top_k, top_p)

    def start_from(self, num_samples, prompt):
        """Convert a prompt to the arguments of `complete`.

        Args:
            num_samples: int >= 1.
            prompt: int array `(num_samples, m)` or None.

        Returns:
            `codes, known`, NumPy arrays `(num_samples, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        check_int("num_samples", num_samples)
        check_memory(
            f"num_samples={num_samples}", num_samples, *self.code_shape
        )
        shape = (num_samples, *self.code_shape)
        codes, known = np.zeros(shape, "int32"), np.zeros(shape, bool)
        if prompt is not None:
            prompt = to_array(prompt)
            check_prompt(self, prompt, num_samples)
            first = (slice(None), slice(prompt.shape[1]))
            codes.reshape(num_samples, -1)[first] = prompt
            known.reshape(num_samples, -1)[first] = True
        return codes, known

    # === Conditioning ===

    def split(self, inputs):
        """Split the inputs of a call into codes and conditioning.

        Args:
            inputs: codes, `(codes, labels)` with `num_classes`, where codes are
                `(codes, condition)` with a condition.

        Returns:
            `codes, conditioning`; codes are int32 tensors.
        """
        labels = None
        if self.num_classes is not None:
            if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
                check_labels(self, None)
            inputs, labels = inputs
        return self.with_condition(inputs, labels)

    def with_condition(self, x, labels):
        """Split the inputs of `losses_of` into codes and conditioning.

        Args:
            x: codes, or `(codes, condition)` with a condition.
            labels: int32 tensor `(batch,)` or None.

        Returns:
            `codes, conditioning`; codes are int32 tensors.
        """
        condition = None
        if self.condition_shape is not None:
            x, condition = x
            condition = ops.cast(condition, self.condition_dtype)
        dtype = "float32" if self.is_continuous else "int32"
        codes = keras.tree.map_structure(lambda c: ops.cast(c, dtype), x)
        return codes, Conditioning(labels, condition)

    @property
    def drops_condition(self):
        """bool, whether dropout of labels also drops the condition."""
        return False

    def drop_labels(self, conditioning):
        """Replace a share `label_dropout` of the labels by "no label"."""
        if not self.label_dropout:
            return conditioning
        labels, condition = conditioning
        count = ops.shape(condition if labels is None else labels)[:1]
        noise = keras.random.uniform(count, seed=self.seed_generator)
        dropped = noise < self.label_dropout
        if labels is not None:
            labels = ops.where(dropped, self.num_classes, labels)
        if self.drops_condition:
            condition = ops.where(dropped[:, None, None], 0.0, condition)
        return Conditioning(labels, condition)

    def with_unconditional(self, conditioning):
        """Append a copy without what dropout of labels drops."""
        return conditioning.with_unconditional(
            self.num_classes, self.drops_condition
        )

    def conditioning_arrays(self, labels, condition, count):
        """Check a caller's labels and condition, and convert them.

        Args:
            labels: int array `(count,)`, int, or None, which means "no label"
                to a prior with `label_dropout`.
            condition: array `(count, *condition_shape)`, or None.
            count: int, number of examples.

        Returns:
            `keras_vq.networks.Conditioning` of NumPy arrays.

        Raises:
            ValueError: If they do not fit the model.
        """
        if self.num_classes is None:
            check_no_labels(self, labels)
        elif labels is None and self.label_dropout:
            labels = np.full(count, self.num_classes, "int32")
        else:
            labels = None if labels is None else to_array(labels)
            if labels is not None and labels.ndim == 0:
                labels = np.full(count, labels)
            check_labels(self, labels, count)
            labels = labels.astype("int32")
        if condition is not None:
            condition = to_array(condition)
        check_condition(self, condition, count)
        if condition is not None:
            condition = condition.astype(self.condition_dtype)
        return Conditioning(labels, condition)

    @property
    def condition_dtype(self):
        """str, dtype of the condition: `"int32"` for codes, else float32."""
        is_codes = self.num_condition_embeddings is not None
        return "int32" if is_codes else "float32"

    def sampling_numbers(self, sampler, guidance_scale, count):
        """The numbers that sampling depends on, as arrays for a compiled loop.

        Args:
            sampler: `keras_vq.samplers.Sampler`.
            guidance_scale: float or None.
            count: int, number of samples.

        Returns:
            `guidance, numbers`: float32 array `(count, 1)` or None, and dict of
            arrays `(count, 1)` for `sampler.with_numbers`.
        """
        self.check_guidance(guidance_scale)
        guidance = None
        if guidance_scale is not None:
            guidance = np.full((count, 1), guidance_scale, "float32")
        numbers = {
            name: np.full(
                (count, 1), x, "int32" if isinstance(x, int) else "float32"
            )
            for name, x in sampler.numbers().items()
        }
        return guidance, numbers

    def check_guidance(self, guidance_scale):
        """Raise if guidance is requested of a prior not trained for it."""
        if guidance_scale is None:
            return
        check_number("guidance_scale", guidance_scale)
        if not self.label_dropout:
            raise ValueError(
                f"{title(self)} was trained without `label_dropout`, which "
                f"guidance needs. Received: guidance_scale={guidance_scale}"
            )

    # === Checks ===

    def check_codes(self, codes):
        """Raise unless these are codes of this model."""
        arrays = keras.tree.flatten(codes)
        if any(np.issubdtype(x.dtype, np.floating) for x in arrays):
            raise ValueError(
                f"{title(self)} is a prior of codes, which are integers. "
                f"Received: dtype={arrays[0].dtype}. For continuous latents "
                "use keras_vq.zoo.latent_diffusion."
            )
        if isinstance(self.num_embeddings, tuple):
            check_code_maps(self, codes, all_maps=True)
        else:
            check_codes(
                self, codes, self.code_shape, self.num_embeddings, "codes"
            )

    def check_first_batch(self, batch, labels):
        condition, several = None, isinstance(self.num_embeddings, tuple)
        if isinstance(batch, tuple) and not several:
            expected = "codes alone"
            if self.condition_shape is not None:
                expected = "a pair of codes and condition"
            if self.condition_shape is None or len(batch) != 2:
                raise ValueError(
                    f"{title(self)} takes {expected}. Received: a tuple of "
                    f"{len(batch)} arrays"
                )
            batch, condition = batch
        self.check_codes(batch)
        rows = len(batch[0] if several else batch)
        check_condition(self, condition, rows)
        if self.num_classes is not None:
            check_labels(self, labels)

    def limits(self):
        limits = [num_embeddings for _, num_embeddings in self.code_maps]
        if self.condition_shape is not None:
            limits.append(self.num_condition_embeddings)
        return (*limits, self.num_classes)

    def _checked(self, x, y=None, batch_size=None, limits=None):
        own = self.tokenizer_fingerprint
        found = getattr(x, "tokenizer_fingerprint", own)  # set on data sets
        if own is not None and found != own:
            raise ValueError(
                f"{title(self)} was created for the codes of the tokenizer "
                f"{own}. Received: codes of the tokenizer {found}, which have "
                "another meaning"
            )
        return super()._checked(x, y, batch_size, limits)
