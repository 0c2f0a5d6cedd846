import keras
import numpy as np
from keras import ops

from keras_vq.checks import MAX_LAYERS
from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.checks import check_shape
from keras_vq.layers.projected_quantizer import ProjectedQuantizer
from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_quantizer
from keras_vq.layers.quantizer import make_stages
from keras_vq.layers.vector_quantizer import ESTIMATORS
from keras_vq.layers.vector_quantizer import VectorQuantizer
from keras_vq.saving.config import serializable


@serializable
class ResidualVectorQuantizer(Quantizer):
    """Quantizes residuals in several stages, giving several codes per vector.

    ```
    residual[0]     = z
    code[i]         = quantizer[i](residual[i])
    residual[i + 1] = residual[i] - stop_gradient(code[i])
    quantized       = sum of code[i]
    loss            = sum of the quantizers' losses
    ```

    The gradient with respect to `quantized` is copied to `z` once (or rotated,
    depending on the quantizer's `estimator`), for any number of stages. The
    commitment losses of all stages reach `z`. Each stage refines the sum, so
    `decode_indices` accepts all codes of a vector or only the first ones.

    Stages of a `ProjectedQuantizer` quantize in few dimensions, also by cosine
    distance (factorized codes). There, gradients also reach the projections:
    each stage copies them on its own, and residuals keep theirs.

    Args:
        quantizer: The first stage: a `VectorQuantizer`, `VectorQuantizerEMA` or
            other subclass with l2 distance, or a `ProjectedQuantizer`. The
            other stages get its configuration.
        num_stages: int >= 2, number of stages. Defaults to 4.
        shared: bool, whether all stages share one codebook. Defaults to False.
        dropout: float in [0, 1], fraction of the examples (the first axis of
            `z`) that only use a random number of stages in training, from 1 to
            `num_stages`. Dropped stages get neither gradients nor updates from
            the example. Defaults to 0.0.
        seed: int or None, random seed of `dropout`. Defaults to None.
        strides: tuple with an int for each stage, for `z` of shape `(batch,
            time, embedding_dim)`: a stage quantizes the mean of so many
            residuals, one code for all of them. Each divides the largest, and
            that divides the time. Codes come in groups for the largest stride,
            those of the first stage first: with `(4, 2, 1)` 1 + 2 + 4 for 4
            vectors. None for a code per vector in each stage. Defaults to None.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, whether to drop stages and update codebooks. Defaults to
            False.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` with `num_stages` as its
            last axis; includes the indices of dropped stages. With strides,
            `(batch, time / largest stride, codes per group)`.
        `loss`: float32 scalar, weighted.
        the parts of the quantizer's loss: float32 scalars, summed over stages.

    Raises:
        ValueError: If an argument is out of range, `quantizer` is not a vector
            quantizer or uses cosine distance (codes of length 1 cannot
            represent residuals), or the call's arguments have wrong shapes.

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
        Generation using Residual Quantization, 2022, section 3.1. Factorized
        codes: Kumar et al., High-Fidelity Audio Compression with Improved
        RVQGAN, 2023, section 3.2. Strides: Siuzdak et al., SNAC: Multi-Scale
        Neural Audio Codec, 2024, section 3.1.
    """

    def __init__(
        self,
        quantizer,
        num_stages=4,
        shared=False,
        dropout=0.0,
        seed=None,
        strides=None,
        **kwargs,
    ):
        check_quantizer(quantizer)
        is_projected = isinstance(quantizer, ProjectedQuantizer)
        if not is_projected and not isinstance(quantizer, VectorQuantizer):
            raise ValueError(
                "`quantizer` must be a VectorQuantizer or a subclass, whose "
                "codebook can represent residuals, or a ProjectedQuantizer. "
                f"Received: a {type(quantizer).__name__}"
            )
        if is_projected and shared:
            raise ValueError(
                "Stages of a ProjectedQuantizer cannot be shared. Received: "
                "shared=True"
            )
        if not is_projected and quantizer.distance != "l2":
            raise ValueError(
                "`quantizer` must use the l2 distance: codes of length 1 "
                "cannot represent residuals. Received: distance="
                f"{quantizer.distance!r}"
            )
        super().__init__(
            quantizer.num_embeddings, quantizer.embedding_dim, **kwargs
        )
        self.num_stages = check_int("num_stages", num_stages, 2, MAX_LAYERS)
        self.strides = _check_strides(strides, self.num_stages)
        if self.strides is not None and shared:
            raise ValueError(
                "Stages with strides cannot be shared. Received: shared=True "
                f"and strides={strides}"
            )
        self.pools_vectors = self.strides is not None
        self.span = max(self.strides or (1,))  # vectors of a group
        # Codes of a group, from each stage.
        self.counts = [
            self.span // stride for stride in self.strides or [1] * num_stages
        ]
        self.codes_per_position = sum(self.counts)
        self.loss_names = quantizer.loss_names
        self.shared = check_flag("shared", shared)
        self.dropout = check_number("dropout", dropout, at_least=0, at_most=1)
        self.seed = check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.quantizer = quantizer
        self.stages = make_stages(quantizer, self.num_stages, shared)

    def call(self, z, mask=None, training=False):
        training = training and self.trainable
        z, mask = self.prepare(z, mask)
        self._check_time(z)
        residual = vectors = ops.cast(z, "float32")
        depth = self.draw_depths(vectors) if training else None
        if isinstance(self.quantizer, ProjectedQuantizer):
            return self._projected(z, mask, depth, training)
        quantized = ops.zeros_like(vectors)
        indices, updates = [], []
        losses: dict = {}
        for i, stage in enumerate(self.stages):
            kept = self._kept(i, mask, depth)
            pooled = self._pooled(residual, i)
            index, code, parts = stage.lookup(pooled, kept)
            updates.append((pooled, index, kept))
            code = self._repeated(ops.stop_gradient(code), i)
            residual = residual - code
            if depth is not None:
                code = ops.where((depth > i)[..., None], code, 0.0)
            quantized = quantized + code
            indices.append(index)
            losses = {k: losses.get(k, 0.0) + v for k, v in parts.items()}
        if training:
            self.update_codebooks(updates)
        estimate = ESTIMATORS[self.quantizer.estimator]
        quantized = estimate(vectors, quantized)
        return self.results(z, quantized, self._arranged(indices), losses)

    def _projected(self, z, mask, depth, training):
        """`call` with stages that pass on gradients themselves."""
        residual = ops.cast(z, "float32")
        quantized = ops.zeros_like(residual)
        indices = []
        losses: dict = {}
        for i, stage in enumerate(self.stages):
            kept = self._kept(i, mask, depth)
            outputs = stage(
                self._pooled(residual, i), mask=kept, training=training
            )
            code = self._repeated(outputs.pop("quantized"), i)
            residual = residual - code
            if depth is not None:
                code = ops.where((depth > i)[..., None], code, 0.0)
            quantized = quantized + code
            indices.append(outputs.pop("indices"))
            losses = {k: losses.get(k, 0.0) + v for k, v in outputs.items()}
        return self.results(z, quantized, self._arranged(indices), losses)

    # === Strides ===

    def _kept(self, stage, mask, depth):
        """Which vectors count at a stage: valid, and not dropped."""
        kept = mask
        if depth is not None:
            kept = depth > stage
            kept = kept if mask is None else ops.logical_and(mask, kept)
        if kept is None or self.strides is None:
            return kept
        return self._pooled(ops.cast(kept, "float32")[..., None], stage)[
            ..., 0
        ] > (1 - 0.5 / self.span)

    def _pooled(self, x, stage):
        """Mean over the vectors that share a code, `(batch, steps, dim)`."""
        if self.strides is None or self.strides[stage] == 1:
            return x
        batch, time, _ = ops.shape(x)
        stride = self.strides[stage]
        shape = (batch, time // stride, stride, x.shape[-1])
        return ops.mean(ops.reshape(x, shape), axis=2)

    def _repeated(self, code, stage):
        """The code of each vector, from those of the steps of a stage."""
        if self.strides is None or self.strides[stage] == 1:
            return code
        return ops.repeat(code, self.strides[stage], axis=1)

    def _arranged(self, indices):
        """Indices of all stages in the last axis, by groups with strides."""
        if self.strides is None:
            return ops.stack(indices, axis=-1)
        groups = []
        for index, count in zip(indices, self.counts, strict=True):
            batch, steps = ops.shape(index)
            shape = (batch, steps // count, count)
            groups.append(ops.reshape(index, shape))
        return ops.concatenate(groups, axis=-1)

    def _of_stages(self, indices):
        """Indices of the first stages, from their arrangement."""
        if self.strides is None:
            return [indices[..., i] for i in range(indices.shape[-1])]
        parts, start = [], 0
        for count in self.counts:
            if start < indices.shape[-1]:
                part = indices[..., start : start + count]
                batch, groups, _ = ops.shape(part)
                parts.append(ops.reshape(part, (batch, groups * count)))
            start += count
        return parts

    def _check_time(self, z):
        if self.strides is None:
            return
        time = z.shape[1] if len(z.shape) == 3 else None
        if len(z.shape) != 3 or (time is not None and time % self.span):
            raise ValueError(
                f"`{self.name}` with strides={self.strides} takes vectors "
                "(batch, time, embedding_dim) whose time is a multiple of "
                f"{self.span}. Received: z.shape={tuple(z.shape)}"
            )

    def latent_shape(self, grid, dim=None):
        if self.strides is None:
            return super().latent_shape(grid, dim)
        if len(grid) != 1 or grid[0] % self.span:
            raise ValueError(
                f"`{self.name}` with strides={self.strides} takes a time that "
                f"is a multiple of {self.span}. Received: vectors on a grid of "
                f"shape {tuple(grid)}"
            )
        return (grid[0] // self.span, self.codes_per_position)

    def draw_depths(self, z):
        """Draw the number of stages to use at each position, int32 `(...)`."""
        if self.dropout == 0:
            return None
        shape = ops.shape(z)[:1] + (1,) * (len(z.shape) - 2)
        draw = keras.random.uniform((2, *shape), seed=self.seed_generator)
        depth = 1 + ops.cast(draw[0] * self.num_stages, "int32")
        depth = ops.where(draw[1] < self.dropout, depth, self.num_stages)
        return ops.broadcast_to(depth, ops.shape(z)[:-1])

    def update_codebooks(self, updates):
        """Update after all lookups; a shared codebook changes once per step."""
        if not self.shared:
            for stage, update in zip(self.stages, updates, strict=True):
                stage.update_codebook(*update)
            return
        stacked = [
            None if parts[0] is None else ops.stack(parts)
            for parts in zip(*updates, strict=True)
        ]
        self.quantizer.update_codebook(*stacked)

    def compute_output_spec(self, z, mask=None, training=False):
        outputs = super().compute_output_spec(z, mask, training)
        if self.strides is not None and z.shape[1] is not None:
            shape = (z.shape[0], *self.latent_shape(z.shape[1:-1]))
            outputs["indices"] = keras.KerasTensor(shape, "int32")
        return outputs

    def indices_of(self, z):
        self._check_time(z)
        indices = []
        for i, stage in enumerate(self.stages):
            indices.append(stage.indices_of(self._pooled(z, i)))
            z = z - self._repeated(stage.codes_of(indices[-1]), i)
        return self._arranged(indices)

    def codes_of(self, indices):
        return sum(
            self._repeated(self.stages[i].codes_of(index), i)
            for i, index in enumerate(self._of_stages(indices))
        )

    def mean_code(self):
        if self.strides is None:
            return super().mean_code()
        every = ops.arange(self.num_embeddings)[:, None]
        return sum(
            ops.mean(stage.codes_of(every), axis=(0, 1))
            for stage in self.stages
        )

    @property
    def can_adapt(self):
        # Strides need vectors in the order of time, not a random sample.
        return self.strides is None and self.stages[0].can_adapt

    def adapt_to(self, vectors, seed):
        """Initialize each stage from the residuals of the previous stages.

        A shared codebook is reinitialized at each stage, from the residuals of
        all stages so far.
        """
        if self.strides is not None:
            raise ValueError(
                "The codebook of stages with strides cannot be initialized "
                "from vectors without their order in time. Received: strides="
                f"{self.strides}"
            )
        residuals = [vectors]
        for stage in self.stages:
            stage.adapt_to(
                np.concatenate(residuals) if self.shared else residuals[-1],
                seed,
            )
            codes = stage.codes_of(stage.indices_of(residuals[-1]))
            residuals.append(residuals[-1] - ops.convert_to_numpy(codes))

    def check_code_axis(self, shape):
        complete = [sum(self.counts[: i + 1]) for i in range(self.num_stages)]
        if not shape or shape[-1] not in complete:
            numbers = f"1 to {self.num_stages}"
            if self.strides is not None:
                numbers = " or ".join(map(str, complete))
            raise ValueError(
                f"`{self.name}` decodes indices with {numbers} "
                f"{'codes per vector' if self.strides is None else 'codes'} on "
                f"the last axis. Received: indices.shape={shape}"
            )


def _check_strides(strides, num_stages):
    """Return the strides as a tuple; None if all are 1."""
    if strides is None:
        return None
    strides = check_shape("strides", strides)
    largest = max(strides)
    if len(strides) != num_stages or any(largest % n for n in strides):
        raise ValueError(
            f"`strides` must state an integer for each of {num_stages} stages, "
            f"which divides the largest. Received: strides={strides}"
        )
    return strides if largest > 1 else None
