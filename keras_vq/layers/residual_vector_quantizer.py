import keras
import numpy as np
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_at_least
from keras_vq.layers.quantizer import check_quantizer
from keras_vq.layers.stages import make_stages
from keras_vq.layers.vector_quantizer import ESTIMATORS
from keras_vq.layers.vector_quantizer import VectorQuantizer


@keras.saving.register_keras_serializable(package="keras_vq")
class ResidualVectorQuantizer(Quantizer):
    """Quantizes what is left over, again and again: several codes a vector.

    ```
    residual[0]     = z
    code[i]         = quantizer[i](residual[i])
    residual[i + 1] = residual[i] - stop_gradient(code[i])
    quantized       = sum of code[i]
    loss            = sum of the quantizers' losses
    ```

    The gradient at `quantized` is copied to `z` once (or rotated, as the
    quantizer's `estimator` says), whatever the number of stages; the commitment
    loss of every stage reaches `z`. Each stage makes the sum a finer one:
    `decode_indices` takes all codes of a vector or its first ones.

    Args:
        quantizer: A `VectorQuantizer`, `VectorQuantizerEMA` or another with
            l2 distance, the first stage; the others are made by its
            configuration.
        num_stages: int >= 2, codes of a vector. Defaults to 4.
        shared: bool, whether all stages have the one codebook. Defaults to
            False.
        dropout: float in [0, 1], share of the examples, the first axis of `z`,
            that in training go through a random number of first stages only,
            from 1 to `num_stages`. The others then get no gradient and no
            update from the example. Defaults to 0.0.
        seed: int or None, of `dropout`. Defaults to None.
        add_losses: See `Quantizer`.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Defaults to None.
        training: bool, whether to drop stages and update codebooks.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`.
        `indices`: int32, shape of `z` with `num_stages` as its last axis, of
            dropped stages too.
        `loss`: float32 scalar, weighted.
        the parts of the quantizer's loss: float32 scalars, sums over stages.

    Raises:
        ValueError: If an argument is out of range, `quantizer` is no vector
            quantizer or has cosine distance (codes of length 1 cannot follow
            residuals), or the call's arguments have wrong shapes.

    Example:

    >>> layer = keras_vq.layers.ResidualVectorQuantizer(
    ...     keras_vq.layers.VectorQuantizerEMA(256, 8), num_stages=3
    ... )
    >>> outputs = layer(np.random.normal(size=(2, 5, 8)))
    >>> outputs["quantized"].shape, outputs["indices"].shape
    ((2, 5, 8), (2, 5, 3))
    >>> layer.decode_indices(outputs["indices"][..., :1]).shape
    (2, 5, 8)

    References:
        Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, 2021,
        section III-C. Shared codebook: Lee et al., Autoregressive Image
        Generation using Residual Quantization, 2022, section 3.1.
    """

    def __init__(
        self,
        quantizer,
        num_stages=4,
        shared=False,
        dropout=0.0,
        seed=None,
        **kwargs,
    ):
        check_quantizer(quantizer)
        if not isinstance(quantizer, VectorQuantizer):
            raise ValueError(
                "`quantizer` must be a VectorQuantizer or one of its kind, "
                "which has a codebook for residuals. Received: a "
                f"{type(quantizer).__name__}"
            )
        if quantizer.distance != "l2":
            raise ValueError(
                "`quantizer` must have the l2 distance: codes of length 1 "
                "cannot follow residuals. Received: distance="
                f"{quantizer.distance!r}"
            )
        check_at_least("num_stages", num_stages, 2)
        if not 0 <= dropout <= 1:
            raise ValueError(
                f"`dropout` must be in [0, 1]. Received: dropout={dropout}"
            )
        super().__init__(
            quantizer.num_embeddings, quantizer.embedding_dim, **kwargs
        )
        self.depth = num_stages
        self.loss_names = quantizer.loss_names
        self.shared = shared
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.quantizer = quantizer
        self.stages = make_stages(quantizer, num_stages, shared)

    def build(self, input_shape=None):
        for stage in self.stages:
            stage.build()
        self.built = True

    def outputs_of(self, z, mask, training):
        residual = vectors = ops.cast(z, "float32")
        number = self._draw_numbers(vectors) if training else None
        quantized = ops.zeros_like(vectors)
        indices, updates = [], []
        losses: dict = {}
        for i, stage in enumerate(self.stages):
            kept = mask
            if number is not None:
                kept = number > i
                kept = kept if mask is None else ops.logical_and(mask, kept)
            found, code, parts = stage.lookup(residual, kept)
            updates.append((residual, found, kept))
            code = ops.stop_gradient(code)
            residual = residual - code
            if number is not None:
                code = ops.where((number > i)[..., None], code, 0.0)
            quantized = quantized + code
            indices.append(found)
            losses = {k: losses.get(k, 0.0) + v for k, v in parts.items()}
        if training:
            self._update_codebooks(updates)
        quantized = ESTIMATORS[self.quantizer.estimator](vectors, quantized)
        return {
            "quantized": ops.cast(quantized, z.dtype),
            "indices": ops.stack(indices, axis=-1),
            **losses,
        }

    def _draw_numbers(self, z):
        """How many stages each position goes through, int32 `(...)`."""
        if self.dropout == 0:
            return None
        shape = ops.shape(z)[:1] + (1,) * (len(z.shape) - 2)
        draw = keras.random.uniform((2, *shape), seed=self.seed_generator)
        number = 1 + ops.cast(draw[0] * self.depth, "int32")
        number = ops.where(draw[1] < self.dropout, number, self.depth)
        return ops.broadcast_to(number, ops.shape(z)[:-1])

    def _update_codebooks(self, updates):
        """After all lookups: a codebook that stages share changes once."""
        if not self.shared:
            for stage, update in zip(self.stages, updates, strict=True):
                stage.update_codebook(*update)
            return
        joint = [
            None if parts[0] is None else ops.stack(parts)
            for parts in zip(*updates, strict=True)
        ]
        self.quantizer.update_codebook(*joint)

    def indices_of(self, z):
        indices = []
        for stage in self.stages:
            indices.append(stage.indices_of(z))
            z = z - stage.codes_of(indices[-1])
        return ops.stack(indices, axis=-1)

    def codes_of(self, indices):
        quantized = 0.0
        for i in range(indices.shape[-1]):
            quantized = quantized + self.stages[i].codes_of(indices[..., i])
        return quantized

    def adapt_to(self, vectors, seed):
        """One stage after the other, each to what those before it leave.

        A codebook that stages share is adapted to the residuals of all of them,
        again with each stage that comes to it.
        """
        residuals = [vectors]
        for stage in self.stages:
            stage.adapt_to(
                np.concatenate(residuals) if self.shared else residuals[-1],
                seed,
            )
            codes = stage.codes_of(stage.indices_of(residuals[-1]))
            residuals.append(residuals[-1] - ops.convert_to_numpy(codes))

    def _check_depth(self, shape):
        if not shape or not 1 <= shape[-1] <= self.depth:
            raise ValueError(
                f"`{self.name}` decodes indices with up to {self.depth} codes "
                "of a vector on the last axis. Received: indices.shape="
                f"{shape}"
            )

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "num_stages": self.depth,
            "shared": self.shared,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        quantizer = keras.saving.deserialize_keras_object(config["quantizer"])
        return cls(**{**config, "quantizer": quantizer})
