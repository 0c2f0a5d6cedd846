import math

import keras

from keras_vq import backend
from keras_vq.checks import check_int
from keras_vq.checks import check_memory
from keras_vq.checks import check_shape
from keras_vq.networks.conditioning import Conditioning
from keras_vq.saving.config import serializable


@serializable
class CausalNetwork(backend.LayerMixin, keras.layers.Layer):
    """Base class for networks that only see earlier codes.

    For codes in raster order, a network computes features at each position that
    only depend on the conditioning and the codes at earlier positions.
    `keras_vq.priors.AutoregressivePrior` turns them into probabilities of the
    code at that position.

    A subclass builds its layers in `__init__`, sets `features_dim` and
    defines

    - `call(codes, conditioning, training)`, the features of all positions;
    - `initial_state(batch_size, conditioning)` and `step(position, codes,
      state)`, which compute the same features one position at a time, with
      caches in `state`.

    Args:
        code_shape: tuple of int, shape of the codes of one input.
        num_embeddings: int >= 2, number of codes, K.
        num_classes: int or None, number of classes of the labels. Defaults to
            None, no labels.
        codes_per_position: int >= 1. If more than 1, the codes of a position
            are the last axis of `code_shape`: stages of a residual quantizer,
            groups, or color channels. Defaults to 1.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor `(batch, *code_shape)`.
        conditioning: `keras_vq.networks.Conditioning`. Defaults to none.
        training: bool. Defaults to False.

    Returns:
        float tensor `(batch, *position_shape, features_dim)`.

    Raises:
        ValueError: If an argument is out of range.
    """

    # Shape of the condition of an example; None for no condition.
    condition_shape: tuple[int, ...] | None = None
    # K of a condition that consists of codes; None for floats.
    num_condition_embeddings: int | None = None
    features_dim: int

    def __init__(
        self,
        code_shape,
        num_embeddings,
        num_classes=None,
        codes_per_position=1,
        **kwargs,
    ):
        super().__init__(**{"autocast": False, **kwargs})
        # A `CodeEmbedding` whose vectors also compute the logits.
        self.tied_embedding = None
        self.code_shape = check_shape("code_shape", code_shape)
        check_memory(f"A map of code_shape={code_shape}", *self.code_shape)
        self.num_embeddings = check_int("num_embeddings", num_embeddings, 2)
        if num_classes is not None:
            num_classes = check_int("num_classes", num_classes)
        self.num_classes = num_classes
        self.codes_per_position = check_int(
            "codes_per_position", codes_per_position
        )
        self.position_shape = self.code_shape
        if self.codes_per_position > 1:
            *positions, last = self.code_shape
            if not positions or last != self.codes_per_position:
                raise ValueError(
                    "`codes_per_position` must be 1 or the last axis of "
                    "`code_shape`. Received: codes_per_position="
                    f"{codes_per_position} and code_shape={self.code_shape}"
                )
            self.position_shape = tuple(positions)
        self.num_positions = math.prod(self.position_shape)

    def build(self, *args, **kwargs):
        # Everything is built in `__init__`.
        self.built = True

    def call(self, codes, conditioning=Conditioning(), training=False):
        raise NotImplementedError

    def initial_state(self, batch_size, conditioning=Conditioning()):
        """Create the state before the first `step`.

        Args:
            batch_size: int or int tensor.
            conditioning: `keras_vq.networks.Conditioning`. Defaults to none.

        Returns:
            dict of tensors or nested structures of them.
        """
        raise NotImplementedError

    def step(self, position, codes, state):
        """Compute the features at one position; called for each in order.

        Args:
            position: int or int tensor, index in raster order.
            codes: int32 tensor `(batch, num_positions)`, followed by
                `codes_per_position` if that is more than 1. Only earlier
                positions are read.
            state: Output of `initial_state`, or of this method at the previous
                position.

        Returns:
            `features, state`: float32 tensor `(batch, features_dim)` and the
            state for the next position.
        """
        raise NotImplementedError

    def compute_output_shape(self, codes_shape, *args, **kwargs):
        return (codes_shape[0], *self.position_shape, self.features_dim)
