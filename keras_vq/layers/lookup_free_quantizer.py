from keras import ops

from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.checks import check_number
from keras_vq.layers.quantizer import Quantizer
from keras_vq.ops.binary_entropy import binary_entropy
from keras_vq.ops.code_distribution import code_distribution
from keras_vq.ops.l2_normalize import l2_normalize
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.ops.straight_through import straight_through
from keras_vq.saving.config import serializable

# Maximum number of bits for computing the probabilities of all codes.
MAX_EXACT_BITS = 20


@serializable
class LookupFreeQuantizer(Quantizer):
    """Quantizes each channel to its sign, so that a code is D bits.

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

    with entropies in nats. The gradient with respect to `quantized` is copied
    to `z`. `p[d]` is the probability of bit d under the softmax of
    `-inverse_temperature * |z - code|^2` over all 2^D codes. The bits are
    independent, so the sum over bits is the exact entropy over codes, without
    enumerating them. Minimizing the sample entropy makes each choice confident;
    maximizing the batch entropy makes all codes occur.

    With `spherical=True`, vectors are first scaled to length 1 and `scale` is
    1 / sqrt(D), so that `z` and `quantized` are on the unit sphere (binary
    spherical quantization). Then, and with more than 20 bits, the batch entropy
    treats the bits as independent, `sum_d H(mean over vectors of p[d])`. This
    is an upper bound that ignores correlations between bits.

    Args:
        embedding_dim: int from 1 to 30, bits per code, D; `num_embeddings` is
            2^D.
        entropy_cost: float >= 0, weight of the entropies. Defaults to 0.1.
        diversity: float >= 0, weight of the batch entropy relative to the
            sample entropy. Defaults to 1.0.
        commitment_cost: float >= 0, weight of the commitment loss. Defaults to
            0.25.
        inverse_temperature: float > 0, inverse temperature of the softmax.
            Defaults to 1.0.
        spherical: bool, whether to use binary spherical quantization. Defaults
            to False.
        **kwargs: `add_losses` of `Quantizer`, and keyword arguments of
            `keras.layers.Layer`.

    Call arguments:
        z: float tensor `(..., embedding_dim)` of rank >= 2; may be empty.
        mask: bool tensor `(...)`, True for valid positions, or None if all
            are valid. Defaults to None.
        training: bool, ignored.

    Returns:
        dict:
        `quantized`: tensor of the shape and dtype of `z`.
        `indices`: int32 tensor of the shape of `z` without its last axis.
        `loss`: float32 scalar, weighted.
        `sample_entropy`, `batch_entropy`, `commitment_loss`: float32 scalars,
            unweighted.

    Raises:
        ValueError: If an argument is out of range, if the last axis of `z` is
            not `embedding_dim`, or if the shape of `mask` does not match the
            positions.

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
        bits = check_int("embedding_dim", embedding_dim)
        if bits > 30:
            raise ValueError(
                "`embedding_dim` must be at most 30, to fit in an int32 index. "
                f"Received: embedding_dim={embedding_dim}. Use several groups: "
                "GroupedVectorQuantizer(LookupFreeQuantizer(bits), num_groups)."
            )
        super().__init__(2**bits, bits, **kwargs)
        self.entropy_cost = check_number(
            "entropy_cost", entropy_cost, at_least=0
        )
        self.diversity = check_number("diversity", diversity, at_least=0)
        self.commitment_cost = check_number(
            "commitment_cost", commitment_cost, at_least=0
        )
        self.inverse_temperature = check_number(
            "inverse_temperature", inverse_temperature, above=0
        )
        self.spherical = check_flag("spherical", spherical)
        self.scale = embedding_dim**-0.5 if spherical else 1.0

    def call(self, z, mask=None, training=False):
        z, mask = self.prepare(z, mask)
        vectors = ops.cast(z, "float32")
        vectors = l2_normalize(vectors) if self.spherical else vectors
        bits = ops.stop_gradient(vectors) > 0
        codes = self._signs(bits)
        quantized = straight_through(vectors, codes)
        losses = self.compute_losses(vectors, codes, mask)
        return self.results(z, quantized, self._index(bits), losses)

    def compute_losses(self, vectors, codes, mask):
        """Compute the loss and its parts from float32 `vectors`."""
        logits = 4.0 * self.inverse_temperature * self.scale * vectors
        # The mean over vectors of the sum over bits.
        sample_entropy = self.embedding_dim * masked_mean(
            binary_entropy(logits), mask
        )
        batch_entropy = self.batch_entropy(ops.sigmoid(logits), mask)
        commitment_loss = masked_mean(ops.square(vectors - codes), mask)
        return {
            "loss": self.entropy_cost
            * (sample_entropy - self.diversity * batch_entropy)
            + self.commitment_cost * commitment_loss,
            "sample_entropy": sample_entropy,
            "batch_entropy": batch_entropy,
            "commitment_loss": commitment_loss,
        }

    def batch_entropy(self, p, mask):
        """Entropy of a batch's codes, from bit probabilities `(..., D)`."""
        p = ops.reshape(p, (-1, self.embedding_dim))
        weights = ops.ones_like(p[:, 0])
        if mask is not None:
            weights = ops.reshape(ops.cast(mask, "float32"), (-1,))
        if self.spherical or self.embedding_dim > MAX_EXACT_BITS:
            p = ops.sum(weights[:, None] * p, axis=0)
            p = p / ops.maximum(ops.sum(weights), 1.0)
            p = ops.stack([p, 1.0 - p])
            # The entropy of a batch without valid vectors is 0.
            p = ops.where(ops.sum(weights) > 0, p, 0.0)
        else:
            p = code_distribution(p, weights)
        # Avoid 0, where the logarithm has no derivative.
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
