import keras
import numpy as np
from keras import ops

from keras_vq.checks import check_int
from keras_vq.checks import check_shape
from keras_vq.layers import CausalConv1D
from keras_vq.layers import CodeEmbedding
from keras_vq.networks.causal_network import CausalNetwork
from keras_vq.networks.conditioning import Conditioning
from keras_vq.ops.gated_activation import gated_activation
from keras_vq.saving.config import serializable


@serializable
class WaveNet(CausalNetwork):
    """A WaveNet for sequences of codes, especially of audio.

    Stacks of causal convolutions whose dilation doubles from 1, with gated
    activations, residual and skip connections. The label (global conditioning)
    and the condition (local conditioning) are added in each layer. `step`
    caches the earlier inputs that each layer still needs.

    Args:
        code_shape: tuple of int, `(time,)` or `(time, codes_per_position)`. Or
            `(time, stages)` with one code per position, for a sequence of
            all codes, one stage after the other.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        codes_per_position: int >= 1; see `CausalNetwork`. Defaults to 1.
        hidden_dim: int >= 2, channels of the residual connections. Defaults
            to 64.
        skip_dim: int >= 1, channels of the skip connections. Defaults to 128.
        num_stacks: int >= 1, number of stacks; dilations restart at 1 in each.
            Defaults to 2.
        num_layers: int >= 1, layers per stack; the last one has a dilation of
            `2 ** (num_layers - 1)`. Defaults to 6.
        kernel_size: int >= 2. Defaults to 2.
        condition_dim: int or None, channels of a condition, a float sequence
            `(*position_shape, condition_dim)` such as pitch, phonemes or a
            spectrogram, resampled to the rate of the codes. Defaults to None,
            no condition.
        condition_shape: tuple of int or None, shape of a condition of codes,
            `(steps,)` or `(steps, codes_per_step)`, where the steps divide the
            positions: the codes that the sequence is a decoder of. Defaults to
            None, no codes.
        num_condition_embeddings: int or None, number of values of those codes.
            Defaults to None.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        training: bool, ignored.

    Returns:
        float32 tensor `(batch, *position_shape, skip_dim)`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a
            sequence.

    Example:

    >>> network = keras_vq.networks.WaveNet((32,), 16, num_layers=3)
    >>> network(np.zeros((2, 32), int)).shape
    (2, 32, 128)

    References:
        van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016,
        sections 2.1 to 2.5.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        codes_per_position=1,
        hidden_dim=64,
        skip_dim=128,
        num_stacks=2,
        num_layers=6,
        kernel_size=2,
        condition_dim=None,
        condition_shape=None,
        num_condition_embeddings=None,
        **kwargs,
    ):
        super().__init__(
            code_shape,
            num_embeddings,
            num_classes,
            codes_per_position,
            **kwargs,
        )
        given = condition_shape, num_condition_embeddings
        if (None in given) != (given == (None, None)) or (
            condition_dim is not None and condition_shape is not None
        ):
            raise ValueError(
                "A condition is of floats, `condition_dim`, or of codes, "
                "`condition_shape` with `num_condition_embeddings`. Received: "
                f"{condition_dim=}, {condition_shape=}, "
                f"{num_condition_embeddings=}"
            )
        if len(self.position_shape) > 2 or len(self.code_shape) > 2:
            raise ValueError(
                "WaveNet models sequences of codes, (time,), or of several "
                "codes per time, (time, stages). Received: "
                f"code_shape={self.code_shape} with "
                f"codes_per_position={self.codes_per_position}"
            )
        self.hidden_dim = check_int("hidden_dim", hidden_dim, 2)
        self.skip_dim = check_int("skip_dim", skip_dim)
        self.num_stacks = check_int("num_stacks", num_stacks)
        self.num_layers = check_int("num_layers", num_layers)
        self.kernel_size = check_int("kernel_size", kernel_size, 2)
        self.condition_dim = condition_dim
        self.features_dim = self.skip_dim
        dtype = self.dtype_policy
        hidden = (None, self.num_positions, self.hidden_dim)

        # === Layers ===
        def dense(units, shape=hidden, **kwargs):
            layer = keras.layers.Dense(units, **{"dtype": dtype, **kwargs})
            layer.build(shape)
            return layer

        self.embedding = CodeEmbedding(
            self.num_embeddings,
            self.hidden_dim,
            self.codes_per_position,
            dtype=dtype,
        )
        # Stages whose codes follow one another.
        self.num_stages = (*self.position_shape, 1)[1]
        if self.num_stages > 1:
            self.stage_embedding = CodeEmbedding(
                self.num_stages, self.hidden_dim, dtype=dtype
            )
        if condition_dim is not None:
            self.condition_dim = check_int("condition_dim", condition_dim)
            self.condition_shape = (*self.position_shape, self.condition_dim)
            self.project_condition = dense(
                self.hidden_dim, (None, self.num_positions, self.condition_dim)
            )
        if condition_shape is not None:
            self._embed_condition(condition_shape, num_condition_embeddings)
        if self.num_classes is not None:
            self.label_embedding = keras.layers.Embedding(
                self.num_classes + 1, self.hidden_dim, dtype=dtype
            )
            self.label_embedding.build()
        self.convs = [
            CausalConv1D(
                2 * self.hidden_dim, self.kernel_size, 2**layer, dtype=dtype
            )
            for _ in range(self.num_stacks)
            for layer in range(self.num_layers)
        ]
        for conv in self.convs:
            conv.build(hidden)
        is_conditional = (
            self.num_classes is not None or self.condition_shape is not None
        )
        self.to_bias = [
            dense(2 * self.hidden_dim, use_bias=False)
            for _ in self.convs
            if is_conditional
        ]
        self.to_residual = [dense(self.hidden_dim) for _ in self.convs[1:]]
        self.to_skip = [dense(self.skip_dim) for _ in self.convs]
        skip = (None, self.num_positions, self.skip_dim)
        self.hidden = dense(self.skip_dim, skip, activation="relu")
        self.built = True

    def _embed_condition(self, condition_shape, num_condition_embeddings):
        self.condition_shape = check_shape("condition_shape", condition_shape)
        self.num_condition_embeddings = check_int(
            "num_condition_embeddings", num_condition_embeddings, 2
        )
        if (
            len(self.condition_shape) > 2
            or self.num_positions % self.condition_shape[0]
        ):
            raise ValueError(
                "A condition of codes must be (steps,) or (steps, "
                "codes_per_step), and the steps divide the positions. "
                f"Received: condition_shape={self.condition_shape} for "
                f"{self.num_positions} positions"
            )
        self.condition_embedding = CodeEmbedding(
            self.num_condition_embeddings,
            self.hidden_dim,
            (*self.condition_shape, 1)[1],
            dtype=self.dtype_policy,
        )

    def call(self, codes, conditioning=Conditioning(), training=False):
        x = ops.reshape(
            self.embedding(codes), (-1, self.num_positions, self.hidden_dim)
        )
        x = ops.pad(x, [[0, 0], [1, 0], [0, 0]])[:, :-1]
        if self.num_stages > 1:
            stages = np.arange(self.num_positions) % self.num_stages
            x = x + self.stage_embedding(stages)
        biases = self._biases(conditioning)
        convolutions = [
            lambda x, conv=conv, bias=bias: (
                conv(x) + ops.cast(self._at_all_positions(bias), x.dtype)
            )
            for conv, bias in zip(self.convs, biases, strict=True)
        ]
        features = self._network(x, convolutions)
        return ops.reshape(
            features, (-1, *self.position_shape, self.features_dim)
        )

    def initial_state(self, batch_size, conditioning=Conditioning()):
        biases = self._biases(conditioning)
        return {
            "caches": [conv.initial_cache(batch_size) for conv in self.convs],
            "biases": [ops.cast(bias, "float32") for bias in biases],
        }

    def step(self, position, codes, state):
        previous = self.embedding(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(position == 0, 0.0, ops.cast(previous, "float32"))
        if self.num_stages > 1:
            stage = self.stage_embedding.embeddings[position % self.num_stages]
            x = x + ops.cast(stage, "float32")
        caches = []

        def convolution(conv, cache, bias):
            def outputs(x):
                y, new = conv.step(x, cache, position)
                caches.append(new)
                # Steps of the condition take several positions.
                span = self.num_positions // bias.shape[1]
                return y + bias[:, position // span]

            return outputs

        convolutions = map(
            convolution, self.convs, state["caches"], state["biases"]
        )
        features = self._network(x, list(convolutions))
        return features, {**state, "caches": caches}

    def _biases(self, conditioning):
        """Biases of each layer that depend on the conditioning.

        Returns:
            list of tensors `(batch or 1, steps, 2 * hidden_dim)`; the steps
            divide the positions.
        """
        if not self.to_bias:
            zeros = ops.zeros((1, 1, 2 * self.hidden_dim), "float32")
            return [zeros] * len(self.convs)
        parts = []
        if self.num_classes is not None:
            parts.append(self.label_embedding(conditioning.labels)[:, None])
        if self.num_condition_embeddings is not None:
            parts.append(self.condition_embedding(conditioning.condition))
        if self.condition_dim is not None:
            condition = ops.reshape(
                conditioning.condition,
                (-1, self.num_positions, self.condition_dim),
            )
            parts.append(self.project_condition(condition))
        return [dense(sum(parts)) for dense in self.to_bias]

    def get_config(self):
        config = super().get_config()
        if self.condition_dim is not None:  # it determines the shape
            config["condition_shape"] = None
        return config

    def _at_all_positions(self, bias):
        """Repeat the bias of each step for its positions."""
        if bias.shape[1] == 1:
            return bias
        return ops.repeat(bias, self.num_positions // bias.shape[1], axis=1)

    def _network(self, x, convolutions):
        skips = 0.0
        for i, convolution in enumerate(convolutions):
            gated = gated_activation(convolution(x))
            skips += self.to_skip[i](gated)
            if i < len(self.to_residual):
                x += ops.cast(self.to_residual[i](gated), x.dtype)
        return ops.cast(self.hidden(ops.relu(skips)), "float32")
