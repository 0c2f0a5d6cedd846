import keras
import numpy as np
from keras import ops

from keras_vq.models.first_stage import FirstStage
from keras_vq.training.in_batches import in_batches


class LatentSpace(FirstStage):
    """Base of first stages whose latents a diffusion prior learns.

    Latents are multiplied by `latent_scale`, a weight of the model, after
    encoding and divided by it before decoding, so that they have the variance
    that diffusion expects. A subclass calls `add_latent_scale()` once it is
    built and defines `latents_of(x)` and `outputs_of(latents)`, for one batch
    of tensors without the scale.

    References:
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion
        Models, 2022, sections 3.1 and G.
    """

    encoder: keras.Model
    latent_dim: int

    def add_latent_scale(self):
        """Make the weight `latent_scale`, 1 until `adapt` is called."""
        self.latent_scale = self.add_weight(
            name="latent_scale",
            shape=(),
            initializer="ones",
            dtype="float32",
            trainable=False,
        )

    def latents_of(self, x):
        """float32 tensor `(batch, *grid, latent_dim)`, unscaled.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.
        """
        raise NotImplementedError

    def outputs_of(self, latents):
        """float32 tensor `(batch, *input_shape)` in `value_range`.

        Args:
            latents: float tensor `(batch, *grid, latent_dim)`, unscaled.
        """
        raise NotImplementedError

    def adapt(self, x, batch_size=32):
        """Set `latent_scale` to one over the deviation of some latents.

        Call it when the model is trained, before its latents are.

        Args:
            x: array `(n, *input_shape)`, a batch of the training data.
            batch_size: int, inputs per compiled batch. Defaults to 32.

        Raises:
            ValueError: If `x` does not fit, or its latents are all the same.
        """
        scale = float(ops.convert_to_numpy(self.latent_scale))
        deviation = float(np.std(self.encode_latents(x, batch_size))) / scale
        if not deviation > 0:
            raise ValueError(
                "Latents that are all the same have no scale. Received: "
                f"{len(x)} inputs whose latents have a deviation of {deviation}"
            )
        self.latent_scale.assign(1.0 / deviation)

    def encode_latents(self, x, batch_size=32):
        """Scaled latents of any number of inputs, before quantization.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            batch_size: int, inputs per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *grid, latent_dim)`.

        Raises:
            ValueError: If the shape or the values of `x` do not fit.
        """
        x = self.to_array(x)
        self.check_inputs(x[:batch_size])
        step = self.compiled_step(self.encode_latents_step)
        return in_batches(step, [x], batch_size)

    def decode_latents(self, latents, batch_size=32):
        """Outputs for scaled latents, which are quantized on the way, if ever.

        Args:
            latents: float array `(n, *grid, latent_dim)`.
            batch_size: int, latents per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If the shape of `latents` does not fit.
        """
        latents = self.to_array(latents).astype("float32")
        expected = self.encoder.output_shape[1:-1] + (self.latent_dim,)
        if latents.shape[1:] != expected:
            raise ValueError(
                f"{type(self).__name__} `{self.name}` decodes latents of shape "
                f"{(None, *expected)}. Received: shape={latents.shape}"
            )
        step = self.compiled_step(self.decode_latents_step)
        return in_batches(step, [latents], batch_size)

    def encode_latents_step(self, x):
        """`encode_latents` of one batch of tensors, for use in a graph."""
        return self.latents_of(x) * ops.convert_to_tensor(self.latent_scale)

    def decode_latents_step(self, latents):
        """`decode_latents` of one batch of tensors, for use in a graph."""
        return self.outputs_of(
            latents / ops.convert_to_tensor(self.latent_scale)
        )
