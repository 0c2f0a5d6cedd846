import keras
import numpy as np
from keras import ops

from keras_vq import backend
from keras_vq.training import Trainer
from keras_vq.training.first_batch import first_batch

# How far beyond the documented range inputs may reach: resizing rings.
TOLERANCE = 0.01


class Tokenizer(Trainer, keras.Model):
    """Base of the models that turn inputs into codes and back.

    The rank of `input_shape` says what the inputs are: `(time, channels)`
    audio in [-1, 1], `(height, width, channels)` images in [0, 1] or
    `(frames, height, width, channels)` video in [0, 1]; images and video may
    also be uint8. Outputs have the range of the inputs.

    A subclass sets `code_shape` and `num_embeddings` and defines, for one
    batch of tensors, `encode_step(x)` and `decode_step(indices)`; `call(x)`
    is the one after the other. `encode` and `decode` run them over arrays of
    any length.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If `input_shape` is not a tuple of 2 to 4 positive sizes.
    """

    code_shape: tuple[int, ...]
    num_embeddings: int

    def __init__(self, input_shape, **kwargs):
        # Inputs are rescaled in float32; each network casts for itself.
        super().__init__(autocast=False, **kwargs)
        shape = tuple(input_shape)
        if len(shape) not in (2, 3, 4) or not all(
            isinstance(n, (int, np.integer)) and n > 0 for n in shape
        ):
            raise ValueError(
                "`input_shape` must be (time, channels), (height, width, "
                "channels) or (frames, height, width, channels), with positive "
                f"sizes. Received: input_shape={input_shape}"
            )
        self.input_shape = shape
        self.value_range = (-1.0, 1.0) if len(shape) == 2 else (0.0, 1.0)
        self._compiled_steps = {}

    def build(self, input_shape=None):
        # Everything is built by `__init__`; Keras calls this when it loads.
        self.built = True

    def encode_step(self, x):
        """Codes of one batch, tensors in and out, for use in a graph.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.

        Returns:
            int32 tensor `(batch, *code_shape)`.
        """
        raise NotImplementedError

    def decode_step(self, indices):
        """Outputs for one batch of codes, tensors in and out.

        Args:
            indices: int tensor `(batch, *code_shape)`.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        raise NotImplementedError

    def call(self, x, training=False):
        """Reconstruct: what is left of the inputs after their codes.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.
            training: bool, ignored: a call never changes the codebook.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        return self.decode_step(self.encode_step(x))

    def encode(self, x, batch_size=32):
        """Codes of any number of inputs, computed in compiled batches.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            batch_size: int, inputs per batch. Defaults to 32.

        Returns:
            NumPy int32 array `(n, *code_shape)`, values in
            `[0, num_embeddings)`.

        Raises:
            ValueError: If the shape or the values of `x` do not fit.
        """
        x = self._to_array(x)
        self.check_inputs(x[:batch_size])
        return self._in_batches(self.encode_step, x, batch_size)

    def decode(self, indices, batch_size=32):
        """Outputs for any number of codes, computed in compiled batches.

        Args:
            indices: int array `(n, *code_shape)`, values in
                `[0, num_embeddings)`.
            batch_size: int, code maps per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If the shape, dtype or range of `indices` does not fit.
        """
        indices = self._to_array(indices)
        self.check_indices(indices)
        indices = indices.astype("int32")
        return self._in_batches(self.decode_step, indices, batch_size)

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Train; see `keras.Model.fit`. The first batch of `x` is checked.

        Args:
            x: Inputs, alone or with labels that the model ignores: array,
                `tf.data.Dataset`, `keras.utils.PyDataset`, PyTorch
                `DataLoader` or generator.
            y: Ignored.
            batch_size: int or None, inputs per batch of an array; None for
                32.
        """
        x = self._checked(x, batch_size)
        validation_data = kwargs.get("validation_data")
        if isinstance(validation_data, (tuple, list)):
            self._checked(validation_data[0])
        elif validation_data is not None:
            kwargs["validation_data"] = self._checked(validation_data)
        return super().fit(x, y, batch_size, *args, **kwargs)

    def evaluate(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Measure; see `keras.Model.evaluate`. The first batch is checked."""
        if not kwargs.get("_use_cached_eval_dataset"):  # already done by `fit`
            x = self._checked(x, batch_size)
        return super().evaluate(x, y, batch_size, *args, **kwargs)

    def predict(self, x, batch_size=None, *args, **kwargs):
        """Reconstruct; see `keras.Model.predict`. The first batch is checked.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.
        """
        x = self._checked(x, batch_size)
        return super().predict(x, batch_size, *args, **kwargs)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Metrics given to `compile` compare the inputs and outputs."""
        return super().compute_metrics(x, x, y_pred, sample_weight)

    def to_unit_range(self, x):
        """The inputs as float32 in `value_range`; uint8 is divided by 255."""
        x = ops.convert_to_tensor(x)
        self.check_shape(x.shape)
        if keras.backend.standardize_dtype(x.dtype) == "uint8":
            return ops.cast(x, "float32") / 255.0
        return ops.cast(x, "float32")

    def to_network_range(self, x):
        """From `value_range` to [-1, 1], the range that the networks see."""
        low, high = self.value_range
        return (2.0 * x - (high + low)) / (high - low)

    def from_network_range(self, y):
        """From [-1, 1] to `value_range`, not clipped."""
        low, high = self.value_range
        return (y * (high - low) + (high + low)) / 2.0

    def check_shape(self, shape):
        """Raise if `shape` is not that of a batch of this model's inputs."""
        expected = (None, *self.input_shape)
        if len(shape) != len(expected) or any(
            n is not None and n != m
            for n, m in zip(shape[1:], self.input_shape, strict=True)
        ):
            raise ValueError(
                f"{type(self).__name__} `{self.name}` expects inputs of shape "
                f"{expected}, channels last. Received: shape={tuple(shape)}"
            )

    def check_inputs(self, batch):
        """Raise if a batch (a NumPy array) has a wrong shape or values."""
        self.check_shape(batch.shape)
        if batch.dtype == np.uint8 or batch.size == 0:
            return
        low, high = self.value_range
        name = type(self).__name__
        values = batch.astype("float32")
        if not np.isfinite(values).all():
            count = int(np.sum(~np.isfinite(values)))
            raise ValueError(
                f"{name} `{self.name}` expects finite inputs. Received: "
                f"{count} values in the first batch that are NaN or infinite."
            )
        if values.min() < low - TOLERANCE or values.max() > high + TOLERANCE:
            raise ValueError(
                f"{name} `{self.name}` expects values in [{low:g}, {high:g}], "
                "or uint8 images. Received: values from "
                f"{values.min():g} to {values.max():g}. Rescale the inputs."
            )

    def check_indices(self, indices):
        """Raise if codes (a NumPy array) do not fit this model."""
        name = type(self).__name__
        if not np.issubdtype(indices.dtype, np.integer):
            raise ValueError(
                f"{name} `{self.name}` decodes integers. Received: "
                f"indices.dtype={indices.dtype}"
            )
        if indices.shape[1:] != self.code_shape:
            raise ValueError(
                f"{name} `{self.name}` decodes code maps of shape "
                f"{(None, *self.code_shape)}. Received: indices.shape="
                f"{indices.shape}"
            )
        if indices.size and (
            indices.min() < 0 or indices.max() >= self.num_embeddings
        ):
            raise ValueError(
                f"{name} `{self.name}` has codes 0 to "
                f"{self.num_embeddings - 1}. Received: indices from "
                f"{indices.min()} to {indices.max()}"
            )

    def _checked(self, x, batch_size=None):
        x, batch = first_batch(x, batch_size)
        if batch is not None:
            self.check_inputs(batch)
        return x

    def _inputs_of(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} weighs all examples alike. Received "
                "a sample_weight."
            )
        return self.to_unit_range(x)

    def _to_array(self, x):
        if isinstance(x, np.ndarray):
            return x
        return np.asarray(ops.convert_to_numpy(x))

    def _in_batches(self, step, x, batch_size):
        """Run a compiled step over `x`, in batches of one size."""
        if step.__name__ not in self._compiled_steps:
            self._compiled_steps[step.__name__] = backend.jit(step, self)
        compiled = self._compiled_steps[step.__name__]
        outputs = []
        for start in range(0, max(len(x), 1), batch_size):
            batch = x[start : start + batch_size]
            size = len(batch)
            # Another shape would compile anew, and no kernel likes none.
            missing = (batch_size if start > 0 else max(size, 1)) - size
            batch = np.pad(batch, [[0, missing]] + [[0, 0]] * (x.ndim - 1))
            output = compiled(ops.convert_to_tensor(batch))
            outputs.append(ops.convert_to_numpy(output)[:size])
        return np.concatenate(outputs)

    def get_config(self):
        return {**super().get_config(), "input_shape": self.input_shape}
