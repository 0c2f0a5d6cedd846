import math

import keras
from keras import ops

from keras_vq import backend
from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_cost
from keras_vq.ops.mean import mean
from keras_vq.ops.straight_through import straight_through

# Where schedules end that decay to 0, by which nothing can be divided.
LEAST_TEMPERATURE = 0.01


@keras.saving.register_keras_serializable(package="keras_vq")
class GumbelQuantizer(Quantizer):
    """Draws a code by a relaxed softmax, through which gradients flow.

    ```
    logits    = z @ kernel + bias                           K of them
    soft      = softmax((logits + noise) / temperature)     noise = -log(-log u)
    quantized = onehot(argmax(soft)) @ embeddings           d onehot := d soft
    kl_loss   = mean over vectors of KL(softmax(logits) | uniform)
    loss      = kl_cost * kl_loss
    ```

    in training; otherwise `argmax(logits)`, without noise. With `hard=False`
    training mixes the codes by `soft` itself. Encoder, kernel and codebook all
    learn by the gradient at `quantized`; the KL to the uniform distribution, in
    nats, keeps the choice open. The temperature may follow a schedule of
    `keras.optimizers.schedules` over training steps, which the layer counts.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of `z` and of a code, D.
        temperature: float > 0 or a learning rate schedule of Keras, of which
            values under 0.01 count as 0.01. Defaults to 1.0.
        kl_cost: float >= 0. Defaults to 5e-4.
        hard: bool, whether training uses one code, not a mixture. Defaults to
            True.
        embeddings_initializer: Initializer of the codebook. Defaults to
            `"random_normal"`.
        seed: int or None, of the noise. Defaults to None.
        add_losses: See `Quantizer`.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Defaults to None.
        training: bool, whether to draw, and to count the step.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`.
        `indices`: int32, shape of `z` without its last axis; in training those
            that were drawn.
        `loss`: float32 scalar, weighted.
        `kl_loss`: float32 scalar, not weighted.

    Raises:
        ValueError: If an argument is out of range, if the last axis of `z` is
            not `embedding_dim`, or `mask` has another shape than the positions.

    Example:

    >>> schedule = keras.optimizers.schedules.CosineDecay(1.0, 1000, alpha=0.1)
    >>> layer = keras_vq.layers.GumbelQuantizer(512, 16, temperature=schedule)
    >>> outputs = layer(np.random.normal(size=(2, 5, 16)), training=True)
    >>> outputs["quantized"].shape, sorted(outputs)
    ((2, 5, 16), ['indices', 'kl_loss', 'loss', 'quantized'])

    References:
        Jang et al., Categorical Reparameterization with Gumbel-Softmax, 2017,
        section 2.2. Ramesh et al., Zero-Shot Text-to-Image Generation, 2021,
        section 2.1.
    """

    loss_names = ("kl_loss",)

    def __init__(
        self,
        num_embeddings,
        embedding_dim,
        temperature=1.0,
        kl_cost=5e-4,
        hard=True,
        embeddings_initializer="random_normal",
        seed=None,
        **kwargs,
    ):
        super().__init__(num_embeddings, embedding_dim, **kwargs)
        if isinstance(temperature, dict):
            temperature = keras.saving.deserialize_keras_object(temperature)
        self.schedule = temperature if callable(temperature) else None
        start = temperature(0) if self.schedule else temperature
        if not float(start) > 0:
            raise ValueError(
                "`temperature` must be positive. Received: temperature="
                f"{float(start)}{' at step 0' if self.schedule else ''}"
            )
        check_cost("kl_cost", kl_cost)
        self.temperature = temperature
        self.kl_cost = kl_cost
        self.hard = hard
        self.embeddings_initializer = keras.initializers.get(
            embeddings_initializer
        )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape=None):
        if self.built:
            return
        k, dim = self.num_embeddings, self.embedding_dim
        weight = {"dtype": "float32", "autocast": False}
        self.kernel = self.add_weight(
            name="kernel",
            shape=(dim, k),
            initializer="glorot_uniform",
            **weight,
        )
        self.bias = self.add_weight(
            name="bias", shape=(k,), initializer="zeros", **weight
        )
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(k, dim),
            initializer=self.embeddings_initializer,
            **weight,
        )
        self.steps = self.add_weight(
            name="steps",
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.built = True

    def outputs_of(self, z, mask, training):
        logits = self._logits(ops.cast(z, "float32"))
        kl_loss = self._kl(logits, mask)
        if training:
            choice = self._drawn(logits)
            indices = backend.argmax(choice)
            if self.hard:
                # The one-hot to the bit: its product is a code exactly.
                onehot = ops.one_hot(indices, self.num_embeddings)
                choice = straight_through(choice, onehot)
            quantized = ops.matmul(choice, self.embeddings)
            self.steps.assign_add(1)
        else:
            indices = backend.argmax(logits)
            quantized = self.codes_of(indices)
        return {
            "quantized": ops.cast(quantized, z.dtype),
            "indices": indices,
            "loss": self.kl_cost * kl_loss,
            "kl_loss": kl_loss,
        }

    def current_temperature(self):
        """float32 scalar, the temperature of the next training step."""
        if self.schedule is None:
            return ops.convert_to_tensor(self.temperature, "float32")
        temperature = self.schedule(ops.copy(self.steps))
        return ops.maximum(ops.cast(temperature, "float32"), LEAST_TEMPERATURE)

    def _drawn(self, logits):
        u = keras.random.uniform(
            ops.shape(logits), 1e-20, 1.0, seed=self.seed_generator
        )
        noisy = logits - ops.log(-ops.log(u))
        return ops.softmax(noisy / self.current_temperature(), axis=-1)

    def _kl(self, logits, mask):
        log_p = ops.log_softmax(logits, axis=-1)
        kl = ops.sum(ops.exp(log_p) * log_p, axis=-1)
        return mean(kl + math.log(self.num_embeddings), mask)

    def _logits(self, z):
        return ops.matmul(z, self.kernel) + self.bias

    def indices_of(self, z):
        return backend.argmax(self._logits(z))

    def codes_of(self, indices):
        embeddings = ops.convert_to_tensor(self.embeddings)
        return ops.take(embeddings, indices, axis=0)

    def get_config(self):
        temperature = self.temperature
        if self.schedule is not None:
            temperature = keras.saving.serialize_keras_object(temperature)
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "temperature": temperature,
            "kl_cost": self.kl_cost,
            "hard": self.hard,
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
            "seed": self.seed,
        }
