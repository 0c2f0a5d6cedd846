import math

import keras
from keras import ops

from keras_vq import backend
from keras_vq.checks import check_flag
from keras_vq.checks import check_number
from keras_vq.checks import check_seed
from keras_vq.layers.quantizer import Quantizer
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.ops.straight_through import straight_through
from keras_vq.saving.config import serializable

# Lower bound for schedules, since logits are divided by the temperature.
MIN_TEMPERATURE = 0.01


@serializable
class GumbelQuantizer(Quantizer):
    """Samples codes with the Gumbel-softmax relaxation.

    In training:

    ```
    logits    = z @ kernel + bias                           K of them
    soft      = softmax((logits + noise) / temperature)     noise = -log(-log u)
    quantized = onehot(argmax(soft)) @ embeddings           d onehot := d soft
    kl_loss   = mean over vectors of KL(softmax(logits) | uniform)
    loss      = kl_cost * kl_loss
    ```

    At inference, the index is `argmax(logits)`, without noise. With
    `hard=False`, `quantized` is `soft @ embeddings` in training. The gradient
    with respect to `quantized` trains the encoder, the kernel and the codebook.
    The KL divergence from the uniform distribution, in nats, encourages the use
    of all codes. The temperature can follow a schedule of
    `keras.optimizers.schedules`; the layer counts the training steps.

    Args:
        num_embeddings: int >= 2, number of codes, K.
        embedding_dim: int >= 1, length of `z` and of a code, D.
        temperature: float > 0 or a `LearningRateSchedule`, whose values are
            clipped to at least 0.01. Defaults to 1.0.
        kl_cost: float >= 0, weight of the KL divergence. Defaults to 5e-4.
        hard: bool, whether training uses one code instead of a mixture.
            Defaults to True.
        embeddings_initializer: Initializer of the codebook. Defaults to
            `"random_normal"`.
        seed: int or None, random seed of the noise. Defaults to None.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, whether to sample codes and count the step. Defaults to
            False.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` without its last axis,
            sampled in training.
        `loss`: float32 scalar, weighted.
        `kl_loss`: float32 scalar, unweighted.

    Raises:
        ValueError: If an argument is out of range, if the last axis of `z` is
            not `embedding_dim`, or if the shape of `mask` does not match the
            positions.

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
        self.temperature = temperature
        self.is_scheduled = callable(temperature)
        start = float(temperature(0)) if self.is_scheduled else temperature
        check_number("temperature", start, above=0)
        self.kl_cost = check_number("kl_cost", kl_cost, at_least=0)
        self.hard = check_flag("hard", hard)
        self.embeddings_initializer = keras.initializers.get(
            embeddings_initializer
        )
        self.seed = check_seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
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

    def call(self, z, mask=None, training=False):
        training = training and self.trainable
        z, mask = self.prepare(z, mask)
        logits = self._logits(ops.cast(z, "float32"))
        kl_loss = self._kl(logits, mask)
        if training:
            choice = self._draw(logits)
            indices = backend.argmax(choice)
            if self.hard:
                # Exactly one-hot, so that `quantized` is exactly a code.
                onehot = ops.one_hot(indices, self.num_embeddings)
                choice = straight_through(choice, onehot)
            quantized = ops.matmul(choice, self.embeddings)
            self.steps.assign_add(1)
        else:
            indices = backend.argmax(logits)
            quantized = self.codes_of(indices)
        losses = {"loss": self.kl_cost * kl_loss, "kl_loss": kl_loss}
        return self.results(z, quantized, indices, losses)

    def current_temperature(self):
        """Temperature of the next training step, float32 scalar."""
        if not self.is_scheduled:
            return ops.convert_to_tensor(self.temperature, "float32")
        temperature = self.temperature(ops.copy(self.steps))
        return ops.maximum(ops.cast(temperature, "float32"), MIN_TEMPERATURE)

    def _draw(self, logits):
        u = keras.random.uniform(
            ops.shape(logits), 1e-20, 1.0, seed=self.seed_generator
        )
        noisy = logits - ops.log(-ops.log(u))
        return ops.softmax(noisy / self.current_temperature(), axis=-1)

    def _kl(self, logits, mask):
        log_p = ops.log_softmax(logits, axis=-1)
        kl = ops.sum(ops.exp(log_p) * log_p, axis=-1)
        return masked_mean(kl + math.log(self.num_embeddings), mask)

    def _logits(self, z):
        return ops.matmul(z, self.kernel) + self.bias

    def indices_of(self, z):
        return backend.argmax(self._logits(z))

    def codes_of(self, indices):
        embeddings = ops.convert_to_tensor(self.embeddings)
        return ops.take(embeddings, indices, axis=0)
