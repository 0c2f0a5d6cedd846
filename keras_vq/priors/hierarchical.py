import itertools
import math

import keras
import numpy as np
from keras import ops

from keras_vq import samplers
from keras_vq.checks import check_int
from keras_vq.checks import check_known
from keras_vq.checks import title
from keras_vq.networks import Conditioning
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.priors.autoregressive import AutoregressivePrior
from keras_vq.priors.prior import Prior
from keras_vq.saving.config import serializable
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


@serializable
class HierarchicalPrior(Prior):
    """A prior over several maps of codes, each conditioned on those above.

    p(top, ..., bottom) is the product of p(top) and, for each further level,
    p(level | levels above). The condition of a level is the sum of the
    embeddings of the codes above, upsampled to its size, after a few residual
    convolutions, which need not be causal. Codes are tuples of maps, top
    (coarsest) first.

    Args:
        levels: list of two or more `keras_vq.priors.AutoregressivePrior`, top
            first, with the same `num_classes`. The networks of all but the top
            one are created with `condition_dim`.
        num_residual_layers: int >= 0, residual blocks that process a level's
            condition. Defaults to 2.
        seed: int or None, seed of the label dropout. Defaults to None.
        tokenizer_fingerprint: See `Prior`. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: tuple of int tensors `(batch, *code_shape)`; with `num_classes`
            a pair of it and an int tensor `(batch,)`, labels.
        training: bool. Defaults to False.

    Returns:
        tuple of float32 tensors `(batch, *code_shape, num_embeddings)`, logits.

    Raises:
        ValueError: If an argument is out of range, or the levels do not fit
            together.

    Example:

    >>> networks = [
    ...     keras_vq.networks.PixelSNAIL((2, 2), 16, hidden_dim=32),
    ...     keras_vq.networks.PixelCNN((4, 4), 16, condition_dim=32)]
    >>> prior = keras_vq.priors.HierarchicalPrior(
    ...     [keras_vq.priors.AutoregressivePrior(n) for n in networks])
    >>> prior.compile("adam")
    >>> codes = tuple(np.random.randint(16, size=(8, n, n)) for n in (2, 4))
    >>> history = prior.fit(codes, verbose=0)
    >>> [level.shape for level in prior.generate(3, seed=0)]
    [(3, 2, 2), (3, 4, 4)]

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019, section 3.2.
    """

    def __init__(
        self,
        levels,
        num_residual_layers=2,
        seed=None,
        tokenizer_fingerprint=None,
        **kwargs,
    ):
        levels = list(levels)
        _check_levels(levels)
        super().__init__(
            levels[0].label_dropout, seed, tokenizer_fingerprint, **kwargs
        )
        self.levels = levels
        self.num_residual_layers = check_int(
            "num_residual_layers", num_residual_layers, 0
        )
        self.describe(
            tuple(level.code_shape for level in levels),
            tuple(level.num_embeddings for level in levels),
            levels[0].num_classes,
        )
        self.conditions = [
            _condition_network(
                self.code_maps[:i],
                levels[i].condition_shape,
                self.num_residual_layers,
                self.dtype_policy,
            )
            for i in range(1, len(levels))
        ]
        names = [f"loss_{i}" for i in range(len(levels))]
        self.track("loss", "bits_per_dim", *names)

    def call(self, inputs, training=False):
        codes, conditioning = self.split(inputs)
        return tuple(
            level.head(
                level.network(
                    codes[i],
                    conditioning=self.conditioning_of(i, codes, conditioning),
                    training=training,
                ),
                codes[i],
            )
            for i, level in enumerate(self.levels)
        )

    def conditioning_of(self, i, codes, conditioning):
        """The conditioning of level `i`: labels and the codes above.

        Args:
            i: int, number of the level.
            codes: sequence of int32 tensors, codes of at least the levels
                above.
            conditioning: `keras_vq.networks.Conditioning` with the labels.
        """
        if i == 0:
            return conditioning
        condition = self.conditions[i - 1](list(codes[:i]))
        return conditioning._replace(condition=condition)

    def nats(self, codes, conditioning=Conditioning(), training=False):
        """-log p of the codes at each position of each level, a list."""
        return [
            level.nats(
                codes[i],
                self.conditioning_of(i, codes, conditioning),
                training,
            )
            for i, level in enumerate(self.levels)
        ]

    def losses_of(self, x, labels, training):
        codes, conditioning = self.with_condition(x, labels)
        if training:
            conditioning = self.drop_labels(conditioning)
        losses = [
            masked_mean(nats)
            for nats in self.nats(codes, conditioning, training)
        ]
        total = sum(
            level.num_codes * loss
            for level, loss in zip(self.levels, losses, strict=True)
        )
        loss = total / self.num_codes
        return {
            "loss": loss,
            "bits_per_dim": loss / math.log(2.0),
            **{f"loss_{i}": loss for i, loss in enumerate(losses)},
        }

    def log_prob(self, codes, labels=None, condition=None, batch_size=32):
        codes = tuple(to_array(level) for level in codes)
        self.check_codes(codes)
        conditioning = self.conditioning_arrays(
            labels, condition, len(codes[0])
        )
        codes = tuple(level.astype("int32") for level in codes)
        step = self.jit(self.log_prob_step)
        return in_batches(step, [codes, conditioning], batch_size)

    def log_prob_step(self, codes, conditioning=Conditioning()):
        """`log_prob` of one batch of tensors, float32 `(batch,)`."""
        return -sum(
            ops.sum(nats, axis=tuple(range(1, len(nats.shape))))
            for nats in self.nats(codes, conditioning)
        )

    # === Sampling ===

    def generate(
        self,
        num_samples,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        temperature=1.0,
        top_k=None,
        top_p=None,
        guidance_scale=None,
        prompt=None,
        sampler=None,
    ):
        """Sample codes level by level, each in one loop.

        Args:
            num_samples, labels, seed, batch_size, temperature, top_k, top_p,
                guidance_scale, sampler: See `AutoregressivePrior.generate`.
            condition: Must be None.
            prompt: int array `(num_samples, m)` or None, the first m codes of
                the top level in raster order. Defaults to None.

        Returns:
            tuple of NumPy int32 arrays `(num_samples, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes, known = self.levels[0].start_from(num_samples, prompt)
        shapes = [(num_samples, *shape) for shape in self.code_shape[1:]]
        return self.complete(
            (codes, *(np.zeros(shape, "int32") for shape in shapes)),
            (known, *(np.zeros(shape, bool) for shape in shapes)),
            labels,
            condition,
            seed,
            batch_size,
            sampler or samplers.get(temperature, top_k, top_p),
            guidance_scale,
        )

    def complete(
        self,
        codes,
        known,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        sampler=None,
        guidance_scale=None,
    ):
        """Keep the known codes and sample the others, level by level.

        Args:
            codes: tuple of int arrays `(n, *code_shape)`, top first.
            known: tuple of bool arrays of those shapes, True for codes to keep.
            labels, seed, batch_size, sampler, guidance_scale: See
                `AutoregressivePrior.complete`.
            condition: Must be None.

        Returns:
            tuple of NumPy int32 arrays `(n, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes = tuple(to_array(level) for level in codes)
        self.check_codes(codes)
        count = len(codes[0])
        conditioning = self.conditioning_arrays(labels, condition, count)
        noise = self._noise_of_levels(
            samplers.uniform_noise(seed, count, self.num_codes)
        )
        sampler = sampler or samplers.RandomSampler()
        guidance, numbers = self.sampling_numbers(
            sampler, guidance_scale, count
        )
        drawn: list[np.ndarray] = []
        for i, level_codes in enumerate(codes):
            level_known = to_array(known[i])
            check_known(level_known, level_codes.shape)
            flat = in_batches(
                self._drawing_step(i, sampler, guidance is not None),
                [
                    level_codes.reshape(noise[i].shape).astype("int32"),
                    level_known.reshape(noise[i].shape),
                    noise[i],
                    conditioning,
                    tuple(drawn),
                    guidance,
                    numbers,
                ],
                batch_size,
                progress=True,
            )
            drawn.append(flat.reshape(level_codes.shape))
        return tuple(drawn)

    def _drawing_step(self, i, sampler, is_guided):
        """The compiled loop that samples the codes of level `i`."""

        def step(codes, known, noise, conditioning, above, guidance, numbers):
            return self.levels[i].draw_step(
                codes,
                known,
                noise,
                self.conditioning_of(i, above, conditioning),
                sampler.with_numbers(numbers),
                guidance,
            )

        key = ("draw", i, sampler.key(), is_guided)
        return self.jit(step, key, loop=True)

    def generate_step(self, noise, conditioning=Conditioning(), sampler=None):
        drawn: list = []
        for i, part in enumerate(self._noise_of_levels(noise)):
            drawn.append(
                self.levels[i].generate_step(
                    part,
                    self.conditioning_of(i, drawn, conditioning),
                    sampler,
                )
            )
        return tuple(drawn)

    def _noise_of_levels(self, noise):
        """Split the noise into the columns that each level uses."""
        ends = np.cumsum([level.num_codes for level in self.levels])
        return [
            noise[:, end - level.num_codes : end]
            for end, level in zip(ends, self.levels, strict=True)
        ]


def _condition_network(maps, condition_shape, num_residual_layers, dtype):
    """Build the network from the codes above a level to its condition.

    Args:
        maps: list of pairs, shape and number of codes of each level above.
        condition_shape: tuple of int, `(height, width, dim)`.
        num_residual_layers: int, residual blocks.
        dtype: dtype policy of the layers.

    Returns:
        `keras.Model`, a list of int32 `(batch, *above)` to `(batch,
        *condition_shape)`.
    """
    *shape, dim = condition_shape
    inputs = [keras.Input(above, dtype="int32") for above, _ in maps]
    x = 0.0
    for codes, (above, num_embeddings) in zip(inputs, maps, strict=True):
        y = keras.layers.Embedding(num_embeddings, dim, dtype=dtype)(codes)
        factors = tuple(n // m for n, m in zip(shape, above, strict=True))
        x += keras.layers.UpSampling2D(factors, dtype=dtype)(y)
    for _ in range(num_residual_layers):
        y = keras.layers.Conv2D(
            dim, 3, padding="same", activation="relu", dtype=dtype
        )(ops.relu(x))
        x += keras.layers.Conv2D(dim, 1, dtype=dtype)(y)
    return keras.Model(inputs, x)


def _check_levels(levels):
    """Raise unless these priors, top first, fit together."""
    if len(levels) < 2 or not all(
        isinstance(level, AutoregressivePrior) for level in levels
    ):
        raise ValueError(
            "`levels` must be two or more autoregressive priors, top first. "
            f"Received: levels={levels}"
        )
    for level in levels:
        if level.codes_per_position != 1 or len(level.code_shape) != 2:
            raise ValueError(
                "`levels` must be priors of maps with one code per position. "
                f"Received: code_shape={level.code_shape} with "
                f"codes_per_position={level.codes_per_position}"
            )
    for name, values in {
        "num_classes": [level.num_classes for level in levels],
        "label_dropout": [level.label_dropout for level in levels],
    }.items():
        if len(set(values)) > 1:
            raise ValueError(
                f"`levels` must have the same `{name}`. Received: {values}"
            )
    for above, level in itertools.pairwise(levels):
        shape = level.condition_shape
        if shape is None or level.num_condition_embeddings is not None:
            raise ValueError(
                "The networks of all levels but the top one must be created "
                f"with `condition_dim`. Received: {title(level)} without"
            )
        if any(
            n % m
            for n, m in zip(level.code_shape, above.code_shape, strict=True)
        ):
            raise ValueError(
                "The size of a level must be a multiple of those above. "
                f"Received: {level.code_shape} below {above.code_shape}"
            )
    if levels[0].condition_shape is not None:
        raise ValueError(
            "The top level must not have a condition. Received: "
            f"condition_shape={levels[0].condition_shape}"
        )
