import keras
from keras import ops

from keras_vq.losses import PerceptualLoss
from keras_vq.models.adversarial_training import AdversarialTraining
from keras_vq.models.latent_space import LatentSpace
from keras_vq.networks import check_sizes
from keras_vq.networks import vqgan_decoder
from keras_vq.networks import vqgan_encoder


class AdversarialAutoencoder(AdversarialTraining, LatentSpace):
    """Base of `VQGAN` and `KLAutoencoder`, which differ in the bottleneck.

    ```
    nll  = mean |x - decoded| + perceptual_weight * perceptual_loss(x, decoded)
    loss = nll + bottleneck_loss
    ```

    with x and its reconstruction in [-1, 1]; `AdversarialTraining` adds the
    game against the discriminator. A subclass defines `bottleneck(z,
    training)`, which returns the decoder's inputs and a dict with the
    bottleneck's `loss`, weighted, and its unweighted parts.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        encoder_dim: int, length of the encoder's vectors.
        latent_dim: int, length of the decoder's vectors.
        hidden_dim: int, channels of the convolutions at the full size.
            Defaults to 128.
        channel_multipliers: tuple of int, one for each size, each half of the
            one before; `hidden_dim` times this is its number of channels.
            Defaults to `(1, 1, 2, 2, 4)`, 16 times coarser latents.
        num_residual_layers: int, residual blocks at each size. Defaults to 2.
        attention_resolutions: tuple of int, sizes of the first spatial axis at
            which there is attention, `()` for none; None for the latents' own.
            Defaults to None.
        dropout: float in [0, 1), in the residual blocks. Defaults to 0.0.
        perceptual_loss: None; `"lpips"`; any `keras.Model` from images in
            [0, 1] to one or several feature maps; or a
            `keras_vq.losses.PerceptualLoss`. For images alone. Defaults to
            None.
        perceptual_weight: float >= 0, its weight. Defaults to 1.0.
        disc_weight: float >= 0, weight of the adversarial loss, multiplied by
            the adaptive weight; 0 for no discriminator. Defaults to 0.8.
        disc_start: int >= 0, steps before the discriminator begins. Defaults
            to 0.
        disc_ramp_steps: int >= 0, steps over which the adversarial loss rises
            to its weight. Defaults to 0.
        disc_loss: `"hinge"` or `"non_saturating"`. Defaults to `"hinge"`.
        disc_hidden_dim: int, channels of the discriminator's first
            convolution. Defaults to 64.
        disc_num_layers: int, its convolutions of stride 2. Defaults to 3.
        disc_normalization: `"batch"` or None. Defaults to `"batch"`.
        r1_weight: float >= 0, weight of half the squared gradient of the
            discriminator at real inputs. Defaults to 0.0.
        lecam_weight: float >= 0, weight of the LeCam regularizer. Defaults to
            0.0.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Raises:
        ValueError: If an argument is out of range, the input is too small for
            the number of sizes, or an attention resolution never occurs.
        FileNotFoundError: If there are no weights for `"lpips"`.
    """

    def __init__(
        self,
        input_shape,
        encoder_dim,
        latent_dim,
        hidden_dim=128,
        channel_multipliers=(1, 1, 2, 2, 4),
        num_residual_layers=2,
        attention_resolutions=None,
        dropout=0.0,
        perceptual_loss=None,
        perceptual_weight=1.0,
        disc_weight=0.8,
        disc_start=0,
        disc_ramp_steps=0,
        disc_loss="hinge",
        disc_hidden_dim=64,
        disc_num_layers=3,
        disc_normalization="batch",
        r1_weight=0.0,
        lecam_weight=0.0,
        **kwargs,
    ):
        super().__init__(input_shape, **kwargs)
        sizes = _sizes(self.input_shape, channel_multipliers)
        if attention_resolutions is None:
            attention_resolutions = (sizes[-1],)
        for size in attention_resolutions:
            if size not in sizes:
                raise ValueError(
                    "`attention_resolutions` must be sizes of the first "
                    f"spatial axis that occur: {', '.join(map(str, sizes))}. "
                    "Received: attention_resolutions="
                    f"{tuple(attention_resolutions)}"
                )
        check_sizes(
            None,
            latent_dim=latent_dim,
            hidden_dim=hidden_dim,
            num_residual_layers=num_residual_layers,
        )
        if not 0 <= dropout < 1:
            raise ValueError(
                f"`dropout` must be in [0, 1). Received: dropout={dropout}"
            )
        if not perceptual_weight >= 0:
            raise ValueError(
                "`perceptual_weight` must not be negative. Received: "
                f"perceptual_weight={perceptual_weight}"
            )
        self.latent_dim = latent_dim
        self.hidden_dim = hidden_dim
        self.channel_multipliers = tuple(channel_multipliers)
        self.num_residual_layers = num_residual_layers
        self.attention_resolutions = tuple(attention_resolutions)
        self.dropout = dropout
        self.perceptual_weight = perceptual_weight

        # === Networks ===
        options = {
            "hidden_dim": hidden_dim,
            "channel_multipliers": self.channel_multipliers,
            "num_residual_layers": num_residual_layers,
            "attention_resolutions": self.attention_resolutions,
            "dropout": dropout,
            "dtype": self.dtype_policy,
        }
        self.encoder = vqgan_encoder(self.input_shape, encoder_dim, **options)
        grid = self.encoder.output_shape[1:-1]
        self.decoder = vqgan_decoder(
            (*grid, latent_dim), self.input_shape[-1], **options
        )
        self.likelihood.build(self.decoder.output_shape)
        self.perceptual_loss = self._perceptual_loss(perceptual_loss)
        self.add_discriminator(
            disc_weight,
            disc_start,
            disc_ramp_steps,
            disc_loss,
            disc_hidden_dim,
            disc_num_layers,
            disc_normalization,
            r1_weight,
            lecam_weight,
        )
        self.add_latent_scale()

    def _perceptual_loss(self, loss):
        if loss is None or self.perceptual_weight == 0:
            return None
        if len(self.input_shape) != 3:
            raise ValueError(
                "`perceptual_loss` compares images. Received: input_shape="
                f"{self.input_shape}. Leave perceptual_loss=None."
            )
        if isinstance(loss, PerceptualLoss):
            return loss
        return PerceptualLoss(loss)

    def bottleneck(self, z, training):
        """Latents for the decoder and the bottleneck's losses.

        Args:
            z: float32 tensor `(batch, *grid, encoder_dim)`.
            training: bool.

        Returns:
            `latents, losses`, a tensor `(batch, *grid, latent_dim)` and a dict
            of scalars, of which `loss` is weighted.
        """
        raise NotImplementedError

    def add_autoencoder_logs(self, *names):
        """Make a metric for each scalar that a step yields."""
        self.add_logs(
            "loss",
            "reconstruction_loss",
            *(("perceptual_loss",) if self.perceptual_loss else ()),
            *names,
            *self.adversarial_logs,
        )

    def autoencode(self, x, training):
        x = self.to_network_range(x)
        z = self.encoder(x, training=training)
        latents, outputs = self.bottleneck(z, training)
        decoded = self.decoder(latents, training=training)

        nll = outputs["reconstruction_loss"] = ops.mean(ops.abs(x - decoded))
        if self.perceptual_loss:
            distances = self.perceptual_loss(_to_unit(x), _to_unit(decoded))
            outputs["perceptual_loss"] = ops.mean(distances)
            nll = nll + self.perceptual_weight * outputs["perceptual_loss"]
        return {
            **outputs,
            "nll": nll,
            "bottleneck_loss": outputs["loss"],
            "loss": nll + outputs["loss"],
            "decoded": decoded,
            "reconstruction": self.likelihood(decoded),
        }

    def outputs_of(self, latents):
        return self.to_output(self.likelihood(self.decoder(latents)))

    def get_config(self):
        loss = self.perceptual_loss
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "channel_multipliers": self.channel_multipliers,
            "num_residual_layers": self.num_residual_layers,
            "attention_resolutions": self.attention_resolutions,
            "dropout": self.dropout,
            "perceptual_loss": loss
            and keras.saving.serialize_keras_object(loss),
            "perceptual_weight": self.perceptual_weight,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        objects = {
            key: keras.saving.deserialize_keras_object(value, custom_objects)
            for key, value in config.items()
            if key in ("quantizer", "perceptual_loss") and value is not None
        }
        return cls(**{**config, **objects})


def _sizes(input_shape, channel_multipliers):
    """Sizes of the first spatial axis, from the input's to the latents'."""
    multipliers = tuple(channel_multipliers)
    if len(multipliers) < 2 or not all(
        isinstance(m, int) and m > 0 for m in multipliers
    ):
        raise ValueError(
            "`channel_multipliers` must be at least two positive integers, one "
            f"for each size. Received: channel_multipliers={multipliers}"
        )
    downsampling = 2 ** (len(multipliers) - 1)
    if any(n % downsampling for n in input_shape[:-1]):
        raise ValueError(
            f"{len(multipliers)} `channel_multipliers` halve the input "
            f"{len(multipliers) - 1} times: each of its sizes must be a "
            f"multiple of {downsampling}. Received: channel_multipliers="
            f"{multipliers} and input_shape={input_shape}"
        )
    return [input_shape[0] // 2**i for i in range(len(multipliers))]


def _to_unit(x):
    """From [-1, 1], where networks live, to [0, 1]."""
    return 0.5 * (x + 1.0)
