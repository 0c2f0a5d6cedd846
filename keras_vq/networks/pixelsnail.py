from keras_vq.networks.pixelcnn import PixelCNN
from keras_vq.saving.config import serializable


@serializable
class PixelSNAIL(PixelCNN):
    """A gated PixelCNN with causal self-attention between its convolutions.

    Convolutions need many layers to see far; attention sees all earlier
    positions at once. After every `num_layers / num_attentions` gated masked
    convolutions, the horizontal stack attends to its earlier positions, with
    rotary embeddings of row and column.

    Args:
        code_shape, num_embeddings, num_classes, codes_per_position,
            hidden_dim, num_layers, kernel_size, first_kernel_size, dropout,
            condition_dim, seed: See `PixelCNN`.
        num_attentions: int >= 1, number of attention layers; must divide
            `num_layers`. Defaults to 2.
        num_heads: int >= 1, attention heads; `hidden_dim` must be a multiple of
            `4 * num_heads`. Defaults to 4.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, height, width, hidden_dim)`.

    Raises:
        ValueError: If an argument is out of range, or the codes are not a map.

    Example:

    >>> network = keras_vq.networks.PixelSNAIL((4, 4), 16, hidden_dim=32)
    >>> network(np.zeros((2, 4, 4), int)).shape
    (2, 4, 4, 32)

    References:
        Chen et al., PixelSNAIL: An Improved Autoregressive Generative Model,
        2018.
    """

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        codes_per_position=1,
        hidden_dim=64,
        num_layers=8,
        kernel_size=3,
        first_kernel_size=7,
        dropout=0.0,
        condition_dim=None,
        seed=None,
        num_attentions=2,
        num_heads=4,
        **kwargs,
    ):
        super().__init__(
            code_shape,
            num_embeddings,
            num_classes=num_classes,
            codes_per_position=codes_per_position,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            kernel_size=kernel_size,
            first_kernel_size=first_kernel_size,
            dropout=dropout,
            condition_dim=condition_dim,
            seed=seed,
            **kwargs,
        )
        self.num_attentions = num_attentions
        self.num_heads = num_heads
        self.add_attentions(num_attentions, num_heads)
