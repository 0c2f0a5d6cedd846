import hashlib

import keras
import numpy as np
from keras import ops

from keras_vq import likelihoods
from keras_vq.checks import check_batch_shape
from keras_vq.checks import check_dtype
from keras_vq.checks import check_ends
from keras_vq.checks import check_input_shape
from keras_vq.checks import check_labels
from keras_vq.checks import check_latents
from keras_vq.checks import check_no_labels
from keras_vq.checks import check_type
from keras_vq.checks import check_values
from keras_vq.checks import title
from keras_vq.layers import Bottleneck
from keras_vq.layers import CausalConv3D
from keras_vq.losses import Adversary
from keras_vq.losses import PerceptualLoss
from keras_vq.losses import SpectralLoss
from keras_vq.models.wiring import built_shapes
from keras_vq.ops.to_float import to_float
from keras_vq.saving.config import serializable
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array
from keras_vq.training.model import Model


@serializable
class FirstStage(Model):
    """Base class of the models that encode inputs to latents and decode them.

    The rank of `input_shape` determines the kind of input: `(time, channels)`
    audio in [-1, 1], `(height, width, channels)` images in [0, 1] or
    `(frames, height, width, channels)` video in [0, 1]; images and video may
    also be uint8. Outputs have the range of the inputs. Networks see values in
    [-1, 1].

    A subclass calls `connect(encoder, bottleneck, decoder)`, which sets its
    three parts, and defines `losses_of(x, labels, training)`. `encode` and
    `decode` run the parts over arrays of any length.

    Args:
        input_shape: tuple of int, shape of one input, channels last.
        likelihood: A `keras_vq.likelihoods.Likelihood` or its name, the
            meaning of the decoder's outputs. Defaults to `"mse"`.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If `input_shape` is not a tuple of 2 to 4 positive sizes.
    """

    encoder: keras.Model
    bottleneck: Bottleneck
    decoder: keras.Model
    # Shape and dtype of the latents of one input, and their name in error
    # messages and exported signatures.
    latent_shape: tuple[int, ...]
    latent_name = "latents"
    latent_dtype = "float32"
    # Whether the latents are continuous, at least before quantization.
    has_continuous_latents = False
    # The weight that `adapt_latent_scale` sets, or None.
    latent_scale = None

    def __init__(self, input_shape, likelihood="mse", **kwargs):
        super().__init__(**kwargs)
        self.input_shape = check_input_shape(input_shape)
        self.value_range = value_range(self.input_shape)
        self.likelihood = likelihoods.get(likelihood, self.value_range)
        self.perceptual_loss = None

    # === Parts ===

    def connect(self, encoder, bottleneck, decoder):
        """Set the encoder, the bottleneck and the decoder of the model.

        Args:
            encoder: `keras.Model` or layer, from inputs in [-1, 1] to vectors
                `(batch, *grid, dim)`; for a model with `num_classes`, from `[x,
                labels]`.
            bottleneck: A bottleneck of `keras_vq.layers`.
            decoder: `keras.Model` or layer, from the bottleneck's outputs, or
                `[z, labels]`, to the parameters of the likelihood.

        Raises:
            ValueError: If shapes do not match; the message states both.
        """
        check_type(
            "bottleneck",
            bottleneck,
            Bottleneck,
            "a quantizer or other bottleneck of keras_vq.layers",
        )
        encoded, parameters = built_shapes(self, encoder, bottleneck, decoder)
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder
        self.latent_shape = bottleneck.latent_shape(encoded[:-1], encoded[-1])
        self.encoded_shape = encoded
        if not self.likelihood.built:
            self.likelihood.build((None, *parameters))

    def set_objective(self, perceptual_loss=None, adversary=None):
        """Add losses to the likelihood's loss, and log all of them.

        Args:
            perceptual_loss: `keras_vq.losses.PerceptualLoss` for images,
                `SpectralLoss` for audio, or None. Defaults to None.
            adversary: `keras_vq.losses.Adversary` or None. Defaults to None.

        Raises:
            ValueError: If either is something else, or not made for inputs of
                this rank.
        """
        self.track("loss", "reconstruction_loss", *self.bottleneck.loss_names)
        if perceptual_loss is not None:
            check_type(
                "perceptual_loss",
                perceptual_loss,
                (PerceptualLoss, SpectralLoss),
                "a keras_vq.losses.PerceptualLoss, a SpectralLoss or None",
            )
            rank = len(self.input_shape)
            if rank != (2 if isinstance(perceptual_loss, SpectralLoss) else 3):
                kind = type(perceptual_loss).__name__
                raise ValueError(
                    "A PerceptualLoss compares images and a SpectralLoss "
                    f"audio. Received: perceptual_loss={kind} for input_shape="
                    f"{self.input_shape}"
                )
            self.perceptual_loss = perceptual_loss
            self.track("perceptual_loss")
        if adversary is not None:
            self.adversary = check_type(
                "adversary",
                adversary,
                Adversary,
                "a keras_vq.losses.Adversary or None",
            )
            self.track(*adversary.log_names)

    def objective(self, x, parameters, outputs):
        """The reconstruction and the losses of a batch.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            parameters: float tensor, the decoder's outputs.
            outputs: dict, what the bottleneck returned.

        Returns:
            dict, `outputs` with `inputs`, `reconstruction`, the parts of the
            reconstruction loss, their sum `nll`, and the total `loss`.
        """
        reconstruction = self.likelihood(parameters)
        nll = reconstruction_loss = self.likelihood.loss(x, parameters)
        losses = {"reconstruction_loss": reconstruction_loss}
        if self.perceptual_loss is not None:
            distance = ops.mean(self.perceptual_loss(x, reconstruction))
            nll = nll + self.perceptual_loss.weight * distance
            losses["perceptual_loss"] = distance
        return {
            **outputs,
            **losses,
            "inputs": x,
            "reconstruction": reconstruction,
            "nll": nll,
            "loss": nll + outputs["loss"],
        }

    def add_latent_scale(self):
        """Create the weight `latent_scale`, initialized to 1."""
        self.latent_scale = self.add_weight(
            name="latent_scale",
            shape=(),
            initializer="ones",
            dtype="float32",
            trainable=False,
        )

    def encoded(self, x, labels=None, training=False):
        """The encoder's outputs.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.
            training: bool. Defaults to False.

        Returns:
            float tensor `(batch, *grid, dim)`.
        """
        x = self.to_network_range(x)
        inputs = x if labels is None else [x, labels]
        return self.encoder(inputs, training=training)

    def decoded(self, z, labels=None, training=False):
        """The decoder's outputs, the parameters of the likelihood.

        Args:
            z: float tensor `(batch, *grid, dim)`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, *size, num_parameters)`.
        """
        inputs = z if labels is None else [z, labels]
        return self.decoder(inputs, training=training)

    @property
    def is_causal(self):
        """bool, whether the first frame of a video is encoded on its own."""
        if len(self.input_shape) != 4:
            return False
        return any(isinstance(layer, CausalConv3D) for layer in _layers(self))

    @property
    def last_kernel(self):
        """The last kernel of the decoder: a weight with two or more axes."""
        weights = self.decoder.trainable_variables
        return [w for w in weights if len(w.shape) > 1][-1]

    # === One batch of tensors ===

    def encode_step(self, x, labels=None):
        """Encode one batch of tensors to latents.

        Args:
            x: float or uint8 tensor `(batch, *input_shape)`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.

        Returns:
            tensor `(batch, *latent_shape)`.
        """
        x = self.to_value_range(x)
        return self.bottleneck.encode(self.encoded(x, labels))

    def decode_step(self, latents, labels=None):
        """Decode one batch of latents, as tensors.

        Args:
            latents: tensor `(batch, *latent_shape)`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        z = self.bottleneck.decode(latents)
        return self.to_output(self.likelihood(self.decoded(z, labels)))

    def call(self, inputs, training=False):
        """Reconstruct: decode the latents of the inputs.

        Args:
            inputs: float or uint8 tensor `(batch, *input_shape)`; for a model
                with `num_classes`, a pair of that and int labels `(batch,)`.
            training: bool, ignored: a call samples nothing and updates nothing.
                `losses_of` computes the outputs in training.

        Returns:
            float32 tensor `(batch, *input_shape)`, in `value_range`.
        """
        x, labels = self._pair(inputs)
        return self.decode_step(self.encode_step(x, labels), labels)

    def compute_output_spec(self, inputs, training=False):
        # Without tracing: JAX cannot trace tiles of an unknown batch size.
        x, _ = self._pair(inputs)
        return keras.KerasTensor((x.shape[0], *self.input_shape), "float32")

    def _pair(self, inputs):
        if self.num_classes is None:
            return inputs, None
        if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
            check_labels(self, None)
        return inputs

    # === Arrays of any length ===

    def encode(self, x, labels=None, batch_size=32):
        """Encode any number of inputs, in compiled batches.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            labels: int array `(n,)`, for a model with `num_classes`. Defaults
                to None.
            batch_size: int, inputs per batch. Defaults to 32.

        Returns:
            NumPy array `(n, *latent_shape)`.

        Raises:
            ValueError: If the shape or the values of `x` or `labels` do not
                fit.
        """
        x = self.input_array(x)
        labels = self.label_array(labels, len(x))
        step = self.jit(self.encode_step)
        return in_batches(step, [x, labels], batch_size, self.check_inputs)

    def decode(self, latents, labels=None, batch_size=32):
        """Decode any number of latents, in compiled batches.

        Args:
            latents: array `(n, *latent_shape)`.
            labels: int array `(n,)`, for a model with `num_classes`. Defaults
                to None.
            batch_size: int, latents per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If the shape or the values of `latents` or `labels` do
                not fit.
        """
        latents = to_array(latents)
        self.check_latents(latents)
        latents = latents.astype(self.latent_dtype)
        labels = self.label_array(labels, len(latents))
        # Residual codes may have fewer stages.
        step = self.jit(self.decode_step, ("decode", latents.shape[1:]))
        return in_batches(step, [latents, labels], batch_size)

    def predict(self, x, batch_size=None, *args, **kwargs):
        """Reconstruct; see `keras.Model.predict`. The first batch is checked.

        Args:
            x: Array or data set of inputs; for a model with `num_classes`, a
                list `[x, labels]` of arrays, or a data set of `((x, labels),)`.
            batch_size: int or None, inputs per batch of an array; None for 32.
            *args: See `keras.Model.predict`.
            **kwargs: See `keras.Model.predict`.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.
        """
        if kwargs.get("steps") is None:
            check_ends(x, "`steps`, or dataset.take(n)")
        if self.num_classes is None:
            x = self._checked(x, batch_size=batch_size)
        elif isinstance(x, (tuple, list)) and len(x) == 2:
            images, labels = map(to_array, x)
            self.check_inputs(images[:32])
            check_labels(self, labels, len(images))
            x = [images, labels]
        elif hasattr(x, "shape"):
            check_labels(self, None)
        return super().predict(x, batch_size, *args, **kwargs)

    # === Continuous latents ===

    def encode_latents(self, x, labels=None, batch_size=32):
        """Encode inputs to scaled continuous latents, before any quantization.

        Args:
            x: array `(n, *input_shape)`, float in `value_range` or uint8.
            labels: int array `(n,)`, for a model with `num_classes`. Defaults
                to None.
            batch_size: int, inputs per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *grid, dim)`.

        Raises:
            ValueError: If the shape or the values of `x` or `labels` do not
                fit, or the model has no continuous latents.
        """
        self.check_continuous()
        x = self.input_array(x)
        labels = self.label_array(labels, len(x))
        step = self.jit(self.encode_latents_step)
        return in_batches(step, [x, labels], batch_size, self.check_inputs)

    def decode_latents(self, latents, labels=None, batch_size=32):
        """Decode scaled continuous latents; a VQ model quantizes them first.

        Args:
            latents: float array `(n, *grid, dim)`.
            labels: int array `(n,)`, for a model with `num_classes`. Defaults
                to None.
            batch_size: int, latents per batch. Defaults to 32.

        Returns:
            NumPy float32 array `(n, *input_shape)`, in `value_range`.

        Raises:
            ValueError: If the shape of `latents` does not fit, or the model
                has no continuous latents.
        """
        self.check_continuous()
        latents = to_array(latents).astype("float32")
        expected = self.continuous_shape
        if latents.shape[1:] != expected:
            raise ValueError(
                f"{title(self)} decodes latents of shape "
                f"{(None, *expected)}. Received: shape={latents.shape}"
            )
        labels = self.label_array(labels, len(latents))
        step = self.jit(self.decode_latents_step)
        return in_batches(step, [latents, labels], batch_size)

    @property
    def continuous_shape(self):
        """tuple of int, shape of the continuous latents of one input."""
        *grid, dim = self.encoded_shape
        return (*grid, self.bottleneck.output_dim or dim)

    def encode_latents_step(self, x, labels=None):
        """`encode_latents` of one batch of tensors."""
        z = self.continuous_latents(self.to_value_range(x), labels)
        if self.latent_scale is None:
            return z
        return z * ops.convert_to_tensor(self.latent_scale)

    def decode_latents_step(self, latents, labels=None):
        """`decode_latents` of one batch of tensors."""
        if self.latent_scale is not None:
            latents = latents / ops.convert_to_tensor(self.latent_scale)
        return self.decode_step(self.to_latents(latents), labels)

    def continuous_latents(self, x, labels=None):
        """Unscaled continuous latents, float32 `(batch, *grid, dim)`.

        Args:
            x: float32 tensor `(batch, *input_shape)` in `value_range`.
            labels: int32 tensor `(batch,)` or None. Defaults to None.
        """
        return self.bottleneck.encode(self.encoded(x, labels))

    def to_latents(self, z):
        """Convert unscaled continuous latents to the input of `decode_step`."""
        return z

    def adapt_latent_scale(self, x, labels=None, batch_size=32):
        """Set `latent_scale` to one over the standard deviation of latents.

        A diffusion prior expects latents of variance 1. Call it after training
        the model and before training the prior.

        Args:
            x: array `(n, *input_shape)`, a batch of the training data.
            labels: int array `(n,)`, for a model with `num_classes`. Defaults
                to None.
            batch_size: int, inputs per compiled batch. Defaults to 32.

        Raises:
            ValueError: If `x` does not fit, or its latents are all equal.

        References:
            Rombach et al., High-Resolution Image Synthesis with Latent
            Diffusion Models, 2022, appendix G.
        """
        latents = self.encode_latents(x, labels, batch_size)
        if self.latent_scale is None:
            raise ValueError(f"{title(self)} does not scale its latents.")
        scale = float(ops.convert_to_numpy(self.latent_scale))
        deviation = float(np.std(latents)) / scale
        if not deviation > 0:
            raise ValueError(
                "Latents that are all equal have no scale. Received: "
                f"{len(x)} inputs whose latents have a standard deviation of "
                f"{deviation}"
            )
        self.latent_scale.assign(1.0 / deviation)

    def latent_fingerprint(self):
        """16 hexadecimal digits that identify the continuous latents.

        They depend on the class, on the weights that determine latents, and on
        `latent_scale`. A `LatentDiffusion` stores those of the first stage it
        was created for.

        Returns:
            str.

        Raises:
            ValueError: If the model has no continuous latents.
        """
        self.check_continuous()
        scale = [] if self.latent_scale is None else [self.latent_scale]
        start = f"{type(self).__name__} {self.continuous_shape}"
        return digest(start, [*self.encoding_weights, *scale])

    @property
    def encoding_weights(self):
        """list of the weights that determine latents."""
        return [*self.encoder.weights, *self.bottleneck.weights]

    def check_continuous(self):
        """Raise unless the model has continuous latents."""
        if not self.has_continuous_latents:
            raise ValueError(
                f"The latents of {title(self)} are codes, not continuous: use "
                "a prior of codes, such as keras_vq.zoo.pixelcnn. Models with "
                "continuous latents: Autoencoder, VAE, CVAE, VQVAE, VQGAN, "
                "KLAutoencoder."
            )

    # === Ranges ===

    def to_value_range(self, x):
        """Inputs as float32 in `value_range`; uint8 is divided by 255."""
        x = ops.convert_to_tensor(x)
        check_dtype(self, keras.backend.standardize_dtype(x.dtype))
        x = to_float(x)
        check_batch_shape(self, x.shape)
        return x

    def to_network_range(self, x):
        """From `value_range` to [-1, 1], the range that networks see."""
        return self.likelihood.to_network_range(x)

    def to_output(self, mean):
        """The mean of the likelihood, clipped to `value_range`."""
        return ops.clip(mean, *self.value_range)

    # === Checks ===

    def check_inputs(self, batch):
        """Raise if a NumPy array of inputs has a wrong shape or values."""
        check_batch_shape(self, batch.shape)
        check_values(self, batch)

    def input_array(self, x):
        """Inputs as a NumPy array, if it has the right shape."""
        x = to_array(x)
        check_batch_shape(self, x.shape)
        return x

    def check_latents(self, latents):
        """Raise if a NumPy array of latents does not fit."""
        check_latents(self, latents)

    def check_first_batch(self, batch, labels):
        self.check_inputs(batch)
        if self.num_classes is not None:
            check_labels(self, labels)

    def label_array(self, labels, count):
        """Labels as int32, checked; None for a model without classes.

        Args:
            labels: int array `(count,)`, int, or None.
            count: int, number of examples.
        """
        if self.num_classes is None:
            check_no_labels(self, labels)
            return None
        labels = None if labels is None else to_array(labels)
        if labels is not None and labels.ndim == 0:
            labels = np.full(count, labels)
        check_labels(self, labels, count)
        return labels.astype("int32")


def _layers(network):
    """Yield a network and the layers within it."""
    yield network
    if isinstance(network, keras.Model):
        for layer in network.layers:
            yield from _layers(layer)


def value_range(input_shape):
    """The range of inputs: [-1, 1] for audio, [0, 1] for images and video."""
    return (-1.0, 1.0) if len(input_shape) == 2 else (0.0, 1.0)


def digest(start, weights):
    """16 hexadecimal digits of a text and of the values of weights."""
    hashed = hashlib.sha256(start.encode())
    for weight in weights:
        hashed.update(to_array(weight).tobytes())
    return hashed.hexdigest()[:16]
