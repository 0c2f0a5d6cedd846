import keras
import numpy as np
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_at_least
from keras_vq.layers.quantizer import check_quantizer
from keras_vq.layers.stages import make_stages


@keras.saving.register_keras_serializable(package="keras_vq")
class GroupedVectorQuantizer(Quantizer):
    """Quantizes parts of a vector by themselves: product quantization.

    ```
    quantized = [quantizer[g](part[g]) for each g],  z = [part[0], part[1], ...]
    loss      = mean of the quantizers' losses
    ```

    K codes in each of G groups name K^G vectors. With `shared=True` all parts
    have the one codebook, as heads that look up the same table. The mean over
    groups makes losses means over all elements, as those of one quantizer are.

    Args:
        quantizer: A quantizer of `keras_vq.layers`, of the first group; its
            `embedding_dim` is the length of a part. The others are made by its
            configuration. One with several codes a vector will do.
        num_groups: int >= 2. Defaults to 2.
        shared: bool, whether all groups have the one quantizer. Defaults to
            False.
        add_losses: See `Quantizer`.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty. Its
            `embedding_dim` is `num_groups` times that of the quantizer.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Defaults to None.
        training: bool, handed on.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`.
        `indices`: int32, shape of `z` with `num_groups` (times the codes of the
            quantizer) as its last axis, the first group's first.
        `loss`: float32 scalar, weighted.
        the parts of the quantizer's loss: float32 scalars, means over groups.

    Raises:
        ValueError: If an argument is out of range, `quantizer` is no quantizer,
            or the call's arguments have wrong shapes.

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
        check_at_least("num_groups", num_groups, 2)
        super().__init__(
            quantizer.num_embeddings,
            num_groups * quantizer.embedding_dim,
            **kwargs,
        )
        self.quantizer = quantizer
        self.loss_names = quantizer.loss_names
        self.num_groups = num_groups
        self.shared = shared
        self.depth = num_groups * quantizer.depth
        self.groups = make_stages(quantizer, num_groups, shared)

    def build(self, input_shape=None):
        for group in self.groups:
            group.build()
        self.built = True

    def outputs_of(self, z, mask, training):
        parts = self._split(z)
        if self.shared:
            if mask is not None:
                mask = ops.repeat(mask[..., None], self.num_groups, axis=-1)
            found = self.quantizer.outputs_of(parts, mask, training)
        else:
            outputs = [
                group.outputs_of(parts[..., g, :], mask, training)
                for g, group in enumerate(self.groups)
            ]
            found = {
                name: self._stack([each[name] for each in outputs], z)
                for name in ("quantized", "indices")
            }
            for name in ("loss", *self.loss_names):
                total = sum(each[name] for each in outputs)
                found[name] = total / self.num_groups
        return {
            **found,
            "quantized": _join(found["quantized"], z, self.embedding_dim),
            "indices": _join(found["indices"], z, self.depth),
        }

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
        return _join(indices, z, self.depth)

    def codes_of(self, indices):
        shape = (*ops.shape(indices)[:-1], self.num_groups)
        if self.quantizer.depth > 1:
            shape = (*shape, self.quantizer.depth)
        parts = ops.reshape(indices, shape)
        if self.shared:
            codes = self.quantizer.codes_of(parts)
        else:
            axis = len(indices.shape) - 1  # of the groups
            parts = ops.unstack(parts, self.num_groups, axis=axis)
            codes = [
                group.codes_of(part)
                for group, part in zip(self.groups, parts, strict=True)
            ]
            codes = self._stack(codes, indices)
        return _join(codes, indices, self.embedding_dim)

    def adapt_to(self, vectors, seed):
        parts = np.split(vectors, self.num_groups, axis=-1)
        if self.shared:
            self.quantizer.adapt_to(np.concatenate(parts), seed)
            return
        for group, part in zip(self.groups, parts, strict=True):
            group.adapt_to(part, seed)

    def _split(self, z):
        """The parts of vectors, `(..., num_groups, length of a part)`."""
        dim = self.quantizer.embedding_dim
        return ops.reshape(z, (*ops.shape(z)[:-1], self.num_groups, dim))

    def _stack(self, parts, like):
        """Tensors of each group, on an axis after the positions of `like`."""
        return ops.stack(parts, axis=len(like.shape) - 1)

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "num_groups": self.num_groups,
            "shared": self.shared,
        }

    @classmethod
    def from_config(cls, config):
        quantizer = keras.saving.deserialize_keras_object(config["quantizer"])
        return cls(**{**config, "quantizer": quantizer})


def _join(x, like, length):
    """All that there is of a position of `like`, on one axis."""
    return ops.reshape(x, (*ops.shape(like)[:-1], length))
