import keras
from keras import ops

from keras_vq import backend
from keras_vq.layers.masked_conv import check_mask
from keras_vq.ops.dense import dense
from keras_vq.ops.gated_activation import gated_activation
from keras_vq.saving.config import serializable


@serializable
class GatedMaskedConv(backend.LayerMixin, keras.layers.Layer):
    """Gated masked convolution with two stacks and no blind spot.

    The vertical stack sees the rows above. The horizontal stack sees the
    positions to the left in the same row and, through a link from the vertical
    stack, the rows above:

    `v' = gate(vertical(v) + V c)`
    `h' = mix(gate(horizontal(h) + link(vertical(v)) + H c)) + h`

    with `gate(a, b) = tanh(a) * sigmoid(b)` and the condition c. With mask A,
    for the first layer, the vertical stack sees rows strictly above, the
    horizontal stack sees positions strictly to the left, and `+ h` is omitted.
    With mask B, both also see the current position. Kernels are cropped to the
    unmasked part.

    During generation, `start_row` and `step` compute the layer for one row and
    one position, from caches of earlier inputs.

    The first call, or `build`, creates the variables: their sizes follow from
    the input.

    Args:
        filters: int, channels of each stack; with mask B, equal to the input
            channels.
        kernel_size: odd int. Defaults to 3.
        mask_type: `"A"` or `"B"`. Defaults to `"B"`.

    Call arguments:
        stacks: Two float tensors `(batch, height, width, channels)`, the
            vertical and the horizontal stack.
        condition: float tensor `(batch, height or 1, width or 1,
            condition_dim)` or None.

    Returns:
        Two float tensors `(batch, height, width, filters)`, the stacks.

    Raises:
        ValueError: If `kernel_size` is even or `mask_type` is unknown.

    Example:

    >>> layer = keras_vq.layers.GatedMaskedConv(16, 5, mask_type="A")
    >>> x = np.ones((2, 8, 8, 4))
    >>> vertical, horizontal = layer((x, x))
    >>> horizontal.shape
    (2, 8, 8, 16)

    References:
        van den Oord et al., Conditional Image Generation with PixelCNN
        Decoders, 2016, sections 2.2 to 2.4.
    """

    def __init__(self, filters, kernel_size=3, mask_type="B", **kwargs):
        super().__init__(**kwargs)
        check_mask(kernel_size, mask_type)
        self.filters = filters
        self.kernel_size = kernel_size
        self.mask_type = mask_type
        # Number of rows, or positions in a row, that a kernel covers, up to the
        # previous one for mask A or the current one for mask B.
        self.reach = kernel_size // 2 + (mask_type == "B")

    def build(self, stacks_shape, condition_shape=None):
        channels, filters = stacks_shape[0][-1], self.filters

        def kernel(name, *shape):
            return self.add_weight(
                name=name, shape=shape, initializer="glorot_uniform"
            )

        self.vertical = kernel(
            "vertical", self.reach, self.kernel_size, channels, 2 * filters
        )
        self.horizontal = kernel(
            "horizontal", 1, self.reach, channels, 2 * filters
        )
        self.link = kernel("link", 2 * filters, 2 * filters)
        self.mix = kernel("mix", filters, filters)

        def bias(name, dim):
            return self.add_weight(name=name, shape=(dim,), initializer="zeros")

        self.vertical_bias = bias("vertical_bias", 2 * filters)
        self.horizontal_bias = bias("horizontal_bias", 2 * filters)
        self.mix_bias = bias("mix_bias", filters)
        if condition_shape is not None:
            condition_dim = condition_shape[-1]
            self.to_vertical = kernel("to_vertical", condition_dim, 2 * filters)
            self.to_horizontal = kernel(
                "to_horizontal", condition_dim, 2 * filters
            )
        self.built = True

    def call(self, stacks, condition=None):
        vertical, horizontal = stacks
        height, width = vertical.shape[1:3]
        before = [self.kernel_size // 2, 0]
        rows = ops.pad(vertical, [[0, 0], before, [0, 0], [0, 0]])
        v = self._vertical(rows)[:, :height]
        columns = ops.pad(horizontal, [[0, 0], [0, 0], before, [0, 0]])
        h = _conv(columns, self.horizontal)[:, :, :width]
        if condition is not None:
            v += dense(condition, self.to_vertical)
            h += dense(condition, self.to_horizontal)
        return gated_activation(v), self._horizontal(h, v, horizontal)

    def initial_row_cache(self, batch_size, width, channels):
        """Zeros, for the rows above the first row."""
        shape = (batch_size, self.reach - 1, width, channels)
        return ops.zeros(shape, "float32")

    def initial_cache(self, batch_size, channels):
        """Zeros, for the positions to the left of the first position."""
        shape = (batch_size, self.reach - 1, channels)
        return ops.zeros(shape, "float32")

    def start_row(self, row, cache, condition=None):
        """Compute the vertical stack for one row.

        Args:
            row: float32 tensor `(batch, 1, width, channels)`, the last visible
                row: the row above for mask A, the current row for mask B.
            cache: Output of `initial_row_cache`, or of this method for the row
                above.
            condition: float tensor `(batch, 1, width or 1, condition_dim)` or
                None.

        Returns:
            `vertical, features, cache`: the vertical stack's output `(batch,
            1, width, filters)`, the row's `features` for `step` `(batch, 1,
            width, 2 * filters)`, and the cache for the next row.
        """
        rows = ops.concatenate([cache, row], axis=1)
        v = self._vertical(rows)
        if condition is not None:
            v += dense(condition, self.to_vertical)
        return gated_activation(v), v, rows[:, 1:]

    def step(self, x, cache, features, condition=None):
        """Compute the horizontal stack at one position.

        Args:
            x: float32 tensor `(batch, channels)`, the last visible input: the
                position to the left for mask A, the current one for mask B.
            cache: Output of `initial_cache`, or of this method for the position
                to the left.
            features: float tensor `(batch, 2 * filters)`, from `start_row`.
            condition: float tensor `(batch, condition_dim)` or None.

        Returns:
            `horizontal, cache`: the output `(batch, filters)`, and the cache
            for the next position.
        """
        columns = ops.concatenate([cache, x[:, None]], axis=1)
        h = dense(
            ops.reshape(columns, (-1, self.reach * x.shape[-1])),
            ops.reshape(self.horizontal, (-1, 2 * self.filters)),
        )
        if condition is not None:
            h += dense(condition, self.to_horizontal)
        return self._horizontal(h, features, x), columns[:, 1:]

    def _vertical(self, rows):
        half = self.kernel_size // 2
        rows = ops.pad(rows, [[0, 0], [0, 0], [half, half], [0, 0]])
        v = _conv(rows, self.vertical)
        return v + ops.cast(self.vertical_bias, v.dtype)

    def _horizontal(self, h, v, x):
        h = h + dense(v, self.link, self.horizontal_bias)
        h = dense(gated_activation(h), self.mix, self.mix_bias)
        return h + x if self.mask_type == "B" else h

    def compute_output_shape(self, stacks_shape, condition_shape=None):
        shape = (*stacks_shape[0][:-1], self.filters)
        return shape, shape


def _conv(x, kernel):
    return ops.conv(
        x,
        ops.cast(kernel, x.dtype),
        padding="valid",
        data_format="channels_last",
    )
