import keras

from keras_vq.models.adversarial_autoencoder import AdversarialAutoencoder
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.tokenizer import code_metrics


@keras.saving.register_keras_serializable(package="keras_vq")
class VQGAN(AdversarialAutoencoder, Tokenizer):
    """The VQGAN: a VQ-VAE that also plays against a patch discriminator.

    ```
    quantized = quantizer(encoder(x))
    nll       = mean |x - decoder(quantized)| + perceptual loss
    loss      = nll + the quantizer's loss
    ```

    and in training `disc_weight * adaptive weight *` the generator's loss.
    With few halvings and short codes it is the VQ-regularized autoencoder of
    latent diffusion: `encode_latents` gives the vectors before quantization,
    `decode_latents` quantizes inside.

    Args:
        input_shape: tuple of int, shape of one input: `(time, channels)`,
            `(height, width, channels)` or `(frames, height, width, channels)`.
        quantizer: A quantizer of `keras_vq.layers`; its `embedding_dim` is
            the length of the latent vectors.
        **kwargs: See `AdversarialAutoencoder`: the networks, `perceptual_loss`,
            `disc_weight`, `disc_start` and so on.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction.

    Raises:
        ValueError: If an argument is out of range, the input is too small for
            the number of sizes, or an attention resolution never occurs.
        FileNotFoundError: If there are no weights for `"lpips"`.

    Example:

    >>> quantizer = keras_vq.layers.VectorQuantizerEMA(64, 8)
    >>> model = keras_vq.models.VQGAN(
    ...     (16, 16, 3),
    ...     quantizer,
    ...     hidden_dim=8,
    ...     channel_multipliers=(1, 2),
    ...     disc_hidden_dim=8,
    ...     disc_num_layers=2,
    ... )
    >>> model.compile({"generator": "adam", "discriminator": "adam"})
    >>> images = np.random.uniform(size=(8, 16, 16, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape, model.encode_latents(images).shape
    ((8, 8, 8), (8, 8, 8, 8))

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.1.
    """

    def __init__(self, input_shape, quantizer, **kwargs):
        dim = quantizer.embedding_dim
        super().__init__(input_shape, encoder_dim=dim, latent_dim=dim, **kwargs)
        self.add_quantizer(quantizer, self.encoder.output_shape[1:-1])
        self.add_autoencoder_logs(*quantizer.loss_names)
        self.code_metrics = code_metrics(quantizer)
        self.built = True

    def bottleneck(self, z, training):
        outputs = self.quantizer(z, training=training)
        return outputs["quantized"], outputs

    def latents_of(self, x):
        return self.encoder(self.to_network_range(self.to_unit_range(x)))

    def vectors_step(self, x):
        return (self.latents_of(x),)

    def decode_step(self, indices):
        return super().outputs_of(self.quantizer.decode_indices(indices))

    def outputs_of(self, latents):
        return self.decode_step(self.quantizer.encode_to_indices(latents))

    def get_config(self):
        quantizer = keras.saving.serialize_keras_object(self.quantizer)
        return {**super().get_config(), "quantizer": quantizer}
