import math

import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq import samplers
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.ops.mean import mean
from keras_vq.priors.levels import check_levels
from keras_vq.priors.levels import level_condition
from keras_vq.priors.prior import Prior
from keras_vq.training.check_codes import check_code_maps
from keras_vq.training.in_batches import in_batches


@keras.saving.register_keras_serializable(package="keras_vq")
class HierarchicalPrior(Prior):
    """Priors of several maps of codes, each conditioned on those above.

    p(top, ..., bottom) is the product of p(top) and, for each further level,
    p(level | levels above). A level sees those above as the sum of their
    codes' embeddings, brought to its size by repetition, after a few residual
    convolutions, which need not be causal. Codes are tuples of maps, top
    first.

    Args:
        levels: list of `keras_vq.priors.AutoregressivePrior`, top first, all of
            the same classes; those below the top are made with
            `condition_dim`.
        num_residual_layers: int >= 0, residual blocks of a level's condition.
            Defaults to 2.
        **kwargs: `seed`, `name` and others of `keras_vq.priors.Prior`.

    Call arguments:
        inputs: tuple of int tensors `(batch, *code_shape)`, or a pair of it and
            of int tensor `(batch,)`, labels, for a conditional model.
        training: bool. Defaults to False.

    Returns:
        tuple of float32 tensors `(batch, *code_shape, num_embeddings)`, logits.

    Raises:
        ValueError: If an argument is out of range, or the levels do not go
            together.

    Example:

    >>> top = keras_vq.priors.PixelSNAIL((2, 2), 16, hidden_dim=32)
    >>> bottom = keras_vq.priors.PixelCNN((4, 4), 16, condition_dim=32)
    >>> prior = keras_vq.priors.HierarchicalPrior([top, bottom])
    >>> prior.compile("adam")
    >>> codes = tuple(np.random.randint(16, size=(8, n, n)) for n in (2, 4))
    >>> history = prior.fit(codes, verbose=0)
    >>> [level.shape for level in prior.generate(3, seed=0)]
    [(3, 2, 2), (3, 4, 4)]

    References:
        Razavi et al., Generating Diverse High-Fidelity Images with VQ-VAE-2,
        2019, section 3.2.
    """

    def __init__(self, levels, num_residual_layers=2, **kwargs):
        levels = list(levels)
        check_levels(levels)
        check_sizes(None, num_residual_layers=num_residual_layers)
        super().__init__(
            levels[0].code_shape,
            levels[0].num_embeddings,
            levels[0].num_classes,
            label_dropout=levels[0].label_dropout,
            **kwargs,
        )
        self.levels = levels
        self.num_residual_layers = num_residual_layers
        self.code_shape = tuple(level.code_shape for level in levels)
        self.num_embeddings = tuple(level.num_embeddings for level in levels)
        self.conditions = [
            level_condition(
                self.code_maps[:i],
                levels[i].code_shape,
                levels[i].condition_dim,
                num_residual_layers,
                self.dtype_policy,
            )
            for i in range(1, len(levels))
        ]
        self.add_logs(
            "loss", "bits_per_dim", *(f"loss_{i}" for i in range(len(levels)))
        )
        self._drawing_steps = {}
        self.built = True

    @property
    def code_maps(self):
        """list of pairs, the shape and the number of codes of each level."""
        return list(zip(self.code_shape, self.num_embeddings, strict=True))

    def call(self, inputs, training=False):
        codes, labels = self.split_labels(inputs)
        return tuple(
            level.logits_of(codes[i], labels, training, **self._told(i, codes))
            for i, level in enumerate(self.levels)
        )

    def _nats_of(self, codes, labels, training):
        """-log p of the codes of each position of each level."""
        return [
            level.nats_of(codes[i], labels, training, **self._told(i, codes))
            for i, level in enumerate(self.levels)
        ]

    def _told(self, i, codes):
        """The condition of level `i`, as arguments by name."""
        if i == 0:
            return {}
        return {"condition": self.conditions[i - 1](list(codes[:i]))}

    def losses_of(self, codes, labels, training):
        if training:
            labels = self.hide_labels(labels)
        losses = [mean(nats) for nats in self._nats_of(codes, labels, training)]
        total = sum(
            level.num_codes * loss
            for level, loss in zip(self.levels, losses, strict=True)
        )
        loss = total / self.num_codes
        return loss, {
            "loss": loss,
            "bits_per_dim": loss / math.log(2.0),
            **{f"loss_{i}": loss for i, loss in enumerate(losses)},
        }

    def log_prob(self, codes, labels=None, batch_size=32):
        """log p(codes | labels), of all levels together.

        Args:
            codes: tuple of int arrays `(n, *code_shape)`, top first.
            labels: int array `(n,)`, for a conditional model. Defaults to
                None.
            batch_size: int, rows per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n,)`, nats of each example.

        Raises:
            ValueError: If codes or labels do not fit.
        """
        codes = [self.to_array(level) for level in codes]
        self.check_codes(codes)
        labels = self.label_arrays(labels, len(codes[0]))
        arrays = [level.astype("int32") for level in codes] + labels
        step = self.compiled_step(self._log_prob_step)
        return in_batches(step, arrays, batch_size)

    def _log_prob_step(self, *arrays):
        codes, labels = self._split(arrays, len(self.levels))
        return -sum(
            ops.sum(nats, axis=tuple(range(1, len(nats.shape))))
            for nats in self._nats_of(codes, labels, False)
        )

    def start_from(self, num_samples, prompt):
        """As `AutoregressivePrior.start_from`; a prompt is of the top level."""
        codes, known = self.levels[0].start_from(num_samples, prompt)
        shapes = [(num_samples, *shape) for shape in self.code_shape[1:]]
        return (
            (codes, *(np.zeros(shape, "int32") for shape in shapes)),
            (known, *(np.zeros(shape, bool) for shape in shapes)),
        )

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
        codes = [self.to_array(level) for level in codes]
        self.check_codes(codes)
        labels = self.label_arrays(labels, len(codes[0]))
        noise = self._by_level(
            samplers.uniform_noise(seed, len(codes[0]), self.num_codes)
        )
        drawn: list[np.ndarray] = []
        for i, level in enumerate(self.levels):
            arrays = level.drawing_arrays(
                codes[i], known[i], guidance_scale, noise[i]
            )
            step = self._drawing_step(
                i, sampler or samplers.RandomSampler(), guidance_scale
            )
            found = in_batches(step, [*arrays, *drawn, *labels], batch_size)
            drawn.append(found.reshape(codes[i].shape))
        return tuple(drawn)

    def generate_step(self, noise, labels=None, sampler=None):
        drawn: list = []
        for i, part in enumerate(self._by_level(noise)):
            told = self._told(i, drawn)
            drawn.append(
                self.levels[i].generate_step(
                    part, labels, sampler=sampler, **told
                )
            )
        return tuple(drawn)

    def _by_level(self, noise):
        """The columns of noise that each level draws by."""
        ends = np.cumsum([level.num_codes for level in self.levels])
        return [
            noise[:, end - level.num_codes : end]
            for end, level in zip(ends, self.levels, strict=True)
        ]

    def _drawing_step(self, i, sampler, guidance_scale):
        key = (i, sampler.key(), guidance_scale)
        if key not in self._drawing_steps:

            def step(codes, known, noise, *rest):
                above, labels = self._split(rest, i)
                return self.levels[i].draw_step(
                    codes,
                    known,
                    noise,
                    sampler,
                    guidance_scale,
                    labels,
                    **self._told(i, above),
                )

            self._drawing_steps[key] = backend.jit_loop(step, self)
        return self._drawing_steps[key]

    def _split(self, arrays, count):
        """Codes of `count` levels, and the labels or None."""
        return arrays[:count], (arrays[count] if self.num_classes else None)

    def check_codes(self, codes):
        check_code_maps(self, codes, all_of_them=True)

    def get_config(self):
        config = super().get_config()
        for name in (
            "code_shape",
            "num_embeddings",
            "num_classes",
            "label_dropout",
        ):
            config.pop(name)
        return {
            **config,
            "levels": [
                keras.saving.serialize_keras_object(level)
                for level in self.levels
            ],
            "num_residual_layers": self.num_residual_layers,
        }

    @classmethod
    def from_config(cls, config):
        levels = [
            keras.saving.deserialize_keras_object(level)
            for level in config["levels"]
        ]
        return cls(**{**config, "levels": levels})
