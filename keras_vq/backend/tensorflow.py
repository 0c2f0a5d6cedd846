"""TensorFlow backend: gradients from a tape, state in Keras variables."""

import keras
import tensorflow as tf

_EMPTY_REPLICA = (
    "tf.distribute needs a row of each batch for each replica. Choose another "
    "batch size, or drop the last batch, as dataset.batch(n, "
    "drop_remainder=True) does."
)


def vjp(fn, variables, persistent=False):
    """Run `fn() -> (outputs, aux)` and differentiate its outputs.

    Args:
        fn: Function without arguments that returns a tuple of scalar losses
            and auxiliary data (`aux`).
        variables: list of `keras.Variable` to differentiate with respect to.
        persistent: bool, whether `pullback` is called more than once. Defaults
            to False.

    Returns:
        `outputs, aux, pullback`. `pullback(cotangents, wrt=None)` returns the
        gradients of `sum(c * output)` with respect to the variables, or to
        the subset `wrt` of them.
    """
    with tf.GradientTape(
        persistent=persistent, watch_accessed_variables=False
    ) as tape:
        tape.watch([v.value for v in variables])
        outputs, aux = fn()

    def pullback(cotangents, wrt=None):
        gradients = tape.gradient(
            list(outputs),
            [v.value for v in (variables if wrt is None else wrt)],
            output_gradients=[
                tf.cast(c, o.dtype)
                for c, o in zip(cotangents, outputs, strict=True)
            ],
        )
        return [g if g is None else tf.convert_to_tensor(g) for g in gradients]

    return outputs, aux, pullback


def input_gradient(fn, x):
    """Gradient of the scalar `fn(x)`, itself differentiable in variables.

    Discards updates of variables in `fn`, such as batch statistics.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        with keras.StatelessScope():
            y = fn(x)
    return tape.gradient(y, x)


def apply_gradients(optimizer, gradients, variables):
    """Apply gradients, summed over the replicas by the optimizer."""
    optimizer.apply(gradients, variables)


class LayerMixin:
    """Keras alone keeps the variables of a layer."""


class StepMixin(LayerMixin):
    """Steps for Keras's TensorFlow trainer, which passes only the data."""

    def train_step(self, data):
        return self.training_step(_with_rows(data))

    def test_step(self, data):
        return self.evaluation_step(_with_rows(data))

    def check_last_batch(self, rows, batch_size):
        """Raise if the batches of an array leave a replica without a row.

        Args:
            rows: int, rows of the array.
            batch_size: int, rows of all batches but the last.
        """
        replicas = self.distribute_strategy.num_replicas_in_sync
        for size in (min(batch_size, rows), rows % batch_size or replicas):
            if size < replicas:
                raise ValueError(
                    f"{_EMPTY_REPLICA} Received: a batch of {size} for "
                    f"{replicas} replicas."
                )

    def make_train_function(self, force=False):
        check_distribution()
        return super().make_train_function(force)


def _with_rows(data):
    """The data of a replica, checked when it runs: it may get no rows."""
    if replica()[1] == 1:
        return data
    rows = tf.shape(tf.nest.flatten(data)[0])[0]
    check = tf.debugging.assert_positive(rows, message=_EMPTY_REPLICA)
    with tf.control_dependencies([check]):
        return tf.nest.map_structure(tf.identity, data)


def all_sum(*tensors):
    """Sum each tensor over the replicas of `tf.distribute`."""
    if replica()[1] == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    return tuple(context.all_reduce(tf.distribute.ReduceOp.SUM, list(tensors)))


def batch_share(batch_size):
    """This replica's share of the global batch; equal shares for None."""
    _, replicas = replica()
    if replicas == 1:
        return 1.0
    if batch_size is None:
        return 1.0 / replicas
    batch_size = tf.cast(batch_size, tf.float32)
    return batch_size / all_sum(batch_size)[0]


def replica():
    """Index of this replica and number of replicas."""
    context = tf.distribute.get_replica_context()
    if context is None:
        return 0, 1
    return context.replica_id_in_sync_group, context.num_replicas_in_sync


def check_distribution():
    """Raise if `keras.distribution` is set, which this backend ignores."""
    if keras.distribution.distribution() is not None:
        raise ValueError(
            "keras.distribution has no effect on the TensorFlow backend. "
            "Received: a distribution set with keras.distribution."
            "set_distribution(). Create and compile the model in the scope of "
            "tf.distribute.MirroredStrategy(), or use KERAS_BACKEND=jax."
        )


def jit(fn, model):
    """Compile `fn`, a function of arrays that reads the model's weights."""
    return tf.function(fn, reduce_retracing=True)


def jit_loop(fn, model):
    """Same as `jit`, but with XLA, for a loop of many small operations."""
    return tf.function(fn, jit_compile=True)


def write(array, position, value):
    """Set `array[:, position] = value`, maybe in place, and return `array`."""
    return keras.ops.slice_update(
        array, (0, position, *[0] * (array.shape.rank - 2)), value[:, None]
    )


def write_rows(array, start, rows):
    """Write `rows` from row `start` on, maybe in place, and return `array`."""
    # ONNX converters support this operation.
    indices = start + tf.range(tf.shape(rows)[0])
    return tf.tensor_scatter_nd_update(array, indices[:, None], rows)


def argmax(x):
    """Index of the first maximum over the last axis, int32."""
    return tf.argmax(x, axis=-1, output_type="int32")


def first_maximum(x):
    """Index of the first maximum over the last axis, int32, and its value.

    XLA does not vectorize argmax on CPUs. This takes two vectorized passes: the
    maximum, then the lowest index that attains it. For rows with NaN, the index
    is out of range: `x.shape[-1]`.
    """
    value = tf.reduce_max(x, axis=-1)
    index = tf.range(x.shape[-1])
    index = tf.where(x == value[..., None], index, x.shape[-1])
    return tf.reduce_min(index, axis=-1), value


def fast_memory():
    """Number of bytes of scores to compute at a time."""
    return 2**22 if not tf.config.list_logical_devices("GPU") else 2**28


def float32_matmul(a, b):
    """Matrix product in float32; in TF32 on GPUs, unless disabled."""
    return tf.matmul(a, b)


def product_roundoff():
    """Unit roundoff of the factors of matrix products; 0 for full float32."""
    if tf.config.list_logical_devices("TPU"):
        return 2.0**-8
    rounds = tf.config.experimental.tensor_float_32_execution_enabled()
    on_gpu = tf.config.list_logical_devices("GPU")
    return 2.0**-11 if rounds and on_gpu else 0.0


def attention(query, key, value, is_causal=False):
    """Dot-product attention of tensors `(batch, length, heads, dim)`."""
    return keras.ops.dot_product_attention(
        query, key, value, is_causal=is_causal
    )


def segment_sum(data, segments, num_segments):
    """Sum of the rows of each segment."""
    return keras.ops.segment_sum(data, segments, num_segments)


def conv_transpose(inputs, kernel):
    """Transposed convolution of width 4 and stride 2, `"same"` padding."""
    return keras.ops.conv_transpose(
        inputs, kernel, strides=2, padding="same", data_format="channels_last"
    )
