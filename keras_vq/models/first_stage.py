import keras
import numpy as np
from keras import ops

from keras_vq import likelihoods
from keras_vq.models.check_inputs import check_shape
from keras_vq.models.check_inputs import check_values
from keras_vq.training.base_model import BaseModel
from keras_vq.training.in_batches import in_batches


class FirstStage(BaseModel):
    """Base of the models that turn inputs into latents and back.

    The rank of `input_shape` says what the inputs are: `(time, channels)`
    audio in [-1, 1], `(height, width, channels)` images in [0, 1] or
    `(frames, height, width, channels)` video in [0, 1]; images and video may
    also be uint8. Outputs have the range of the inputs.

    A subclass sets `latent_shape` and defines, for one batch of tensors,
    `encode_step(x)` and `decode_step(latents)`; `call(x)` is the one after the
    other. `encode` and `decode` run them over arrays of any length.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name, what the
            decoder's outputs mean. Defaults to `"mse"`.
        data_variance: float > 0 or None, what `"mse"` divides the squared
            error by; None for 1. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If `input_shape` is not a tuple of 2 to 4 positive sizes.
    """

    latent_shape: tuple[int, ...]
    # What `encode` makes, in messages and exported signatures, and its dtype.
    latent_name = "latents"
    latent_dtype = "float32"

    def __init__(
        self, input_shape, likelihood="mse", data_variance=None, **kwargs
    ):
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
        self.likelihood = likelihoods.get(
            likelihood, self.value_range, data_variance
        )
        self.data_variance = data_variance
        self._likelihood = likelihood

    def encode_step(self, x):
        """Latents of one batch, tensors in and out, for use in a graph.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.

        Returns:
            float32 tensor `(batch, *latent_shape)`.
        """
        raise NotImplementedError

    def decode_step(self, latents):
        """Outputs for one batch of latents, tensors in and out.

        Args:
            latents: float tensor `(batch, *latent_shape)`.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        raise NotImplementedError

    def call(self, x, training=False):
        """Reconstruct: what is left of the inputs after their latents.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.
            training: bool, ignored: a call changes and draws nothing.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        return self.decode_step(self.encode_step(x))

    def encode(self, x, batch_size=32):
        """Latents of any number of inputs, computed in compiled batches.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            batch_size: int, inputs per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *latent_shape)`.

        Raises:
            ValueError: If the shape or the values of `x` do not fit.
        """
        x = self.to_array(x)
        self.check_inputs(x[:batch_size])
        return in_batches(self.compiled_step(self.encode_step), [x], batch_size)

    def decode(self, latents, batch_size=32):
        """Outputs for any number of latents, computed in compiled batches.

        Args:
            latents: array `(n, *latent_shape)`.
            batch_size: int, latents per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If the shape or the values of `latents` do not fit.
        """
        latents = self.to_array(latents)
        self.check_latents(latents)
        latents = latents.astype(self.latent_dtype)
        return in_batches(
            self.compiled_step(self.decode_step), [latents], batch_size
        )

    def predict(self, x, batch_size=None, *args, **kwargs):
        """Reconstruct; see `keras.Model.predict`. The first batch is checked.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.
        """
        x = self._checked(x, batch_size=batch_size)
        return super().predict(x, batch_size, *args, **kwargs)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Metrics given to `compile` compare the inputs and outputs."""
        return super().compute_metrics(x, x, y_pred, sample_weight)

    def losses_of(self, x, training):
        """The loss of a batch, and all that led to it.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            training: bool.

        Returns:
            `loss, outputs`, a scalar and a dict with `loss`, `reconstruction`
            and the scalars that `add_logs` named.
        """
        raise NotImplementedError

    def logs_of(self, x, outputs):
        self.update_metrics(outputs, ops.shape(x)[0])
        return self.compute_metrics(x, None, outputs["reconstruction"])

    def check_first_batch(self, batch, labels):
        self.check_inputs(batch)

    def to_unit_range(self, x):
        """The inputs as float32 in `value_range`; uint8 is divided by 255."""
        x = ops.convert_to_tensor(x)
        check_shape(self, x.shape)
        if keras.backend.standardize_dtype(x.dtype) == "uint8":
            return ops.cast(x, "float32") / 255.0
        return ops.cast(x, "float32")

    def to_network_range(self, x):
        """From `value_range` to [-1, 1], the range that the networks see."""
        return self.likelihood.to_unit(x)

    @property
    def has_true_likelihood(self):
        """bool, False for the squared error, whose scale means nothing."""
        return not isinstance(self.likelihood, likelihoods.MeanSquaredError)

    def to_output(self, mean):
        """The mean of the likelihood, where no network need stay in range."""
        return ops.clip(mean, *self.value_range)

    def check_inputs(self, batch):
        """Raise if a batch (a NumPy array) has a wrong shape or values."""
        check_shape(self, batch.shape)
        check_values(self, batch)

    def check_latents(self, latents):
        """Raise if latents (a NumPy array) do not fit this model."""
        if latents.shape[1:] != self.latent_shape:
            raise ValueError(
                f"{type(self).__name__} `{self.name}` decodes "
                f"{self.latent_name} of shape {(None, *self.latent_shape)}. "
                f"Received: shape={latents.shape}"
            )

    def inputs_of(self, data):
        """What `losses_of` takes, from what the data set yields."""
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} takes no sample_weight. Received one."
            )
        return (self.to_unit_range(x),)

    def get_config(self):
        likelihood = self._likelihood
        if not isinstance(likelihood, (str, dict)):
            likelihood = keras.saving.serialize_keras_object(likelihood)
        return {
            **super().get_config(),
            "input_shape": self.input_shape,
            "likelihood": likelihood,
            "data_variance": self.data_variance,
        }
