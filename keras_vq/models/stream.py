import keras

from keras_vq.checks import check_int
from keras_vq.checks import check_values
from keras_vq.checks import title
from keras_vq.layers import Snake
from keras_vq.layers import StreamingLayer
from keras_vq.training.batches import to_array

# Layers that treat each time on its own.
_POINTWISE = (
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.ReLU,
    keras.layers.Rescaling,
    Snake,
)


class Stream:
    """Encodes and decodes recordings of any length, chunk by chunk.

    The layers carry what they still need of earlier chunks, so that codes and
    sound equal those of the whole recording, to the rounding of sums. Created
    by `Tokenizer.stream`.

    Args:
        tokenizer: `Tokenizer` of audio. Encoder and decoder are
            `keras.Sequential` models of layers that stream, such as those of
            `keras_vq.networks.codec_encoder`.
        batch_size: int >= 1, recordings at a time. Defaults to 1.

    Raises:
        ValueError: If a layer cannot stream.

    Example:

    >>> codec = keras_vq.zoo.audio_codec(
    ...     (800, 1), 8000, num_embeddings=16, num_stages=2, hidden_dim=4,
    ...     embedding_dim=8, strides=(4, 10), dilations=(1,))
    >>> stream = codec.stream()
    >>> for chunk in np.split(np.zeros((1, 800, 1)), 4, axis=1):
    ...     audio = stream.decode(stream.encode(chunk))
    >>> audio.shape
    (1, 200, 1)

    References:
        Zeghidour et al., SoundStream: An End-to-End Neural Audio Codec, 2021,
        section IV-E.
    """

    def __init__(self, tokenizer, batch_size=1):
        self.tokenizer = tokenizer
        self.batch_size = check_int("batch_size", batch_size)
        if len(tokenizer.input_shape) != 2 or len(tokenizer.code_maps) != 1:
            raise ValueError(
                "A stream is of audio, (time, channels), in one map of codes. "
                f"Received: {title(tokenizer)} with input_shape="
                f"{tokenizer.input_shape}"
            )
        if not tokenizer.quantizers:
            raise ValueError(
                f"{title(tokenizer)} has no networks to stream: its codes are "
                "the samples."
            )
        self.hop = tokenizer.input_shape[0] // tokenizer.code_shape[0]
        self._encoder = _streamed_layers("encoder", tokenizer.encoder)
        self._decoder = _streamed_layers("decoder", tokenizer.decoder)
        self.reset()

    def reset(self):
        """Start with another recording."""
        self._contexts = {
            "encode": _contexts(self._encoder, self.batch_size),
            "decode": _contexts(self._decoder, self.batch_size),
        }

    def encode(self, x):
        """Encode the next chunk.

        Args:
            x: float array `(batch_size, time, channels)` in [-1, 1]; the
                samples per code must divide the time.

        Returns:
            NumPy int32 array, the codes of the chunk.

        Raises:
            ValueError: If the shape or the values of `x` do not fit.
        """
        x = to_array(x)
        channels = self.tokenizer.input_shape[-1]
        if (
            x.ndim != 3
            or (x.shape[0], x.shape[2]) != (self.batch_size, channels)
            or x.shape[1] % self.hop
            or not x.shape[1]
        ):
            raise ValueError(
                f"A chunk must have the shape ({self.batch_size}, time, "
                f"{channels}), where the time is a multiple of {self.hop} "
                f"samples. Received: shape={x.shape}"
            )
        check_values(self.tokenizer, x)
        return self._run("encode", self._encode_step, x.astype("float32"))

    def decode(self, codes):
        """Decode the next codes.

        Args:
            codes: int array, the codes of a chunk, or the first stages of them.

        Returns:
            NumPy float32 array `(batch_size, time, channels)` in [-1, 1].

        Raises:
            ValueError: If the shape or the values of `codes` do not fit.
        """
        codes = to_array(codes)
        if codes.ndim < 2 or len(codes) != self.batch_size or not codes.size:
            raise ValueError(
                f"Codes of a chunk must have {self.batch_size} rows and a "
                f"time. Received: shape={codes.shape}"
            )
        shape = (codes.shape[1], *self.tokenizer.code_shape[1:])
        self.tokenizer.check_codes_of_shape(codes, shape)
        return self._run("decode", self._decode_step, codes.astype("int32"))

    def _run(self, name, step, chunk):
        # A function for each length: streams have few.
        key = (f"stream_{name}", chunk.shape)
        step = self.tokenizer.jit(step, key)
        outputs, self._contexts[name] = step(chunk, self._contexts[name])
        return to_array(outputs)

    def _encode_step(self, x, contexts):
        z, contexts = _streamed(
            self._encoder, self.tokenizer.to_network_range(x), contexts
        )
        return self.tokenizer.to_latents(z), contexts

    def _decode_step(self, codes, contexts):
        z = self.tokenizer.bottleneck.decode(codes)
        parameters, contexts = _streamed(self._decoder, z, contexts)
        mean = self.tokenizer.likelihood(parameters)
        return self.tokenizer.to_output(mean), contexts


def _streamed_layers(name, network):
    """The layers of a network, if each can compute a chunk at a time."""
    if not isinstance(network, keras.Sequential):
        raise ValueError(
            f"A stream needs a keras.Sequential as the {name}, such as that of "
            "keras_vq.zoo.audio_codec. Received: a "
            f"{type(network).__name__}"
        )
    for layer in network.layers:
        streams = isinstance(layer, StreamingLayer) and layer.can_stream
        if not streams and not isinstance(layer, _POINTWISE):
            raise ValueError(
                "A stream needs layers that do not depend on later samples, "
                "such as those of keras_vq.zoo.audio_codec(is_causal=True). "
                f"Received: {type(layer).__name__} {layer.name!r} in the {name}"
            )
    return network.layers


def _contexts(layers, batch_size):
    """What each layer with a memory has heard so far: silence."""
    return [
        layer.initial_context(batch_size)
        for layer in layers
        if isinstance(layer, StreamingLayer)
    ]


def _streamed(layers, x, contexts):
    """The outputs of a chunk, and the contexts of the next one."""
    remaining, following = iter(contexts), []
    for layer in layers:
        if isinstance(layer, StreamingLayer):
            x, context = layer.stream(x, next(remaining))
            following.append(context)
        else:
            x = layer(x)
    return x, following
