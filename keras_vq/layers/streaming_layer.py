import keras

from keras_vq import backend
from keras_vq.saving.config import serializable


@serializable
class StreamingLayer(backend.LayerMixin, keras.layers.Layer):
    """Base class of layers over time that also compute chunk by chunk.

    A subclass defines `initial_context(batch_size)`, tensors that stand for
    silence before the first chunk, and `stream(inputs, context)`, which returns
    the outputs of a chunk and the context of the next one.

    Args:
        **kwargs: Keyword arguments of `keras.layers.Layer`.
    """

    # Whether `stream` is available.
    can_stream = True

    def initial_context(self, batch_size):
        """Context of the first chunk.

        Args:
            batch_size: int or int tensor.

        Returns:
            float tensor `(batch, ...)`.
        """
        raise NotImplementedError

    def stream(self, inputs, context):
        """Compute the outputs of a chunk of inputs.

        Args:
            inputs: float tensor `(batch, length, channels)`; the strides of the
                layer, if any, divide the length.
            context: Output of `initial_context`, or of this method for the
                chunk before.

        Returns:
            `outputs, context`: float tensor `(batch, new length, filters)` and
            the context of the next chunk.
        """
        raise NotImplementedError
