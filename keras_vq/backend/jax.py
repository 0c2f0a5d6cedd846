"""JAX backend: pure functions, with the state in a `StatelessScope`."""

import contextlib
import contextvars

import jax
import keras
from jax import numpy as jnp

# The scope of the step being traced. Its `state_mapping` holds the current
# value of every variable of the model, its optimizer and its metrics.
_scope: contextvars.ContextVar = contextvars.ContextVar("keras_vq_step_scope")


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
    del persistent  # a JAX pullback can always be called again
    state = _current_scope().state_mapping
    keys = [id(v) for v in variables]

    def pure(values):
        with keras.StatelessScope(collect_losses=True) as scope:
            before = {**state, **dict(zip(keys, values, strict=True))}
            scope.state_mapping = dict(before)
            token = _scope.set(scope)
            try:
                outputs, aux = fn()
            finally:
                _scope.reset(token)
        updates = {
            k: x
            for k, x in scope.state_mapping.items()
            if x is not before.get(k)
        }
        return outputs, (aux, updates)

    outputs, transpose, (aux, updates) = jax.vjp(
        pure, [state[k] for k in keys], has_aux=True
    )
    # Keep updates in `fn` of moving averages, seeds and batch statistics.
    state.update(updates)

    def pullback(cotangents, wrt=None):
        (gradients,) = transpose(
            type(outputs)(
                jnp.asarray(c, o.dtype)
                for c, o in zip(cotangents, outputs, strict=True)
            )
        )
        if wrt is None:
            return gradients
        by_key = dict(zip(keys, gradients, strict=True))
        return [by_key[id(v)] for v in wrt]

    return outputs, aux, pullback


def input_gradient(fn, x):
    """Gradient of the scalar `fn(x)`, itself differentiable in variables.

    Discards updates of variables in `fn`, such as batch statistics.
    """
    state = _current_scope().state_mapping

    def pure(x):
        with keras.StatelessScope(collect_losses=True) as scope:
            scope.state_mapping = dict(state)
            return fn(x)

    return jax.grad(pure)(x)


def apply_gradients(optimizer, gradients, variables):
    """Apply gradients with `stateless_apply`, which loss scaling requires."""
    values, optimizer_values = optimizer.stateless_apply(
        [v.value for v in optimizer.variables],
        gradients,
        [v.value for v in variables],
    )
    for v, x in zip(variables, values, strict=True):
        v.assign(x)
    for v, x in zip(optimizer.variables, optimizer_values, strict=True):
        v.assign(x)


class LayerMixin:
    """Keras alone keeps the variables of a layer."""


class StepMixin(LayerMixin):
    """Steps for Keras's JAX trainer, which passes and receives the state."""

    def train_step(self, state, data):
        variables = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        return _run(self.training_step, variables, state, data)

    def test_step(self, state, data):
        variables = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.metrics_variables,
        )
        return _run(self.evaluation_step, variables, state, data)

    def fit(self, *args, **kwargs):
        with _explain_uneven_batches():
            return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        with _explain_uneven_batches():
            return super().evaluate(*args, **kwargs)

    def check_last_batch(self, rows, batch_size):
        """Raise if the batches of an array cannot be split over the devices.

        Args:
            rows: int, rows of the array.
            batch_size: int, rows of all batches but the last.
        """
        count = _num_batch_shards()
        for size in (min(batch_size, rows), rows % batch_size):
            if size % count:
                raise _uneven_batch(size, count)

    def make_train_function(self, force=False):
        # With weight averaging, the optimizer assigns the averages to the
        # weights at the end of `fit`. Two variables then share a buffer, which
        # the next step cannot donate twice.
        seen = set()
        for v in [*self.variables, *self.optimizer.variables]:
            if id(v.value) in seen:
                v.assign(jnp.copy(v.value))
            seen.add(id(v.value))
        return super().make_train_function(force)


def _num_batch_shards():
    """Number of devices that `keras.distribution` splits a batch over."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1
    mesh = distribution.device_mesh
    return mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]


def _uneven_batch(rows, count):
    received = "another number" if rows is None else f"a batch of {rows}"
    return ValueError(
        f"`keras.distribution` splits each batch evenly over {count} devices. "
        f"Received: {received}. Choose a number of examples and a batch size "
        f"that are multiples of {count}, or drop the last batch, as "
        "dataset.batch(n, drop_remainder=True) does."
    )


@contextlib.contextmanager
def _explain_uneven_batches():
    try:
        yield
    except ValueError as error:
        # JAX has this error in a private module.
        if type(error).__name__ == "IndivisibleError":
            raise _uneven_batch(None, _num_batch_shards()) from error
        raise


def _run(step, variables, state, data):
    mapping = [
        pair
        for group in zip(variables, state, strict=True)
        for pair in zip(*group, strict=True)
    ]
    with keras.StatelessScope(mapping) as scope:
        token = _scope.set(scope)
        try:
            logs = step(data)
        finally:
            _scope.reset(token)
    return logs, tuple(
        [scope.get_current_value(v) for v in group] for group in variables
    )


def _current_scope():
    scope = _scope.get(None)
    if scope is None:
        raise RuntimeError(
            "On the JAX backend, `training_step` and `evaluation_step` only "
            "run inside `fit`, `evaluate`, `train_on_batch` or "
            "`test_on_batch`. Received: a direct call."
        )
    return scope


def all_sum(*tensors):
    """Return the tensors: arrays are global under `keras.distribution`."""
    return tensors


def batch_share(batch_size):
    """Return 1: arrays are global under `keras.distribution`."""
    return 1.0


def replica():
    """Return one replica: arrays are global under `keras.distribution`."""
    return 0, 1


def check_distribution():
    """Do nothing: `keras.distribution` works on this backend."""


def jit(fn, model):
    """Compile `fn`, a function of arrays that reads the model's weights."""

    @jax.jit
    def pure(values, *args):
        with keras.StatelessScope(zip(model.variables, values, strict=True)):
            return fn(*args)

    return lambda *args: pure([v.value for v in model.variables], *args)


