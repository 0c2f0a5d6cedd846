from keras import ops

from keras_vq import backend
from keras_vq.checks import check_type
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.tokenizer import check_quantizer_type
from keras_vq.models.wiring import check_bottleneck
from keras_vq.models.wiring import output_shape
from keras_vq.networks import Conditioning
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.priors import AutoregressivePrior
from keras_vq.samplers import GreedySampler
from keras_vq.saving.config import serializable


@serializable
class StackedVQVAE(Tokenizer):
    """A second VQ-VAE on the codes of a first, for very few codes per input.

    The first stage is trained beforehand and stays frozen; the second stage
    learns to reconstruct the first stage's codes from a few codes of its own:

    ```
    codes     = first_stage.encode(x)
    quantized = quantizer(encoder(codes))
    logits    = decoder(quantized)
    loss      = mean(-log softmax(logits)[codes]) + the quantizer's loss
    output    = first_stage.decode(argmax(logits))
    ```

    By default it departs from the paper in two parts. There, the decoder is an
    autoregressive PixelCNN; this one predicts all codes of the first stage at
    once, each from the vectors alone, so outputs average over what they leave
    open. `code_prior` makes it autoregressive: a prior over the first stage's
    codes whose condition are the `logits` above. And there, each of the few
    codes has a codebook of its own; here, they share one unless `quantizer` is
    a `keras_vq.layers.GroupedVectorQuantizer`. In `keras_vq.zoo.stacked_vqvae`,
    `autoregressive_decoder=True` and `separate_codebooks=True` select the
    paper's.

    Args:
        first_stage: A trained `Tokenizer` with one map of codes, such as a
            `VQVAE`. It becomes part of the model, is saved with it, and is no
            longer trainable.
        encoder: `keras.Model` or layer, from int codes
            `(batch, *first_stage.code_shape)` to vectors
            `(batch, num_codes, embedding_dim)`.
        quantizer: A quantizer of `keras_vq.layers`, of the second stage.
        decoder: `keras.Model` or layer, from those vectors to logits
            `(batch, *first_stage.code_shape, first_stage.num_embeddings)`.
            `keras_vq.networks.code_encoder_decoder` builds both networks.
        code_prior: `keras_vq.priors.AutoregressivePrior` over the codes of the
            first stage, with a condition of the decoder's output shape, or
            None. In training it sees the true earlier codes; `decode` takes the
            most probable code, one after the other. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`, inputs of the first
            stage.
        training: bool, ignored: see `losses_of` for the outputs in training.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction by both
        stages.

    Raises:
        ValueError: If `first_stage` has no map of codes, or several, or the
            shapes of the parts do not match.

    Example:

    >>> first_stage = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> encoder, decoder = keras_vq.networks.code_encoder_decoder(
    ...     first_stage.code_shape, 512, num_codes=3, embedding_dim=64)
    >>> quantizer = keras_vq.layers.VectorQuantizerEMA(512, 64)
    >>> model = keras_vq.models.StackedVQVAE(
    ...     first_stage, encoder, quantizer, decoder)
    >>> model.compile("adam")
    >>> images = np.random.uniform(size=(8, 32, 32, 3))
    >>> history = model.fit(images, verbose=0)
    >>> model.encode(images).shape, model.code_bits
    ((8, 3), 27.0)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 4.2.
    """

    def __init__(
        self,
        first_stage,
        encoder,
        quantizer,
        decoder,
        code_prior=None,
        **kwargs,
    ):
        check_first_stage(first_stage)
        check_quantizer_type(quantizer)
        super().__init__(first_stage.input_shape, **kwargs)
        # TensorFlow ignores an assignment of the value that a loaded model has.
        first_stage.trainable = True
        first_stage.trainable = False
        self.first_stage = first_stage
        self.encoder = encoder
        self.bottleneck = quantizer
        self.decoder = decoder
        self.code_prior = code_prior

        # === Shapes ===
        code_shape = first_stage.code_shape
        encoded = output_shape("encoder", encoder, code_shape, dtype="int32")
        check_bottleneck(encoder, encoded, quantizer)
        quantizer.build((None, *encoded))
        decoded = output_shape("decoder", decoder, encoded)
        expected = (*code_shape, first_stage.num_embeddings)
        if decoded != expected:
            raise ValueError(
                "The decoder must output logits of the first stage's codes, of "
                f"shape {(None, *expected)}. Received: outputs of shape "
                f"{(None, *decoded)}"
            )
        if code_prior is not None:
            _check_code_prior(code_prior, first_stage, decoded)
        self.latent_shape = quantizer.latent_shape(encoded[:-1])
        self.num_embeddings = quantizer.num_embeddings
        self.codes_per_position = quantizer.codes_per_position

        # === Logs ===
        self.track(
            "loss",
            "reconstruction_loss",
            "code_accuracy",
            *quantizer.loss_names,
            "bits",
        )
        self.track_codes(quantizer)

    def losses_of(self, x, labels, training):
        x = self.to_value_range(x)
        codes = self.first_stage.encode_step(x)
        z = self.encoder(codes, training=training)
        outputs = self.quantizer(z, training=training)
        logits = self.decoder(outputs["quantized"], training=training)
        if self.code_prior is not None:
            logits = self.code_prior((codes, logits), training=training)

        decoded = backend.argmax(logits)
        outputs["reconstruction_loss"] = masked_mean(
            ops.sparse_categorical_crossentropy(codes, logits, from_logits=True)
        )
        outputs["loss"] = outputs["reconstruction_loss"] + outputs["loss"]
        outputs["code_accuracy"] = masked_mean(ops.equal(decoded, codes))
        outputs["bits"] = self.code_bits
        outputs["inputs"] = x
        outputs["reconstruction"] = self.first_stage.decode_step(decoded)
        return outputs

    @property
    def encoding_weights(self):
        return [*self.first_stage.encoding_weights, *super().encoding_weights]

    def quantizer_inputs(self, x):
        return (self.encoder(self.first_stage.encode_step(x)),)

    def encode_step(self, x, labels=None):
        return self.quantizer.encode_to_indices(*self.quantizer_inputs(x))

    def decode_step(self, latents, labels=None):
        logits = self.decoder(self.quantizer.decode_indices(latents))
        if self.code_prior is None:
            codes = backend.argmax(logits)
        else:
            shape = (ops.shape(logits)[0], self.code_prior.num_draws)
            codes = self.code_prior.generate_step(
                ops.zeros(shape),
                Conditioning(condition=ops.cast(logits, "float32")),
                GreedySampler(),
            )
        return self.first_stage.decode_step(codes)


