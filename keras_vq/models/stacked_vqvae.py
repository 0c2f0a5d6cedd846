import math

import keras
from keras import layers
from keras import ops

from keras_vq import backend
from keras_vq.models.tokenizer import Tokenizer
from keras_vq.models.tokenizer import code_metrics
from keras_vq.networks import check_sizes
from keras_vq.networks import encoder_decoder
from keras_vq.ops import mean


@keras.saving.register_keras_serializable(package="keras_vq")
class StackedVQVAE(Tokenizer):
    """A second VQ-VAE on the codes of a first: an input in a few codes.

    The first stage is trained and stays as it is; the second learns to give
    its codes back from `num_codes` codes of its own:

    ```
    codes     = first_stage.encode(x)
    quantized = quantizer(encoder(embedding(codes)))
    logits    = decoder(quantized)
    loss      = mean(-log softmax(logits)[codes]) + the quantizer's loss
    output    = first_stage.decode(argmax(logits))
    ```

    Args:
        first_stage: A trained `Tokenizer` with one map of codes, a `VQVAE`,
            say. It becomes part of the model, saved with it, and not
            trainable.
        quantizer: A quantizer of `keras_vq.layers`, of the second stage; its
            `embedding_dim` is the length of the encoder's vectors.
        num_codes: int >= 1, codes of an input. Defaults to 3.
        hidden_dim: int, channels of the convolutions and length of the
            embedding of the first stage's codes. Defaults to 128.
        num_residual_layers: int, residual blocks in the encoder and in the
            decoder. Defaults to 2.
        residual_hidden_dim: int, channels inside a residual block, and those
            that the fully connected layers see. Defaults to 32.
        downsampling: int, a power of two that divides the sizes of the first
            stage's codes, by which the convolutions shrink them; 1 for not at
            all. Defaults to 1.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        x: float or uint8 tensor `(batch, *input_shape)`, what the first stage
            takes.

    Returns:
        float32 tensor `(batch, *input_shape)`, the reconstruction through both
        stages.

    Raises:
        ValueError: If an argument is out of range, or `first_stage` has no map
            of codes, or several.

    Example:

    >>> first_stage = keras_vq.zoo.vqvae((32, 32, 3), hidden_dim=8)
    >>> quantizer = keras_vq.layers.VectorQuantizerEMA(512, 64)
    >>> model = keras_vq.models.StackedVQVAE(first_stage, quantizer)
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
        quantizer,
        num_codes=3,
        hidden_dim=128,
        num_residual_layers=2,
        residual_hidden_dim=32,
        downsampling=1,
        **kwargs,
    ):
        _check_first_stage(first_stage)
        super().__init__(first_stage.input_shape, **kwargs)
        sizes = {
            "hidden_dim": hidden_dim,
            "num_residual_layers": num_residual_layers,
            "residual_hidden_dim": residual_hidden_dim,
        }
        check_sizes(None, num_codes=num_codes, **sizes)
        if downsampling != 1:
            _check_downsampling(first_stage.code_shape, downsampling)
        self.num_codes = num_codes
        self.hidden_dim = hidden_dim
        self.num_residual_layers = num_residual_layers
        self.residual_hidden_dim = residual_hidden_dim
        self.downsampling = downsampling

        # === Networks ===
        first_stage.trainable = False
        for variable in first_stage.variables:
            # Not implied by the line above where it was so already.
            variable.trainable = False
        self.first_stage = first_stage
        self.embedding = layers.Embedding(
            first_stage.num_embeddings, hidden_dim, dtype=self.dtype_policy
        )
        self.embedding.build()
        flat_dim = num_codes * quantizer.embedding_dim
        self.encoder, self.decoder = encoder_decoder(
            "residual_cnn",
            (*first_stage.code_shape, hidden_dim),
            latent_dim=flat_dim,
            encoder_dim=flat_dim,
            decoder_dim=first_stage.num_embeddings,
            downsampling=downsampling,
            dtype=self.dtype_policy,
            **sizes,
        )
        self.add_quantizer(quantizer, (num_codes,))

        # === Metrics ===
        self.add_logs(
            "reconstruction_loss",
            "code_accuracy",
            *quantizer.loss_names,
            "bits",
        )
        self.code_metrics = code_metrics(quantizer)
        self.built = True

    def vectors_of(self, codes, training=False):
        """The vectors to quantize, from the first stage's codes.

        Args:
            codes: int tensor `(batch, *first_stage.code_shape)`.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, num_codes, embedding_dim)`.
        """
        z = self.encoder(self.embedding(codes), training=training)
        shape = (-1, self.num_codes, self.quantizer.embedding_dim)
        return ops.reshape(z, shape)

    def logits_of(self, quantized, training=False):
        """Logits of the first stage's codes.

        Args:
            quantized: float tensor `(batch, num_codes, embedding_dim)`.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, *first_stage.code_shape, K)`, with K the
            first stage's `num_embeddings`.
        """
        flat_dim = math.prod(quantized.shape[1:])
        flat = ops.reshape(quantized, (-1, flat_dim))
        return self.decoder(flat, training=training)

    def vectors_step(self, x):
        return (self.vectors_of(self.first_stage.encode_step(x)),)

    def decode_step(self, indices):
        logits = self.logits_of(self.quantizer.decode_indices(indices))
        return self.first_stage.decode_step(backend.argmax(logits))

    def losses_of(self, x, training):
        codes = self.first_stage.encode_step(x)
        outputs = self.quantizer(
            self.vectors_of(codes, training), training=training
        )
        logits = self.logits_of(outputs["quantized"], training)
        found = backend.argmax(logits)
        outputs["reconstruction_loss"] = mean(
            ops.sparse_categorical_crossentropy(codes, logits, from_logits=True)
        )
        outputs["loss"] = outputs["reconstruction_loss"] + outputs["loss"]
        outputs["code_accuracy"] = mean(ops.equal(found, codes))
        outputs["bits"] = self.code_bits
        outputs["reconstruction"] = self.first_stage.decode_step(found)
        return outputs["loss"], outputs

    def get_config(self):
        config = super().get_config()
        for name in ("input_shape", "likelihood", "data_variance"):
            del config[name]  # the first stage has them
        # Its optimizer has nothing left to do.
        first_stage = keras.saving.serialize_keras_object(self.first_stage)
        first_stage.pop("compile_config", None)
        return {
            **config,
            "first_stage": first_stage,
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "num_codes": self.num_codes,
            "hidden_dim": self.hidden_dim,
            "num_residual_layers": self.num_residual_layers,
            "residual_hidden_dim": self.residual_hidden_dim,
            "downsampling": self.downsampling,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            name: keras.saving.deserialize_keras_object(
                config[name], custom_objects
            )
            for name in ("first_stage", "quantizer")
        }
        return cls(**{**config, **parts})


def _check_first_stage(first_stage):
    received = f"a {type(first_stage).__name__}"
    if isinstance(first_stage, Tokenizer):
        maps = len(first_stage.code_maps)
        if maps == 1 and first_stage.depth == 1:
            return
        received += (
            f" with {maps} maps"
            if maps > 1
            else (f" with {first_stage.depth} codes a position")
        )
    raise ValueError(
        "`first_stage` must be a trained model with one map of codes, one a "
        f"position, such as keras_vq.models.VQVAE. Received: {received}"
    )


def _check_downsampling(code_shape, downsampling):
    try:
        check_sizes((*code_shape, 1), downsampling)
    except ValueError:
        raise ValueError(
            "`downsampling` must be a power of two that divides each size of "
            "the first stage's codes, or 1. Received: downsampling="
            f"{downsampling!r} and first_stage.code_shape={code_shape}"
        ) from None
