import keras
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_quantizer


@keras.saving.register_keras_serializable(package="keras_vq")
class ProjectedQuantizer(Quantizer):
    """Any quantizer in a space of its own: factorised codes.

    ```
    quantized = quantizer(z @ down) @ up
    ```

    with learned matrices. Codes of few channels are found in few: a large
    codebook is used better, and searched faster. The losses are those of the
    quantizer, in its space.

    Args:
        quantizer: A quantizer of `keras_vq.layers`.
        embedding_dim: int >= 1, length of the vectors, in and out.
        kernel_initializer: Initializer of both matrices. Defaults to
            `"glorot_uniform"`.
        add_losses: See `Quantizer`.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Defaults to None.
        training: bool, handed on.

    Returns:
        dict, that of the quantizer, with `quantized` of the shape and dtype of
        `z`.

    Raises:
        ValueError: If `quantizer` is no quantizer, an argument is out of range,
            or the call's arguments have wrong shapes.

    Example:

    >>> layer = keras_vq.layers.ProjectedQuantizer(
    ...     keras_vq.layers.VectorQuantizerEMA(8192, 8, distance="cosine"), 64
    ... )
    >>> outputs = layer(np.random.normal(size=(2, 5, 64)))
    >>> outputs["quantized"].shape, outputs["indices"].shape
    ((2, 5, 64), (2, 5))

    References:
        Yu et al., Vector-quantized Image Modeling with Improved VQGAN, 2022,
        section 3.2.
    """

    def __init__(
        self,
        quantizer,
        embedding_dim,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        check_quantizer(quantizer)
        super().__init__(quantizer.num_embeddings, embedding_dim, **kwargs)
        self.quantizer = quantizer
        self.loss_names = quantizer.loss_names
        self.depth = quantizer.depth
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape=None):
        if self.built:
            return
        outside, inside = self.embedding_dim, self.quantizer.embedding_dim
        self.down = self._add_kernel("down", (outside, inside))
        self.up = self._add_kernel("up", (inside, outside))
        self.quantizer.build()
        self.built = True

    def _add_kernel(self, name, shape):
        return self.add_weight(
            name=name,
            shape=shape,
            # A copy, since one object would start both alike.
            initializer=self.kernel_initializer.clone(),
            dtype="float32",
            autocast=False,
        )

    def outputs_of(self, z, mask, training):
        outputs = self.quantizer.outputs_of(self._inside(z), mask, training)
        quantized = ops.matmul(outputs["quantized"], self.up)
        return {**outputs, "quantized": ops.cast(quantized, z.dtype)}

    def indices_of(self, z):
        return self.quantizer.indices_of(self._inside(z))

    def codes_of(self, indices):
        return ops.matmul(self.quantizer.codes_of(indices), self.up)

    def adapt_to(self, vectors, seed):
        inside = ops.convert_to_numpy(self._inside(vectors))
        self.quantizer.adapt_to(inside, seed)

    def _inside(self, z):
        return ops.matmul(ops.cast(z, "float32"), self.down)

    def _check_depth(self, shape):
        self.quantizer._check_depth(shape)

    def get_config(self):
        return {
            **super().get_config(),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "embedding_dim": self.embedding_dim,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    @classmethod
    def from_config(cls, config):
        quantizer = keras.saving.deserialize_keras_object(config["quantizer"])
        return cls(**{**config, "quantizer": quantizer})