def _check_code_prior(code_prior, first_stage, condition_shape):
    check_type(
        "code_prior",
        code_prior,
        AutoregressivePrior,
        "a keras_vq.priors.AutoregressivePrior",
    )
    found = (
        code_prior.code_shape,
        code_prior.num_embeddings,
        code_prior.condition_shape,
    )
    expected = (
        first_stage.code_shape,
        first_stage.num_embeddings,
        condition_shape,
    )
    if found != expected or code_prior.num_classes is not None:
        raise ValueError(
            "`code_prior` must model the first stage's codes given the "
            "decoder's outputs, without labels: codes of shape "
            f"{expected[0]}, num_embeddings={expected[1]}, a condition of "
            f"shape {expected[2]}. Received: codes of shape {found[0]}, "
            f"num_embeddings={found[1]}, a condition of shape {found[2]}, "
            f"num_classes={code_prior.num_classes}"
        )


def check_first_stage(first_stage):
    """Return the model if it can be a first stage, or raise."""
    received = f"a {type(first_stage).__name__}"
    if isinstance(first_stage, Tokenizer):
        maps = len(first_stage.code_maps)
        count = first_stage.codes_per_position
        if maps == 1 and count == 1:
            return first_stage
        received += f" with {maps} maps"
        if maps == 1:
            received = (
                f"a {type(first_stage).__name__} with {count} codes per "
                "position"
            )
    raise ValueError(
        "`first_stage` must be a trained model with one map of codes, one per "
        f"position, such as keras_vq.models.VQVAE. Received: {received}"
    )
