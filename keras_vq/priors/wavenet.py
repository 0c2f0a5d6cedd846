import keras
from keras import layers
from keras import ops

from keras_vq.layers import CausalConv1D
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.ops.gated_activation import gated_activation
from keras_vq.priors.autoregressive_prior import AutoregressivePrior
from keras_vq.priors.code_embedding import CodeEmbedding


@keras.saving.register_keras_serializable(package="keras_vq")
class WaveNet(AutoregressivePrior):
    """A WaveNet of sequences of codes, of audio above all.

    Stacks of causal convolutions whose dilation doubles from 1, with gated
    activations, residual and skip connections; label (global conditioning) and
    condition (local conditioning) are added in each. Drawing keeps of each
    layer the inputs that are still reached.

    Args:
        code_shape: tuple of one int, `(time,)`, or `(time, depth)`.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of labels the model is conditioned on.
            Defaults to None.
        hidden_dim: int >= 2, channels of the residual connections. Defaults
            to 64.
        skip_dim: int >= 1, channels of the skip connections. Defaults to 128.
        num_stacks: int >= 1, how often the dilations begin anew. Defaults to
            2.
        num_layers: int >= 1, layers of a stack: the last one's dilation is
            `2 ** (num_layers - 1)`. Defaults to 6.
        kernel_size: int >= 2. Defaults to 2.
        condition_dim: int or None, channels of a float sequence `(time,
            condition_dim)` that it is told with each example: pitch, phonemes,
            a spectrogram, brought to the rate of the codes. Defaults to None.
        **kwargs: `depth`, `output`, `label_dropout`, `seed`, `name` and others
            of `keras_vq.priors.AutoregressivePrior`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a
            sequence.

    Example:

    >>> prior = keras_vq.priors.WaveNet((32,), 16, num_classes=10)
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 32))
    >>> history = prior.fit(codes, np.arange(8), verbose=0)
    >>> prior.generate(2, labels=[3, 7], seed=0).shape
    (2, 32)

    References:
        van den Oord et al., WaveNet: A Generative Model for Raw Audio, 2016,
        sections 2.1 to 2.5.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        hidden_dim=64,
        skip_dim=128,
        num_stacks=2,
        num_layers=6,
        kernel_size=2,
        condition_dim=None,
        **kwargs,
    ):
        super().__init__(code_shape, num_embeddings, num_classes, **kwargs)
        if len(self.position_shape) != 1:
            raise ValueError(
                "WaveNet models sequences of codes, (time,). Received: "
                f"code_shape={self.code_shape} and depth={self.depth}"
            )
        check_sizes(
            None,
            hidden_dim=hidden_dim,
            skip_dim=skip_dim,
            num_stacks=num_stacks,
            num_layers=num_layers,
        )
        if not isinstance(kernel_size, int) or kernel_size < 2:
            raise ValueError(
                "`kernel_size` must be an integer >= 2. Received: "
                f"kernel_size={kernel_size!r}"
            )
        self.hidden_dim = hidden_dim
        self.skip_dim = skip_dim
        self.num_stacks = num_stacks
        self.num_layers = num_layers
        self.kernel_size = kernel_size
        self.condition_dim = condition_dim
        dtype = self.dtype_policy
        hidden = (None, *self.position_shape, hidden_dim)

        def dense(units, shape=hidden, **kwargs):
            layer = layers.Dense(units, **{"dtype": dtype, **kwargs})
            layer.build(shape)
            return layer

        self.embed = CodeEmbedding(
            num_embeddings, hidden_dim, self.depth, dtype=dtype
        )
        if condition_dim is not None:
            check_sizes(None, condition_dim=condition_dim)
            self.condition_shape = (*self.position_shape, condition_dim)
            self.to_condition = dense(hidden_dim, (None, *self.condition_shape))
        if num_classes:
            self.embed_label = layers.Embedding(
                self.num_label_embeddings, hidden_dim, dtype=dtype
            )
            self.embed_label.build()
        self.convs = [
            CausalConv1D(2 * hidden_dim, kernel_size, 2**layer, dtype=dtype)
            for _ in range(num_stacks)
            for layer in range(num_layers)
        ]
        for conv in self.convs:
            conv.build(hidden)
        self.tell = [
            dense(2 * hidden_dim, use_bias=False)
            for _ in self.convs
            if num_classes or condition_dim is not None
        ]
        self.to_residual = [dense(hidden_dim) for _ in self.convs[1:]]
        self.to_skip = [dense(skip_dim) for _ in self.convs]
        skip = (None, *self.position_shape, skip_dim)
        self.hidden = dense(skip_dim, skip, activation="relu")
        self.code_head = self.make_head(skip_dim)
        self.built = True

    def features_of(self, codes, labels, training, condition=None):
        x = ops.pad(self.embed(codes), [[0, 0], [1, 0], [0, 0]])[:, :-1]
        told = self._told(labels, condition)
        convolutions = [
            lambda x, conv=conv, t=t: conv(x) + ops.cast(t, x.dtype)
            for conv, t in zip(self.convs, told, strict=True)
        ]
        return self._network(x, convolutions)

    def initial_state(self, batch_size, labels, condition=None):
        told = self._told(labels, condition)
        return {
            "caches": [conv.initial_cache(batch_size) for conv in self.convs],
            "told": [ops.cast(t, "float32") for t in told],
        }

    def next_features(self, position, codes, state):
        before = self.embed(codes[:, ops.maximum(position - 1, 0)])
        x = ops.where(position == 0, 0.0, ops.cast(before, "float32"))
        caches = []

        def step(conv, cache, told):
            def outputs(x):
                y, new = conv.step(x, cache, position)
                caches.append(new)
                return y + told[:, position if told.shape[1] > 1 else 0]

            return outputs

        steps = map(step, self.convs, state["caches"], state["told"])
        features = self._network(x, list(steps))
        return features, {**state, "caches": caches}

    def _told(self, labels, condition):
        """What label and condition add in each layer, `(batch or 1, time or 1,
        2 * hidden_dim)`."""
        if not self.tell:
            return [ops.zeros((1, 1, 2 * self.hidden_dim))] * len(self.convs)
        told = []
        if labels is not None:
            told.append(self.embed_label(labels)[:, None])
        if condition is not None:
            told.append(self.to_condition(condition))
        return [dense(sum(told)) for dense in self.tell]

    def _network(self, x, convolutions):
        skips = 0.0
        for i, convolution in enumerate(convolutions):
            gated = gated_activation(convolution(x))
            skips += self.to_skip[i](gated)
            if i < len(self.to_residual):
                x += ops.cast(self.to_residual[i](gated), x.dtype)
        return ops.cast(self.hidden(ops.relu(skips)), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "skip_dim": self.skip_dim,
            "num_stacks": self.num_stacks,
            "num_layers": self.num_layers,
            "kernel_size": self.kernel_size,
            "condition_dim": self.condition_dim,
        }
