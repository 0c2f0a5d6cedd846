import keras
from keras import ops

from keras_vq.layers.quantizer import Quantizer
from keras_vq.layers.quantizer import check_at_least
from keras_vq.layers.quantizer import check_cost
from keras_vq.ops.binary_entropy import binary_entropy
from keras_vq.ops.code_distribution import code_distribution
from keras_vq.ops.mean import mean
from keras_vq.ops.straight_through import straight_through
from keras_vq.ops.unit import unit

# Of a code whose probabilities, two to that power, are computed.
MOST_BITS = 20


@keras.saving.register_keras_serializable(package="keras_vq")
class LookupFreeQuantizer(Quantizer):
    """Keeps the sign of each channel: a code is as many bits as there are D.

    ```
    quantized       = scale * sign(z)         sign(0) = -1, scale = 1
    index           = sum_d 2**d * (z[d] > 0)
    p[d]            = sigmoid(4 * inverse_temperature * scale * z[d])
    sample_entropy  = mean over vectors of sum_d H(p[d])
    batch_entropy   = H(mean over vectors of the codes' probabilities)
    commitment_loss = mean((z - stop_gradient(quantized)) ** 2)
    loss            = entropy_cost * (sample_entropy
                                      - diversity * batch_entropy)
                      + commitment_cost * commitment_loss
    ```

    in nats, the gradient at `quantized` being copied to `z`. `p` are the bits
    of the softmax of `-inverse_temperature * |z - code|^2` over all 2^D codes:
    its bits are independent, so that the sum over bits is the entropy over
    codes exactly, without a table of them. The first term makes each choice
    sure, the second makes all codes occur.

    With `spherical=True` vectors are first divided by their length and `scale`
    is 1 / sqrt(D), so that both sides are on the unit sphere (binary spherical
    quantization). There, and with more than 20 bits, the entropy of the batch
    is that of independent bits, `sum_d H(mean over vectors of p[d])`: an upper
    bound, which does not see bits that always agree.

    Args:
        embedding_dim: int from 1 to 30, bits of a code, D; `num_embeddings` is
            2^D.
        entropy_cost: float >= 0, weight of the entropies. Defaults to 0.1.
        diversity: float >= 0, weight of the batch's entropy among them.
            Defaults to 1.0.
        commitment_cost: float >= 0. Defaults to 0.25.
        inverse_temperature: float > 0, of the softmax. Defaults to 1.0.
        spherical: bool. Defaults to False.
        add_losses: See `Quantizer`.
        **kwargs: `name`, `dtype` and others of `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True where a position is valid, or None if
            all are. Defaults to None.
        training: bool; changes nothing here.

    Returns:
        dict:
        `quantized`: shape and dtype of `z`.
        `indices`: int32, shape of `z` without its last axis.
        `loss`: float32 scalar, weighted.
        `sample_entropy`, `batch_entropy`, `commitment_loss`: float32 scalars,
            not weighted.

    Raises:
        ValueError: If an argument is out of range, if the last axis of `z` is
            not `embedding_dim`, or `mask` has another shape than the positions.

    Example:

    >>> layer = keras_vq.layers.LookupFreeQuantizer(embedding_dim=3)
    >>> outputs = layer(np.array([[0.4, -2.0, 0.1]], "float32"))
    >>> outputs["quantized"], outputs["indices"]
    (array([[ 1., -1.,  1.]], dtype=float32), array([5], dtype=int32))

    References:
        Yu et al., Language Model Beats Diffusion - Tokenizer is Key to Visual
        Generation, 2023, section 3.1. Zhao et al., Image and Video Tokenization
        with Binary Spherical Quantization, 2024, section 4.
    """

    loss_names = ("sample_entropy", "batch_entropy", "commitment_loss")

    def __init__(
        self,
        embedding_dim,
        entropy_cost=0.1,
        diversity=1.0,
        commitment_cost=0.25,
        inverse_temperature=1.0,
        spherical=False,
        **kwargs,
    ):
        check_at_least("embedding_dim", embedding_dim, 1)
        if embedding_dim > 30:
            raise ValueError(
                "`embedding_dim` must be at most 30, to fit in an int32 index. "
                f"Received: embedding_dim={embedding_dim}. Use several groups: "
                "GroupedVectorQuantizer(LookupFreeQuantizer(bits), num_groups)."
            )
        super().__init__(2**embedding_dim, embedding_dim, **kwargs)
        check_cost("entropy_cost", entropy_cost)
        check_cost("diversity", diversity)
        check_cost("commitment_cost", commitment_cost)
        if not inverse_temperature > 0:
            raise ValueError(
                "`inverse_temperature` must be positive. Received: "
                f"inverse_temperature={inverse_temperature}"
            )
        self.entropy_cost = entropy_cost
        self.diversity = diversity
        self.commitment_cost = commitment_cost
        self.inverse_temperature = inverse_temperature
        self.spherical = spherical
        self.scale = embedding_dim**-0.5 if spherical else 1.0

    def outputs_of(self, z, mask, training):
        vectors = ops.cast(z, "float32")
        vectors = unit(vectors) if self.spherical else vectors
        bits = ops.stop_gradient(vectors) > 0
        codes = self._signs(bits)
        quantized = straight_through(vectors, codes)
        return {
            "quantized": ops.cast(quantized, z.dtype),
            "indices": self._index(bits),
            **self.losses_of(vectors, codes, mask),
        }

    def losses_of(self, vectors, codes, mask):
        """Weighted sum and parts of the loss, of float32 vectors."""
        logits = 4.0 * self.inverse_temperature * self.scale * vectors
        # Means of bits are over vectors: sums of means over values and bits.
        sample_entropy = self.embedding_dim * mean(binary_entropy(logits), mask)
        batch_entropy = self.batch_entropy(ops.sigmoid(logits), mask)
        commitment_loss = mean(ops.square(vectors - codes), mask)
        return {
            "loss": self.entropy_cost
            * (sample_entropy - self.diversity * batch_entropy)
            + self.commitment_cost * commitment_loss,
            "sample_entropy": sample_entropy,
            "batch_entropy": batch_entropy,
            "commitment_loss": commitment_loss,
        }

    def batch_entropy(self, p, mask):
        """Entropy of the codes of all vectors, from their bits `(..., D)`."""
        p = ops.reshape(p, (-1, self.embedding_dim))
        counted = ops.ones_like(p[:, 0])
        if mask is not None:
            counted = ops.reshape(ops.cast(mask, "float32"), (-1,))
        if self.spherical or self.embedding_dim > MOST_BITS:
            p = ops.sum(counted[:, None] * p, axis=0)
            p = p / ops.maximum(ops.sum(counted), 1.0)
            # What does not count has no entropy, as a sure bit has none.
            p = ops.stack([p, 1.0 - p])
            p = ops.where(ops.sum(counted) > 0, p, 0.0)
        else:
            p = code_distribution(p, counted)
        # Away from 0, where the logarithm has no derivative.
        return -ops.sum(p * ops.log(ops.maximum(p, 1e-30)))

    def indices_of(self, z):
        return self._index(z > 0)

    def codes_of(self, indices):
        indices = ops.cast(indices, "int32")[..., None]
        bits = ops.mod(ops.floor_divide(indices, self._places()), 2) > 0
        return self._signs(bits)

    def _signs(self, bits):
        return ops.where(bits, self.scale, -self.scale)

    def _index(self, bits):
        return ops.sum(ops.cast(bits, "int32") * self._places(), axis=-1)

    def _places(self):
        places = [2**d for d in range(self.embedding_dim)]
        return ops.convert_to_tensor(places, "int32")

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "entropy_cost": self.entropy_cost,
            "diversity": self.diversity,
            "commitment_cost": self.commitment_cost,
            "inverse_temperature": self.inverse_temperature,
            "spherical": self.spherical,
        }
