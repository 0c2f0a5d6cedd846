import keras
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_quantizer
from keras_vq.saving.config import serializable


@serializable
class ProjectedQuantizer(Quantizer):
    """Quantizes vectors in a lower-dimensional space (factorized codes).

    ```
    quantized = quantizer(z @ down) @ up
    ```

    with learned matrices. In fewer dimensions, a large codebook is used better
    and searched faster. The losses are computed by the quantizer, in its space.

    Args:
        quantizer: A quantizer of `keras_vq.layers`.
        embedding_dim: int >= 1, length of the input and output vectors.
        kernel_initializer: Initializer of both matrices. Defaults to
            `"glorot_uniform"`.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, passed to the quantizer. Defaults to False.

    Returns:
        dict, as for the quantizer; `quantized` has the shape and dtype of `z`.

    Raises:
        ValueError: If `quantizer` is not a quantizer, an argument is out of
            range, or the call's arguments have wrong shapes.

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
        self.codes_per_position = quantizer.codes_per_position
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        outer, inner = self.embedding_dim, self.quantizer.embedding_dim
        self.down = self._add_kernel("down", (outer, inner))
        self.up = self._add_kernel("up", (inner, outer))

    def _add_kernel(self, name, shape):
        return self.add_weight(
            name=name,
            shape=shape,
            # A copy, since an initializer returns the same values every time.
            initializer=self.kernel_initializer.clone(),
            dtype="float32",
            autocast=False,
        )

    def call(self, z, mask=None, training=False):
        z, mask = self.prepare(z, mask)
        outputs = self.quantizer(self.project(z), mask=mask, training=training)
        quantized = ops.matmul(outputs.pop("quantized"), self.up)
        return self.results(z, quantized, outputs.pop("indices"), outputs)

    def project(self, z):
        """Project vectors to the quantizer's space, in float32."""
        return ops.matmul(ops.cast(z, "float32"), self.down)

    def indices_of(self, z):
        return self.quantizer.indices_of(self.project(z))

    def codes_of(self, indices):
        return ops.matmul(self.quantizer.codes_of(indices), self.up)

    @property
    def can_adapt(self):
        return self.quantizer.can_adapt

    def adapt_to(self, vectors, seed):
        projected = ops.convert_to_numpy(self.project(vectors))
        self.quantizer.adapt_to(projected, seed)

    def check_code_axis(self, shape):
        self.quantizer.check_code_axis(shape)
