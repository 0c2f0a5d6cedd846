import keras
import numpy as np

from keras_vq.models.check_pair import check_pair
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.saving import Preset

_PARTS = ("tokenizer", "prior", "condition_tokenizer")


@keras.saving.register_keras_serializable(package="keras_vq")
class LatentGenerator(Preset, keras.Model):
    """A tokenizer and a prior over its codes: together they make images.

    Both are trained before. Saved, it holds both.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`.
        prior: A `keras_vq.priors.Prior` of the same codes.
        condition_tokenizer: A `keras_vq.models.Tokenizer` or None, of what the
            prior is told besides: then `condition` below are pictures, which
            are encoded. Defaults to None.
        **kwargs: `name` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, what the tokenizer makes of its
        inputs.

    Raises:
        ValueError: If the prior is of other codes than the tokenizer's.

    Example:

    >>> tokenizer = keras_vq.zoo.vqvae((16, 16, 3), num_embeddings=32)
    >>> prior = keras_vq.zoo.pixelcnn(tokenizer, num_classes=10)
    >>> generator = keras_vq.LatentGenerator(tokenizer, prior)
    >>> generator.generate(4, labels=[0, 1, 2, 3], seed=0).shape
    (4, 16, 16, 3)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 3.3.
    """

    def __init__(self, tokenizer, prior, condition_tokenizer=None, **kwargs):
        super().__init__(**kwargs)
        check_pair(tokenizer, prior, condition_tokenizer)
        self.tokenizer = tokenizer
        self.prior = prior
        self.condition_tokenizer = condition_tokenizer
        self.input_shape = tokenizer.input_shape
        self.built = True

    @property
    def num_classes(self):
        """int or None, number of labels the prior is conditioned on."""
        return self.prior.num_classes

    def build(self, input_shape=None):
        # Everything is built before; Keras calls this when it loads.
        self.built = True

    def call(self, x, training=False):
        return self.tokenizer(x)

    def generate(
        self,
        num_images,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        **sampling,
    ):
        """New images: codes drawn from the prior, decoded.

        Args:
            num_images: int >= 1, number of images.
            labels: int array `(num_images,)` or int, for a conditional prior.
                Defaults to None.
            condition: array `(num_images, ...)`, for a prior that is told
                something besides: codes, or pictures for a generator with a
                `condition_tokenizer`. Defaults to None.
            seed: int or None; one seed draws the same codes on every backend.
                Defaults to None.
            batch_size: int, images drawn together. Defaults to 64.
            **sampling: `temperature`, `top_k` and others of the prior's
                `generate`.

        Returns:
            NumPy float32 array `(num_images, *input_shape)`, in the
            tokenizer's `value_range`.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes = self.prior.generate(
            num_images,
            labels,
            seed=seed,
            batch_size=batch_size,
            **self._told(condition),
            **sampling,
        )
        return self.tokenizer.decode(codes, batch_size)

    def inpaint(
        self,
        images,
        mask,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        **sampling,
    ):
        """Draw a part of images anew, keeping the codes of the rest.

        A code is kept if none of the pixels of its cell is masked. Codes are
        drawn in raster order from those before, so what lies below and to the
        right of the mask does not tell what to draw in it.

        Args:
            images: array `(n, *input_shape)`, float in the tokenizer's
                `value_range` or uint8.
            mask: bool array `(n, *size)` or `(*size,)`, the spatial axes of
                the images; True where to draw anew.
            labels: int array `(n,)` or int, for a conditional prior. Defaults
                to None.
            condition: See `generate`.
            seed: See `generate`.
            batch_size: See `generate`.
            **sampling: `sampler` and `guidance_scale` of the prior's
                `complete`.

        Returns:
            NumPy float32 array `(n, *input_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes = self.tokenizer.encode(images, batch_size)
        mask = self._mask(np.asarray(mask), len(images))
        shape = self.tokenizer.code_shape
        if isinstance(codes, tuple):
            known = tuple(~_coarse(mask, level) for level in shape)
        else:
            known = ~_coarse(mask, shape)
        codes = self.prior.complete(
            codes,
            known,
            labels,
            seed=seed,
            batch_size=batch_size,
            **self._told(condition),
            **sampling,
        )
        return self.tokenizer.decode(codes, batch_size)

    def reject(
        self,
        classifier,
        num_images,
        labels,
        keep=0.5,
        seed=None,
        batch_size=64,
        **sampling,
    ):
        """The images that a classifier believes in, of more that are drawn.

        For each class the share `keep` that it gives the highest probability
        of the label.

        Args:
            classifier: `keras.Model` from images `(batch, *input_shape)` in
                the tokenizer's `value_range` to probabilities `(batch,
                num_classes)`.
            num_images: int >= 1, number of images that are left.
            labels: int array `(num_images,)` or int.
            keep: float in (0, 1], share of the drawn images that are left.
                Defaults to 0.5.
            seed: See `generate`.
            batch_size: See `generate`.
            **sampling: See `generate`.

        Returns:
            NumPy float32 array `(num_images, *input_shape)`, in the order of
            the labels.

        Raises:
            ValueError: If an argument does not fit.

        References:
            Razavi et al., Generating Diverse High-Fidelity Images with
            VQ-VAE-2, 2019, section 3.4.
        """
        check_sizes(None, num_images=num_images)
        if getattr(self.prior, "condition_shape", None) is not None:
            raise ValueError(
                "`reject` draws by label alone. Received: a prior that is told "
                "a condition with each image"
            )
        if not 0 < keep <= 1:
            raise ValueError(f"`keep` must be in (0, 1]. Received: keep={keep}")
        (labels,) = self.prior.label_arrays(labels, num_images) or (None,)
        if labels is None:
            raise ValueError(
                "`reject` keeps the images that look like their label: the "
                "prior must be conditional. Received: a prior without "
                "`num_classes`"
            )
        classes, counts = np.unique(labels, return_counts=True)
        drawn = np.repeat(classes, np.ceil(counts / keep).astype(int))
        images = self.generate(
            len(drawn), drawn, seed=seed, batch_size=batch_size, **sampling
        )
        probabilities = classifier.predict(
            images, batch_size=batch_size, verbose=0
        )
        believed = probabilities[np.arange(len(drawn)), drawn]
        kept = np.empty((num_images, *self.input_shape), images.dtype)
        for label, count in zip(classes, counts, strict=True):
            of_class = np.flatnonzero(drawn == label)
            best = of_class[np.argsort(-believed[of_class])[:count]]
            kept[labels == label] = images[best]
        return kept

    def _told(self, condition):
        """The condition as an argument of the prior's methods."""
        if condition is None:
            return {}
        if self.condition_tokenizer is not None:
            condition = self.condition_tokenizer.encode(condition)
        return {"condition": condition}

    def _mask(self, mask, count):
        size = self.input_shape[:-1]
        if mask.dtype != bool or mask.shape not in (size, (count, *size)):
            raise ValueError(
                f"`mask` must be bool of shape {size} or {(count, *size)}, "
                f"True where to draw. Received: shape={mask.shape} and "
                f"dtype={mask.dtype}"
            )
        return np.broadcast_to(mask, (count, *size))

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **{part: serialize(getattr(self, part)) for part in _PARTS},
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        parts = {part: deserialize(config[part]) for part in _PARTS}
        # Weights come later; whole they are those that were saved together.
        prior = parts["prior"]
        fingerprint = prior.tokenizer_fingerprint
        prior.tokenizer_fingerprint = None
        generator = cls(**{**config, **parts})
        prior.tokenizer_fingerprint = fingerprint
        return generator


def _coarse(mask, code_shape):
    """Which codes have a masked pixel in their cell."""
    count, *size = mask.shape
    cells = [count]
    for n, m in zip(size, code_shape, strict=False):
        cells += [m, n // m]
    within = tuple(range(2, 2 * len(size) + 1, 2))
    masked = mask.reshape(cells).any(axis=within)
    several = (1,) * (len(code_shape) - len(size))  # codes of a position
    masked = masked.reshape(masked.shape + several)
    return np.broadcast_to(masked, (count, *code_shape))
