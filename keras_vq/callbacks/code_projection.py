import numpy as np
from keras import ops

from keras_vq.callbacks.codebook_plots import code_projection
from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.checks import check_array
from keras_vq.checks import check_int
from keras_vq.checks import title
from keras_vq.layers import VectorQuantizer
from keras_vq.models import Tokenizer
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


class CodeProjection(EpochPicture):
    """Plots codes and encoder outputs in two dimensions after each epoch.

    Codes far from all outputs are never used; a cluster of outputs without
    codes is poorly represented. The axes are the first two principal components
    of the outputs, which are scaled to length 1 for cosine distance. Epochs
    after which no output is finite get no figure.

    Args:
        x: array `(n, *input_shape)`, inputs of the model.
        directory: Folder for `epoch_0001.png` and so on; created if missing.
        max_points: int, maximum number of outputs to draw, evenly spaced.
            Defaults to 10,000.

    Raises:
        ValueError: When training starts, if the model does not have exactly one
            quantizer.

    Example:

    ```python
    plane = keras_vq.callbacks.CodeProjection(images[:4], "plane")
    model.fit(images, callbacks=[plane])
    ```
    """

    def __init__(self, x, directory, max_points=10_000):
        super().__init__(directory)
        self.x = check_array("x", x)
        self.max_points = check_int("max_points", max_points)

    def on_train_begin(self, logs=None):
        is_tokenizer = isinstance(self.model, Tokenizer)
        if not is_tokenizer or len(self.model.quantizers) != 1:
            raise ValueError(
                "CodeProjection draws the codebook of a model with a single "
                "quantizer, such as VQVAE or VQGAN. Received: "
                f"{title(self.model)}"
            )

    def draw(self):
        step = self.model.jit(self.model.quantizer_inputs)
        (z,) = in_batches(step, [to_array(self.x)], 32)
        z = z.reshape(-1, z.shape[-1])
        z = z[np.isfinite(z).all(axis=-1)]
        if not len(z):
            return None
        if isinstance(self.model.quantizer, VectorQuantizer):
            z = ops.convert_to_numpy(self.model.quantizer.normalized(z))
        z = z[:: -(-len(z) // self.max_points)]
        return code_projection(z, *codes_of(self.model.quantizer, z))


def codes_of(quantizer, vectors):
    """Split a codebook into the codes that vectors use and unused codes.

    Args:
        quantizer: A quantizer of `keras_vq.layers`.
        vectors: array `(N, D)`.

    Returns:
        `used, unused`, float32 arrays `(n, D)` and `(m, D)`. With several
        codes per vector, `used` holds the quantized vectors and `unused` is
        None.
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
