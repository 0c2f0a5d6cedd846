"""Small causal networks of every kind, and their inputs."""

import keras
from keras import ops

from keras_vq import backend
from keras_vq import networks
from keras_vq.networks import Conditioning
from tests.helpers import to_numpy

NUM_EMBEDDINGS = 5
NUM_CLASSES = 3

_CNN = {"hidden_dim": 8, "num_layers": 3, "first_kernel_size": 5}
_SNAIL = {"hidden_dim": 8, "num_layers": 2, "num_heads": 2}
_GPT = {"hidden_dim": 8, "num_layers": 1, "num_heads": 2}
_WAVENET = {"hidden_dim": 8, "skip_dim": 8, "num_stacks": 1, "num_layers": 3}
_FLOATS = {"condition_dim": 3}
_CODES = {"condition_shape": (3, 2), "num_condition_embeddings": 7}

# Class, shape of the positions, arguments, and those of a condition.
KINDS = {
    "PixelCNN": (networks.PixelCNN, (3, 4), _CNN, _FLOATS),
    "PixelSNAIL": (networks.PixelSNAIL, (3, 4), _SNAIL, _FLOATS),
    "Transformer": (networks.Transformer, (3, 4), _GPT, _CODES),
    "rotary Transformer": (
        networks.Transformer,
        (3, 4),
        {**_GPT, "positions": "rotary"},
        _CODES,
    ),
    "WaveNet": (
        networks.WaveNet,
        (12,),
        {**_WAVENET, "kernel_size": 3},
        _FLOATS,
    ),
    "decoding WaveNet": (
        networks.WaveNet,
        (12,),
        {**_WAVENET, "kernel_size": 3},
        _CODES,
    ),
}


def create(
    kind,
    position_shape=None,
    codes_per_position=1,
    has_condition=False,
    **kwargs,
):
    """A small network; the same arguments give the same weights.

    Args:
        kind: A key of `KINDS`.
        position_shape: tuple of int or None for the kind's.
        codes_per_position: int.
        has_condition: bool.
        **kwargs: Other arguments of the network.
    """
    cls, shape, arguments, condition_arguments = KINDS[kind]
    shape = position_shape or shape
    if codes_per_position > 1:
        shape = (*shape, codes_per_position)
    if has_condition:
        arguments = {**arguments, **condition_arguments}
    keras.utils.set_random_seed(0)
    return cls(
        shape,
        codes_per_position=codes_per_position,
        **{"num_embeddings": NUM_EMBEDDINGS, **arguments, **kwargs},
    )


def random_codes(rng, network, count):
    """int32 codes `(count, *code_shape)`."""
    shape = (count, *network.code_shape)
    return rng.integers(network.num_embeddings, size=shape, dtype="int32")


def random_conditioning(rng, network, count):
    """Arrays of all that the network is conditioned on."""
    labels, condition = None, None
    if network.num_classes is not None:
        labels = rng.integers(network.num_classes, size=count, dtype="int32")
    if network.condition_shape is not None:
        shape = (count, *network.condition_shape)
        if network.num_condition_embeddings is None:
            condition = 3 * rng.normal(size=shape).astype("float32")
        else:
            condition = rng.integers(
                network.num_condition_embeddings, size=shape, dtype="int32"
            )
    return Conditioning(labels, condition)


def call(network, codes, conditioning):
    """The features, of tensors."""
    return network(codes, conditioning=conditioning)


def call_in_steps(network, codes, conditioning):
    """The features that `step` computes, seeing earlier codes alone."""
    rows, count = codes.shape[0], network.num_positions
    shape = network.code_shape[len(network.position_shape) :]
    flat = ops.reshape(codes, (rows, count, *shape))
    places = ops.reshape(ops.arange(count), (count, *[1] * len(shape)))

    def body(position, carry):
        features, state = carry
        earlier = ops.where(places < position, flat, 0)
        x, state = network.step(position, earlier, state)
        assert keras.backend.standardize_dtype(x.dtype) == "float32"
        return backend.write(features, position, x), state

    features = ops.zeros((rows, count, network.features_dim))
    state = network.initial_state(rows, conditioning)
    features, _ = ops.fori_loop(0, count, body, (features, state))
    return ops.reshape(features, (rows, *network.position_shape, -1))


def compiled(function, network):
    """`function(network, codes, conditioning)`, a function of arrays."""
    run = backend.jit(
        lambda codes, conditioning: function(network, codes, conditioning),
        network,
    )
    return lambda codes, conditioning: to_numpy(
        run(
            ops.convert_to_tensor(codes),
            conditioning.map(ops.convert_to_tensor),
        )
    )
