import math

import keras
import numpy as np
from keras import ops

from keras_vq import samplers
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.training.base_model import BaseModel
from keras_vq.training.check_codes import check_codes
from keras_vq.training.check_labels import check_labels


class Prior(BaseModel):
    """Base of the models of codes: what they are given is checked.

    A subclass defines `call`, `losses_of(codes, labels, training)`,
    `log_prob`, `start_from`, `complete` and `generate_step`.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        label_dropout: float in [0, 1), share of training examples whose label
            is hidden, so that it draws without one too. Defaults to 0.0.
        seed: int or None, of what is hidden. Defaults to None.
        tokenizer_fingerprint: str or None, `fingerprint()` of the tokenizer
            whose codes it learns (and of its condition's); data sets of
            another's are refused. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: int tensor `(batch, *code_shape)`, codes, or a pair of them and
            of int tensor `(batch,)`, labels, for a conditional model.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *code_shape, num_embeddings)`, logits.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        label_dropout=0.0,
        seed=None,
        tokenizer_fingerprint=None,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.code_shape = tuple(code_shape)
        for size in self.code_shape:
            check_sizes(None, code_shape=size)
        check_sizes(None, num_embeddings=num_embeddings)
        if num_classes is not None:
            check_sizes(None, num_classes=num_classes)
        if not 0 <= label_dropout < 1 or (label_dropout and not num_classes):
            raise ValueError(
                "`label_dropout` must be in [0, 1), and 0 without "
                f"`num_classes`. Received: label_dropout={label_dropout} and "
                f"num_classes={num_classes}"
            )
        self.num_embeddings = num_embeddings
        self.num_classes = num_classes
        self.label_dropout = label_dropout
        self.seed = seed
        self.tokenizer_fingerprint = tokenizer_fingerprint
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def num_codes(self):
        """int, codes of one input, those of all levels together."""
        maps = self.code_shape
        maps = maps if isinstance(maps[0], tuple) else (maps,)
        return sum(math.prod(shape) for shape in maps)

    @property
    def num_label_embeddings(self):
        """int, labels that a network must know: the hidden one is the last."""
        return self.num_classes + (self.label_dropout > 0)

    def generate(
        self,
        num_samples,
        labels=None,
        temperature=1.0,
        top_k=None,
        top_p=None,
        guidance_scale=None,
        prompt=None,
        seed=None,
        sampler=None,
        batch_size=64,
        **told,
    ):
        """Draw codes, in a compiled loop.

        Args:
            num_samples: int >= 1, number of examples.
            labels: int array `(num_samples,)` or int, for a conditional model.
                Defaults to None.
            temperature: float >= 0, divides the logits; 0 takes the most
                probable code. Defaults to 1.0.
            top_k: int or None, draw from the k most probable codes. Defaults
                to None.
            top_p: float in (0, 1] or None, draw from the fewest codes that
                have this probability together. Defaults to None.
            guidance_scale: float or None, how far to go from what the model
                says without the label to what it says with it: 1 is the
                latter, more is beyond. Defaults to None.
            prompt: int array `(num_samples, m)` or None, the first codes in
                raster order; of a hierarchical prior, those of the top level.
                Defaults to None.
            seed: int or None; one seed draws the same codes on every backend.
                Defaults to None.
            sampler: `keras_vq.samplers.Sampler` or None, in place of
                `temperature`, `top_k` and `top_p`. Defaults to None.
            batch_size: int, examples drawn together. Defaults to 64.
            **told: `condition`, of a prior that has one: array `(num_samples,
                *condition_shape)`.

        Returns:
            NumPy int32 array `(num_samples, *code_shape)`; of a hierarchical
            prior a tuple of them.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes, known = self.start_from(num_samples, prompt)
        return self.complete(
            codes,
            known,
            labels,
            sampler or samplers.get(temperature, top_k, top_p),
            guidance_scale,
            seed,
            batch_size,
            **told,
        )

    def generate_step(self, noise, labels=None, sampler=None):
        """Draw a batch of codes, for use in a graph.

        Args:
            noise: float32 tensor `(batch, num_codes)`, uniform in [0, 1).
            labels: int32 tensor `(batch,)`, or None.
            sampler: See `complete`.

        Returns:
            int32 tensor `(batch, *code_shape)`, or a tuple of them.
        """
        raise NotImplementedError

    def start_from(self, num_samples, prompt):
        """What `complete` takes for the first codes of a prompt.

        Args:
            num_samples: int >= 1.
            prompt: int array `(num_samples, m)` or None.

        Returns:
            `codes, known`, NumPy arrays `(num_samples, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
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
    ):
        """Keep some codes and draw the others, each from those before it.

        Args:
            codes: int array `(n, *code_shape)`; of a hierarchical prior a
                tuple of them, like what follows.
            known: bool array `(n, *code_shape)`, which of them to keep.
            labels: int array `(n,)` or int, for a conditional model. Defaults
                to None.
            sampler: `keras_vq.samplers.Sampler`; None for all of the softmax.
                Defaults to None.
            guidance_scale: See `generate`.
            seed: See `generate`.
            batch_size: See `generate`.

        Returns:
            NumPy int32 array `(n, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        raise NotImplementedError

    def split_labels(self, inputs):
        """Codes, and labels or None, of what the model is called with."""
        if not self.num_classes:
            return inputs, None
        if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
            check_labels(self, None)
        return inputs

    def hide_labels(self, labels):
        """Replace a share `label_dropout` of the labels by the hidden one."""
        if not self.label_dropout:
            return labels
        shape = ops.shape(labels)
        noise = keras.random.uniform(shape, seed=self.seed_generator)
        return ops.where(noise < self.label_dropout, self.num_classes, labels)

    def check_codes(self, codes):
        """Raise unless a NumPy array is codes of this model."""
        check_codes(self, codes, self.code_shape, self.num_embeddings, "codes")

    def check_first_batch(self, batch, labels):
        self.check_codes(batch)
        if self.num_classes:
            check_labels(self, labels)

    def _checked(self, x, y=None, batch_size=None):
        own = self.tokenizer_fingerprint
        made_by = getattr(x, "tokenizer_fingerprint", own)
        if own is not None and made_by != own:
            raise ValueError(
                f"{type(self).__name__} `{self.name}` was made for the codes "
                f"of the tokenizer {own}. Received: codes of the tokenizer "
                f"{made_by}, which mean something else"
            )
        if not isinstance(x, (tuple, list)):
            return super()._checked(x, y, batch_size)
        x = tuple(self.to_array(part) for part in x)
        self.check_first_batch(x, y if y is None else self.to_array(y))
        return x

    def inputs_of(self, data):
        codes, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(
            data
        )
        if sample_weight is not None:
            title = type(self).__name__
            raise ValueError(f"{title} takes no sample_weight. Received one.")
        if not self.num_classes:
            return self.cast_codes(codes), None
        if labels is None:
            check_labels(self, None)
        return self.cast_codes(codes), ops.cast(labels, "int32")

    def cast_codes(self, codes):
        """Codes of any integer dtype as int32, tuples of them as tuples."""
        return keras.tree.map_structure(lambda x: ops.cast(x, "int32"), codes)

    def label_arrays(self, labels, count):
        """Labels that a caller gave, checked, for `in_batches`.

        Args:
            labels: int array `(count,)`, int, or None.
            count: int, number of examples.

        Returns:
            list of one int32 array `(count,)`, or of none without classes.

        Raises:
            ValueError: If they do not fit the model.
        """
        if not self.num_classes:
            if labels is not None:
                raise ValueError(
                    f"{type(self).__name__} `{self.name}` was made without "
                    "`num_classes` and takes no labels. Received labels."
                )
            return []
        if labels is None and self.label_dropout:
            return [np.full(count, self.num_classes, "int32")]
        labels = None if labels is None else self.to_array(labels)
        if labels is not None and labels.ndim == 0:
            labels = np.full(count, labels)
        check_labels(self, labels, count)
        return [labels.astype("int32")]

    def get_config(self):
        return {
            **super().get_config(),
            "code_shape": self.code_shape,
            "num_embeddings": self.num_embeddings,
            "num_classes": self.num_classes,
            "label_dropout": self.label_dropout,
            "seed": self.seed,
            "tokenizer_fingerprint": self.tokenizer_fingerprint,
        }
