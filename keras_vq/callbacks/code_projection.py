import numpy as np
from keras import ops

from keras_vq.callbacks.codebook_plots import code_projection
from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.layers import VectorQuantizer
from keras_vq.training.in_batches import in_batches


class CodeProjection(EpochPicture):
    """Draws codes over the encoder's outputs, in their plane, after each epoch.

    Codes far from all outputs are never chosen; a cloud of outputs without
    codes is one that they do not describe. The plane is that of the outputs'
    greatest variance. With cosine distance, outputs are those on the sphere. An
    epoch after which no output is finite has no picture.

    Args:
        x: array `(n, *input_shape)`, inputs of the model.
        directory: Folder for `epoch_0001.png` and so on; made if missing.
        max_points: int, at most so many of the outputs are drawn, evenly
            spaced. Defaults to 10,000.

    Raises:
        ValueError: When training starts, if the model has no single quantizer.

    Example:

    ```python
    plane = keras_vq.callbacks.CodeProjection(images[:4], "plane")
    model.fit(images, callbacks=[plane])
    ```
    """

    def __init__(self, x, directory, max_points=10_000):
        super().__init__(directory)
        self.x = x
        self.max_points = max_points

    def on_train_begin(self, logs=None):
        if not all(
            hasattr(self.model, n) for n in ("quantizer", "vectors_step")
        ):
            raise ValueError(
                "CodeProjection draws the one codebook between an encoder and "
                "a decoder, of a VQVAE or VQGAN. Received: a "
                f"{type(self.model).__name__}"
            )

    def draw(self):
        step = self.model.compiled_step(self.model.vectors_step)
        (z,) = in_batches(step, [self.model.to_array(self.x)], 32)
        z = z.reshape(-1, z.shape[-1])
        z = z[np.isfinite(z).all(axis=-1)]
        if not len(z):
            return None
        if isinstance(self.model.quantizer, VectorQuantizer):
            z = ops.convert_to_numpy(self.model.quantizer.normalized(z))
        z = z[:: -(-len(z) // self.max_points)]
        return code_projection(z, *codes_of(self.model.quantizer, z))


def codes_of(quantizer, vectors):
    """The codes that vectors are given, and all others of the codebook.

    Args:
        quantizer: A quantizer of `keras_vq.layers`.
        vectors: array `(N, D)`.

    Returns:
        `used, unused`, float32 arrays `(n, D)` and `(m, D)`. Where several
        codes make up a vector, `used` holds the vectors that they make, and
        `unused` is None.
    """
    indices = quantizer.encode_to_indices(ops.convert_to_tensor(vectors))
    if len(indices.shape) > 1:
        vectors = ops.convert_to_numpy(quantizer.decode_indices(indices))
        return np.unique(vectors, axis=0), None
    is_used = np.zeros(quantizer.num_embeddings, bool)
    is_used[ops.convert_to_numpy(indices)] = True

    def codes(chosen):
        indices = ops.convert_to_tensor(np.flatnonzero(chosen).astype("int32"))
        return ops.convert_to_numpy(quantizer.decode_indices(indices))

    return codes(is_used), codes(~is_used)
