import keras
from keras import ops

from keras_vq import backend
from keras_vq.saving.config import serializable


@serializable
class SyncBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization with the statistics of the global batch.

    On data-parallel replicas, `keras.layers.BatchNormalization` normalizes by
    the batch of its own replica on TensorFlow and PyTorch, so that a step
    depends on the number of replicas. This layer normalizes by the joint batch
    of all of them, on every backend, and passes gradients across them.

    Second derivatives, such as those of the R1 penalty, are right as well.
    `keras.layers.BatchNormalization` loses a term of them on TensorFlow, whose
    `tf.nn.moments` stops the gradient of the mean in the variance.

    Args:
        momentum: float, decay of the moving averages. Defaults to 0.99.
        epsilon: float, added to the variance. Defaults to 1e-3.
        **kwargs: `name`, `dtype`, `axis` and others of
            `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: float tensor `(batch, ..., channels)`.
        training: bool or None. Defaults to None.

    Returns:
        float tensor of the shape of `inputs`.

    Example:

    >>> layer = keras_vq.layers.SyncBatchNormalization()
    >>> layer(np.ones((2, 8, 8, 4))).shape
    (2, 8, 8, 4)

    References:
        Ioffe and Szegedy, Batch Normalization, 2015, algorithm 1.
    """

    def __init__(self, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=None):
        if not (training and self.trainable):
            return super().call(inputs, training=training)
        x = ops.cast(inputs, "float32")
        axis = self.axis % len(x.shape)
        axes = [i for i in range(len(x.shape)) if i != axis]

        def global_mean(x):
            total = ops.sum(x, axes, keepdims=True)
            count = ops.cast(ops.size(x) // total.shape[axis], "float32")
            total, count = backend.all_sum(total, count)
            return total / count

        mean = global_mean(x)
        variance = global_mean(ops.square(x - mean))
        mean, variance = ops.reshape(mean, (-1,)), ops.reshape(variance, (-1,))
        for average, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            average.assign(
                average * self.momentum
                + ops.cast(value, average.dtype) * (1.0 - self.momentum)
            )
        outputs = ops.batch_normalization(
            x,
            mean,
            variance,
            self.axis,
            None if self.beta is None else ops.cast(self.beta, x.dtype),
            None if self.gamma is None else ops.cast(self.gamma, x.dtype),
            self.epsilon,
        )
        return ops.cast(outputs, self.compute_dtype)
