import inspect

import keras
import numpy as np

from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_number
from keras_vq.checks import check_type
from keras_vq.checks import title
from keras_vq.models import FirstStage
from keras_vq.models import TextEncoder
from keras_vq.models import Tokenizer
from keras_vq.priors import Prior
from keras_vq.saving.config import restored
from keras_vq.saving.config import serializable
from keras_vq.training import Model


@serializable
class LatentGenerator(Model):
    """A first stage and a prior over its latents, which generate images.

    Train both first. Saving the generator saves both.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`; for a prior of continuous
            latents, any `keras_vq.models.FirstStage` that has them.
        prior: A `keras_vq.priors.Prior` over the tokenizer's codes or latents.
        condition_tokenizer: A `keras_vq.models.Tokenizer`, a
            `keras_vq.models.TextEncoder` or None, encodes the prior's
            condition. With it, the `condition` arguments below are images, or
            a list of texts. Defaults to None.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the tokenizer's
        reconstructions.

    Raises:
        ValueError: If the prior and the tokenizers do not match.

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

    can_generate = True

    def __init__(self, tokenizer, prior, condition_tokenizer=None, **kwargs):
        super().__init__(**kwargs)
        _check_codes(tokenizer, prior)
        if condition_tokenizer is not None:
            _check_condition(condition_tokenizer, prior)
        _check_fingerprints(tokenizer, prior, condition_tokenizer)
        self.tokenizer = tokenizer
        self.prior = prior
        self.condition_tokenizer = condition_tokenizer
        self.input_shape = tokenizer.input_shape
        self.num_classes = prior.num_classes

    def losses_of(self, x, labels, training):
        raise TypeError(
            "A LatentGenerator cannot be trained. Train its tokenizer on "
            "images, then its prior on the tokenizer's codes."
        )

    def call(self, x, training=False):
        return self.tokenizer(x)

    def compute_output_spec(self, x, training=False):
        return self.tokenizer.compute_output_spec(x)

    def generate(
        self,
        num_images,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        **drawing,
    ):
        """Generate images: sample codes from the prior and decode them.

        Args:
            num_images: int >= 1, number of images.
            labels: int array `(num_images,)` or int, for a prior with
                `num_classes`. Defaults to None.
            condition: array `(num_images, ...)`, for a prior with a condition:
                codes, or images if the generator has a `condition_tokenizer`.
                Defaults to None.
            seed: int or None, random seed. The same seed gives the same codes
                on every backend. Defaults to None.
            batch_size: int, images per batch. Defaults to 64.
            **drawing: Further arguments of the prior's `generate`, such as
                `temperature` and `top_k`.

        Returns:
            NumPy float32 array `(num_images, *input_shape)`, in the
            tokenizer's `value_range`.

        Raises:
            ValueError: If an argument is invalid.
        """
        check_int("num_images", num_images)
        check_memory(f"num_images={num_images}", num_images, *self.input_shape)
        _check_options(self.prior.generate, drawing)
        codes = self.prior.generate(
            num_images,
            labels,
            self._encoded(condition),
            seed=seed,
            batch_size=batch_size,
            **drawing,
        )
        return self._decode(codes, batch_size=batch_size)

    def inpaint(
        self,
        images,
        mask,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        **drawing,
    ):
        """Resample the masked part of images, keeping the other codes.

        To continue a video, mask the frames that are to follow. A code, or
        vector of latents, is kept if no pixel of its cell is masked.
        An autoregressive prior samples each code given the previous ones in
        raster order, so a kept code only influences the masked codes that come
        after it; other priors see all kept codes.

        Args:
            images: array `(n, *input_shape)`, float in the tokenizer's
                `value_range` or uint8.
            mask: bool array `(n, *size)` or `(*size,)`, the spatial axes of
                the images; True for pixels to resample.
            labels: int array `(n,)` or int, for a prior with `num_classes`.
                Defaults to None.
            condition, seed, batch_size: See `generate`.
            **drawing: Further arguments of the prior's `complete`, such as
                `sampler` and `guidance_scale`.

        Returns:
            NumPy float32 array `(n, *input_shape)`.

        Raises:
            ValueError: If an argument is invalid.
        """
        _check_options(self.prior.complete, drawing)
        mask = self._checked_mask(np.asarray(mask), len(images))
        if self.tokenizer.is_causal:
            mask = _with_whole_cells(mask, self.prior.code_shape[0])
        encode, shape = self.tokenizer.encode, self.prior.code_shape
        if self.prior.is_continuous:
            encode = self.tokenizer.encode_latents
        codes = encode(images, batch_size=batch_size)
        if isinstance(codes, tuple):
            known = tuple(~_coarse(mask, level) for level in shape)
        else:
            known = ~_coarse(mask, shape)
        codes = self.prior.complete(
            codes,
            known,
            labels,
            self._encoded(condition),
            seed=seed,
            batch_size=batch_size,
            **drawing,
        )
        return self._decode(codes, batch_size=batch_size)

    def reject(
        self,
        classifier,
        num_images,
        labels,
        keep=0.5,
        seed=None,
        batch_size=64,
        **drawing,
    ):
        """Generate images and keep those that a classifier rates highest.

        This is classifier-based rejection sampling: for each class, it keeps
        the fraction `keep` of the generated images to whose label the
        classifier assigns the highest probability.

        Args:
            classifier: `keras.Model` from images `(batch, *input_shape)` in
                the tokenizer's `value_range` to probabilities `(batch,
                num_classes)`.
            num_images: int >= 1, number of images to keep.
            labels: int array `(num_images,)` or int.
            keep: float in (0, 1], fraction of the generated images to keep.
                Defaults to 0.5.
            seed, batch_size, **drawing: See `generate`.

        Returns:
            NumPy float32 array `(num_images, *input_shape)`, in the order of
            the labels.

        Raises:
            ValueError: If an argument is invalid.

        References:
            Razavi et al., Generating Diverse High-Fidelity Images with
            VQ-VAE-2, 2019, section 3.4.
        """
        check_int("num_images", num_images)
        check_number("keep", keep, above=0, at_most=1)
        if self.prior.condition_shape is not None:
            raise ValueError(
                "`reject` supports labels only. Received: a prior with a "
                "condition"
            )
        if self.num_classes is None:
            raise ValueError(
                "`reject` needs a prior with `num_classes`. Received: a prior "
                "without classes"
            )
        labels = self.prior.conditioning_arrays(labels, None, num_images).labels
        classes, counts = np.unique(labels, return_counts=True)
        drawn = np.repeat(classes, np.ceil(counts / keep).astype(int))
        images = self.generate(
            len(drawn), drawn, seed=seed, batch_size=batch_size, **drawing
        )
        probabilities = classifier.predict(
            images, batch_size=batch_size, verbose=0
        )
        scores = probabilities[np.arange(len(drawn)), drawn]
        kept = np.empty((num_images, *self.input_shape), images.dtype)
        for label, count in zip(classes, counts, strict=True):
            of_class = np.flatnonzero(drawn == label)
            best = of_class[np.argsort(-scores[of_class])[:count]]
            kept[labels == label] = images[best]
        return kept

    def decode_step(self, codes):
        """Decode a batch of the prior's codes or latents, as tensors."""
        if self.prior.is_continuous:
            return self.tokenizer.decode_latents_step(codes)
        return self.tokenizer.decode_step(codes)

    def _decode(self, codes, batch_size):
        if self.prior.is_continuous:
            return self.tokenizer.decode_latents(codes, batch_size=batch_size)
        return self.tokenizer.decode(codes, batch_size=batch_size)

    def _encoded(self, condition):
        """Encode the condition if there is a tokenizer for it."""
        if condition is None or self.condition_tokenizer is None:
            return condition
        return self.condition_tokenizer.encode(condition)

    def _checked_mask(self, mask, count):
        size = self.input_shape[:-1]
        if mask.dtype != bool or mask.shape not in (size, (count, *size)):
            raise ValueError(
                f"`mask` must be bool of shape {size} or {(count, *size)}, "
                f"True to resample. Received: shape={mask.shape} and "
                f"dtype={mask.dtype}"
            )
        return np.broadcast_to(mask, (count, *size))

    @classmethod
    def from_config(cls, config, custom_objects=None):
        with keras.saving.custom_object_scope(custom_objects or {}):
            parts = {name: restored(value) for name, value in config.items()}
        # Weights are loaded later, and until then fingerprints differ.
        prior = parts["prior"]
        fingerprint = prior.tokenizer_fingerprint
        prior.tokenizer_fingerprint = None
        generator = cls(**parts)
        prior.tokenizer_fingerprint = fingerprint
        return generator


def _check_options(method, options):
    """Raise if the prior does not sample with these options."""
    accepted = list(inspect.signature(method).parameters)
    for name in options:
        if name not in accepted:
            raise ValueError(
                f"A {type(method.__self__).__name__} does not sample with "
                f"`{name}`. Received: {name}={options[name]!r}. It takes "
                f"{', '.join(accepted)}."
            )


def _check_codes(tokenizer, prior):
    check_type("prior", prior, Prior, "a keras_vq.priors.Prior")
    if prior.is_continuous:
        _check_latents(tokenizer, prior)
        return
    if isinstance(tokenizer, FirstStage) and not isinstance(
        tokenizer, Tokenizer
    ):
        raise ValueError(
            f"{title(prior)} is a prior of codes. Received: {title(tokenizer)},"
            " whose latents are continuous. Use keras_vq.zoo.latent_diffusion."
        )
    check_type("tokenizer", tokenizer, Tokenizer, "a keras_vq.models.Tokenizer")
    produced = (tokenizer.code_shape, tokenizer.num_embeddings)
    modeled = (prior.code_shape, prior.num_embeddings)
    if produced != modeled:
        raise ValueError(
            f"{title(tokenizer)} produces codes of shape {produced[0]} with "
            f"K={produced[1]}, but {title(prior)} models codes of shape "
            f"{modeled[0]} with K={modeled[1]}. Received: a tokenizer and a "
            "prior that do not match"
        )


def _check_latents(tokenizer, prior):
    check_type(
        "tokenizer", tokenizer, FirstStage, "a keras_vq.models.FirstStage"
    )
    tokenizer.check_continuous()
    if tokenizer.continuous_shape != prior.code_shape:
        raise ValueError(
            f"{title(tokenizer)} has latents of shape "
            f"{tokenizer.continuous_shape}, but {title(prior)} models latents "
            f"of shape {prior.code_shape}. Received: a first stage and a prior "
            "that do not match"
        )


def _check_condition(condition_tokenizer, prior):
    check_type(
        "condition_tokenizer",
        condition_tokenizer,
        (Tokenizer, TextEncoder),
        "a keras_vq.models.Tokenizer or TextEncoder",
    )
    if isinstance(condition_tokenizer, TextEncoder):
        if condition_tokenizer.condition_shape != prior.condition_shape:
            raise ValueError(
                "`condition_tokenizer` must produce the prior's condition. "
                f"Received: vectors of shape "
                f"{condition_tokenizer.condition_shape} for a prior with "
                f"condition_shape={prior.condition_shape}"
            )
        return
    produced = (
        condition_tokenizer.code_shape,
        condition_tokenizer.num_embeddings,
    )
    expected = (prior.condition_shape, prior.num_condition_embeddings)
    if produced != expected:
        raise ValueError(
            "`condition_tokenizer` must produce the codes of the prior's "
            f"condition. Received: codes of shape {produced[0]} with "
            f"K={produced[1]} for a prior with condition_shape={expected[0]} "
            f"and num_condition_embeddings={expected[1]}"
        )


def _check_fingerprints(tokenizer, prior, condition_tokenizer):
    expected = prior.tokenizer_fingerprint
    if expected is None:
        return
    if not isinstance(condition_tokenizer, Tokenizer):
        condition_tokenizer = None
        expected = expected.partition("+")[0]
    if prior.is_continuous:
        found = tokenizer.latent_fingerprint()
    else:
        found = tokenizer.fingerprint(condition_tokenizer)
    if found != expected:
        raise ValueError(
            f"{title(prior)} was created for the codes of the tokenizer "
            f"{expected}. Received: the tokenizer {found}. If it was trained "
            "further after the prior was created, its codes now have another "
            "meaning."
        )


def _with_whole_cells(mask, num_codes):
    """Repeat the first frame, so that its cell is as long as the others."""
    if num_codes == 1:
        return mask
    frames = (mask.shape[1] - 1) // (num_codes - 1)
    first = np.repeat(mask[:, :1], frames - 1, axis=1)
    return np.concatenate([first, mask], axis=1)


def _coarse(mask, code_shape):
    """Mask of the codes with a masked pixel in their cell."""
    count, *size = mask.shape
    cells = [count]
    for n, m in zip(size, code_shape, strict=False):
        cells += [m, n // m]
    within = tuple(range(2, 2 * len(size) + 1, 2))
    masked = mask.reshape(cells).any(axis=within)
    code_axes = (1,) * (len(code_shape) - len(size))  # for codes per position
    masked = masked.reshape(masked.shape + code_axes)
    return np.broadcast_to(masked, (count, *code_shape))
