from keras import ops

from keras_vq.checks import check_type
from keras_vq.networks.causal_network import CausalNetwork
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable


@serializable
class SlidingWindow(CausalNetwork):
    """Applies a network to larger maps of codes, in a sliding window.

    The features at a position are those that `network` computes from a window
    of its own size, centered on that position as far as the edges allow. The
    condition is cropped to the same window. Each position takes a forward pass
    of the network; memory and time per position do not grow with the map.

    Args:
        network: A trained `CausalNetwork`.
        code_shape: tuple of int, shape of the larger maps, with the same number
            of axes as the network's and no axis smaller.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        training: bool, ignored.

    Returns:
        float tensor `(batch, *position_shape, features_dim)`.

    Raises:
        ValueError: If `code_shape` does not fit the network or its condition.

    Example:

    >>> network = keras_vq.networks.PixelCNN((4, 4), 16, hidden_dim=32)
    >>> large = keras_vq.networks.SlidingWindow(network, (8, 12))
    >>> large(np.zeros((2, 8, 12), int)).shape
    (2, 8, 12, 32)

    References:
        Esser et al., Taming Transformers for High-Resolution Image Synthesis,
        2021, section 3.3 and figure 3.
    """

    def __init__(self, network, code_shape, **kwargs):
        check_type("network", network, CausalNetwork, "a CausalNetwork")
        super().__init__(
            code_shape,
            network.num_embeddings,
            network.num_classes,
            network.codes_per_position,
            **kwargs,
        )
        self.window = network.position_shape
        if len(self.position_shape) != len(self.window) or any(
            n < m for n, m in zip(self.position_shape, self.window, strict=True)
        ):
            raise ValueError(
                "`code_shape` must have as many axes as the codes of the "
                "network, none of them smaller. Received: code_shape="
                f"{self.code_shape} for a network with codes of shape "
                f"{network.code_shape}"
            )
        self.network = network
        self.features_dim = network.features_dim
        self.tied_embedding = network.tied_embedding
        if network.condition_shape is not None:
            self._set_condition(network)
        self.built = True

    def _set_condition(self, network):
        axes = len(self.window)
        small = network.condition_shape[:axes]
        # Codes per cell of the condition, along each axis.
        cells = [n // m for n, m in zip(self.window, small)]
        fits_window = self.window == tuple(
            m * cell for m, cell in zip(small, cells)
        )
        if not fits_window or any(
            n % cell for n, cell in zip(self.position_shape, cells)
        ):
            raise ValueError(
                "Each axis of the codes must be a multiple of the condition's, "
                "so that windows can be cut out of both. Received: code_shape="
                f"{self.code_shape} for a network with codes of shape "
                f"{network.code_shape} and condition_shape="
                f"{network.condition_shape}"
            )
        self.cells = cells
        self.num_condition_embeddings = network.num_condition_embeddings
        self.condition_shape = (
            *(n // cell for n, cell in zip(self.position_shape, cells)),
            *network.condition_shape[axes:],
        )

    def call(self, codes, conditioning=Conditioning(), training=False):
        shape = (-1, self.num_positions, *self.code_shape[len(self.window) :])
        flat = ops.reshape(codes, shape)
        state = self.initial_state(None, conditioning)
        features = ops.map(
            lambda position: self.step(position, flat, state)[0],
            ops.arange(self.num_positions),
        )
        return ops.reshape(
            ops.moveaxis(features, 0, 1),
            (-1, *self.position_shape, self.features_dim),
        )

    def initial_state(self, batch_size, conditioning=Conditioning()):
        return {
            name: x
            for name, x in conditioning._asdict().items()
            if x is not None
        }

    def step(self, position, codes, state):
        at = _unravel(position, self.position_shape)
        start = [
            ops.clip(i - m // 2, 0, n - m)
            for i, n, m in zip(at, self.position_shape, self.window)
        ]
        condition = state.get("condition")
        if condition is not None:
            # Windows start at a cell of the condition.
            start_cell = [
                ops.maximum(first // cell, (i - m + cell) // cell)
                for first, i, m, cell in zip(start, at, self.window, self.cells)
            ]
            start = [i * cell for i, cell in zip(start_cell, self.cells)]
            condition = _crop(
                condition, start_cell, self.network.condition_shape
            )
        maps = ops.reshape(codes, (-1, *self.code_shape))
        features = self.network(
            _crop(maps, start, self.window),
            conditioning=Conditioning(state.get("labels"), condition),
        )
        shape = (-1, self.network.num_positions, self.features_dim)
        features = ops.cast(ops.reshape(features, shape), "float32")
        index = 0
        for i, first, m in zip(at, start, self.window):
            index = index * m + i - first
        return features[:, index], state


def _unravel(position, shape):
    """Coordinates of a position in raster order, int tensors."""
    coordinates: list = []
    for n in reversed(shape):
        coordinates.insert(0, position % n)
        position = position // n
    return coordinates


def _crop(x, start, shape):
    """Crop maps `(batch, *axes, ...)` to `shape`, from `start` on."""
    for axis, (first, n) in enumerate(zip(start, shape), start=1):
        x = ops.take(x, first + ops.arange(n), axis=axis)
    return x
