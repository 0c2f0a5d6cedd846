import numpy as np
from keras import ops

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_quantizer
from keras_vq.layers.quantizer import make_stages
from keras_vq.saving.config import serializable


@serializable
class GroupedVectorQuantizer(Quantizer):
    """Quantizes groups of channels separately (product quantization).

    ```
    quantized = [quantizer[g](part[g]) for each g],  z = [part[0], part[1], ...]
    loss      = mean of the quantizers' losses
    ```

    K codes in each of G groups represent K^G vectors. With `shared=True`, all
    parts are looked up in the same codebook. Averaging over groups makes the
    losses means over all elements, as with a single quantizer.

    Args:
        quantizer: A quantizer of `keras_vq.layers`, for the first group; its
            `embedding_dim` is the length of a part. The other groups get its
            configuration. It may return several codes per vector.
        num_groups: int >= 2. Defaults to 2.
        shared: bool, whether all groups share one quantizer. Defaults to
            False.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2, where
            `embedding_dim = num_groups * quantizer.embedding_dim`; may be
            empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, passed to the quantizers. Defaults to False.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` with `num_groups` (times
            `quantizer.codes_per_position`) as its last axis, in order of the
            groups.
        `loss`: float32 scalar, weighted.
        the parts of the quantizer's loss: float32 scalars, averaged over
            groups.

    Raises:
        ValueError: If an argument is out of range, `quantizer` is not a
            quantizer, or the call's arguments have wrong shapes.

    Example:

    >>> layer = keras_vq.layers.GroupedVectorQuantizer(
    ...     keras_vq.layers.VectorQuantizerEMA(256, 8), num_groups=4
    ... )
    >>> outputs = layer(np.random.normal(size=(2, 5, 32)))
    >>> outputs["quantized"].shape, outputs["indices"].shape
    ((2, 5, 32), (2, 5, 4))

    References:
        Jegou et al., Product Quantization for Nearest Neighbor Search, 2011,
        section II-B. Kaiser et al., Fast Decoding in Sequence Models using
        Discrete Latent Variables, 2018, section 3.2.
    """

    def __init__(self, quantizer, num_groups=2, shared=False, **kwargs):
        check_quantizer(quantizer)
        self.num_groups = check_int("num_groups", num_groups, 2, MAX_LAYERS)
        super().__init__(
            quantizer.num_embeddings,
            self.num_groups * quantizer.embedding_dim,
            **kwargs,
        )
        self.quantizer = quantizer
        self.loss_names = quantizer.loss_names
        self.shared = check_flag("shared", shared)
        self.codes_per_position = self.num_groups * quantizer.codes_per_position
        self.groups = make_stages(quantizer, self.num_groups, shared)

    def call(self, z, mask=None, training=False):
        z, mask = self.prepare(z, mask)
        parts = self._split(z)
        if self.shared:
            if mask is not None:
                mask = ops.repeat(mask[..., None], self.num_groups, axis=-1)
            outputs = self.quantizer(parts, mask=mask, training=training)
        else:
            outputs = self._merge(
                [
                    group(parts[..., g, :], mask=mask, training=training)
                    for g, group in enumerate(self.groups)
                ],
                z,
            )
        quantized = _flatten(outputs.pop("quantized"), z, self.embedding_dim)
        indices = _flatten(outputs.pop("indices"), z, self.codes_per_position)
        return self.results(z, quantized, indices, outputs)

    def _merge(self, outputs, z):
        """Merge the groups' outputs: stack tensors and average losses."""
        merged = {
            name: self._stack([each[name] for each in outputs], z)
            for name in ("quantized", "indices")
        }
        for name in ("loss", *self.loss_names):
            total = sum(each[name] for each in outputs)
            merged[name] = total / self.num_groups
        return merged

    def indices_of(self, z):
        parts = self._split(z)
        if self.shared:
            indices = self.quantizer.indices_of(parts)
        else:
            indices = [
                group.indices_of(parts[..., g, :])
                for g, group in enumerate(self.groups)
            ]
            indices = self._stack(indices, z)
        return _flatten(indices, z, self.codes_per_position)

    def codes_of(self, indices):
        shape = (*ops.shape(indices)[:-1], self.num_groups)
        if self.quantizer.codes_per_position > 1:
            shape = (*shape, self.quantizer.codes_per_position)
        parts = ops.reshape(indices, shape)
        if self.shared:
            codes = self.quantizer.codes_of(parts)
        else:
            axis = len(indices.shape) - 1  # the group axis
            parts = ops.unstack(parts, self.num_groups, axis=axis)
            codes = [
                group.codes_of(part)
                for group, part in zip(self.groups, parts, strict=True)
            ]
            codes = self._stack(codes, indices)
        return _flatten(codes, indices, self.embedding_dim)

    @property
    def can_adapt(self):
        return self.quantizer.can_adapt

    def adapt_to(self, vectors, seed):
        parts = np.split(vectors, self.num_groups, axis=-1)
        if self.shared:
            self.quantizer.adapt_to(np.concatenate(parts), seed)
            return
        for group, part in zip(self.groups, parts, strict=True):
            group.adapt_to(part, seed)

    def _split(self, z):
        """Split vectors into parts, `(..., num_groups, length of a part)`."""
        dim = self.quantizer.embedding_dim
        return ops.reshape(z, (*ops.shape(z)[:-1], self.num_groups, dim))

    def _stack(self, parts, like):
        """Stack one tensor per group, on an axis after those of positions."""
        return ops.stack(parts, axis=len(like.shape) - 1)


def _flatten(x, like, length):
    """Flatten the axes after the positions of `like` into one of `length`."""
    return ops.reshape(x, (*ops.shape(like)[:-1], length))