def jit_loop(fn, model):
    """Same as `jit`."""
    return jit(fn, model)


def write(array, position, value):
    """Set `array[:, position] = value`, maybe in place, and return `array`."""
    # In place inside a loop, unlike the scatter of `array.at`.
    return jax.lax.dynamic_update_index_in_dim(
        array, value.astype(array.dtype), position, axis=1
    )


def write_rows(array, start, rows):
    """Write `rows` from row `start` on, maybe in place, and return `array`."""
    return jax.lax.dynamic_update_slice_in_dim(array, rows, start, axis=0)


def argmax(x):
    """Index of the first maximum over the last axis, int32."""
    return jnp.argmax(x, axis=-1).astype("int32")


def first_maximum(x):
    """Index of the first maximum over the last axis, int32, and its value.

    XLA does not vectorize argmax on CPUs. This takes two vectorized passes: the
    maximum, then the lowest index that attains it. For rows with NaN, the index
    is out of range: `x.shape[-1]`.
    """
    value = jnp.max(x, axis=-1)
    index = jnp.arange(x.shape[-1], dtype="int32")
    index = jnp.where(x == value[..., None], index, x.shape[-1])
    return jnp.min(index, axis=-1), value


def fast_memory():
    """Number of bytes of scores to compute at a time."""
    return 2**22 if jax.default_backend() == "cpu" else 2**28


def float32_matmul(a, b):
    """Matrix product in full float32 precision."""
    return jnp.matmul(a, b, precision="highest")


def product_roundoff():
    """Unit roundoff of the factors of matrix products; 0 for full float32."""
    # The default precision is TF32 on GPUs, bfloat16 on TPUs.
    return {"cpu": 0.0, "gpu": 2.0**-11}.get(jax.default_backend(), 2.0**-8)


def attention(query, key, value, is_causal=False):
    """Dot-product attention of tensors `(batch, length, heads, dim)`."""
    dtype = query.dtype
    if dtype == "float16" and jax.default_backend() == "cpu":
        # XLA has no float16 products with float32 sums for CPUs.
        query, key, value = (x.astype("float32") for x in (query, key, value))
    outputs = keras.ops.dot_product_attention(
        query, key, value, is_causal=is_causal
    )
    return outputs.astype(dtype)


def segment_sum(data, segments, num_segments):
    """Sum of the rows of each segment."""
    return keras.ops.segment_sum(data, segments, num_segments)


def conv_transpose(inputs, kernel):
    """Transposed convolution of width 4 and stride 2, `"same"` padding.

    On CPUs, XLA takes over ten times longer for the gradient of the native
    operation than for this equivalent: one matrix product per input position
    gives 4-wide patches, which overlap by two and are summed.
    """
    if jax.default_backend() != "cpu":
        return keras.ops.conv_transpose(
            inputs,
            kernel,
            strides=2,
            padding="same",
            data_format="channels_last",
        )
    batch, *size, _ = inputs.shape
    rank, filters = len(size), kernel.shape[-2]
    patches = jnp.tensordot(inputs, kernel, (-1, -1))  # (b, *size, *4, f)
    for axis in range(rank):
        patches = _overlap_add(patches, 1 + axis, 1 + rank + axis)
    order = [i for axis in range(rank) for i in (1 + axis, 1 + rank + axis)]
    outputs = jnp.transpose(patches, (0, *order, 2 * rank + 1))
    return outputs.reshape(batch, *(2 * n for n in size), filters)


def _overlap_add(patches, position, offset):
    """Add the outer elements of each 4-wide patch to the adjacent outputs."""
    before, own, after = jnp.split(patches, (1, 3), axis=offset)
    pad = [[0, 0]] * patches.ndim

    def shift(x, by, into):
        keep = slice(None, -1) if by == 1 else slice(1, None)
        x = x[(slice(None),) * position + (keep,)]
        widths = list(pad)
        widths[position] = [1, 0] if by == 1 else [0, 1]
        widths[offset] = [into, 1 - into]
        return jnp.pad(x, widths)

    return own + shift(after, by=1, into=0) + shift(before, by=-1, into=1)
