"""Backend-specific functions that `keras.ops` does not cover.

Each of `tensorflow.py`, `jax.py` and `torch.py` defines the same names:

`vjp(fn, variables)`: run `fn` and return its outputs and a pullback.
`input_gradient(fn, x)`: gradient of `fn(x)`, itself differentiable.
`apply_gradients(optimizer, gradients, variables)`: take an optimizer step.
`LayerMixin`: how the backend sees the variables of a layer.
`StepMixin`: `train_step` and `test_step` for the backend's Keras trainer.
`all_sum(*tensors)`: sum over data-parallel replicas.
`batch_share(batch_size)`: this replica's share of the global batch.
`replica()`: index of this replica and number of replicas.
`check_distribution()`: raise if `keras.distribution` has no effect.
`jit(fn, model)`: compile a function of arrays that reads the model's weights.
`jit_loop(fn, model)`: same, for a loop of many small operations.
`write(array, position, value)`: set one position, in place if possible.
`write_rows(array, start, rows)`: set consecutive rows, in place if possible.
`argmax(x)`: index of the first maximum over the last axis.
`first_maximum(x)`: index and value of the first maximum over the last axis.
`fast_memory()`: number of bytes of scores to compute at a time.
`float32_matmul(a, b)`: matrix product in full float32 precision.
`product_roundoff()`: unit roundoff of the factors in `keras.ops.matmul`.
`attention(query, key, value, is_causal)`: dot-product attention.
`segment_sum(data, segments, num_segments)`: sum of the rows of each segment.
`conv_transpose(inputs, kernel)`: transposed convolution of width 4, stride 2.
"""

import importlib
import os

_SUPPORTED = ("tensorflow", "jax", "torch")


def _unsupported(name):
    return ImportError(
        f"keras_vq supports the backends {', '.join(_SUPPORTED)}. Received: "
        f"KERAS_BACKEND={name}. Set the environment variable KERAS_BACKEND to "
        "a supported backend."
    )


try:
    import keras
except ValueError as error:  # KERAS_BACKEND is no name that Keras knows
    raise _unsupported(os.environ.get("KERAS_BACKEND")) from error

_NAMES = (
    "vjp",
    "input_gradient",
    "apply_gradients",
    "LayerMixin",
    "StepMixin",
    "all_sum",
    "batch_share",
    "replica",
    "check_distribution",
    "jit",
    "jit_loop",
    "write",
    "write_rows",
    "argmax",
    "first_maximum",
    "fast_memory",
    "float32_matmul",
    "product_roundoff",
    "attention",
    "segment_sum",
    "conv_transpose",
)
if keras.config.backend() not in _SUPPORTED:
    raise _unsupported(keras.config.backend())
_module = importlib.import_module(f"{__name__}.{keras.config.backend()}")

vjp = _module.vjp
input_gradient = _module.input_gradient
apply_gradients = _module.apply_gradients
LayerMixin = _module.LayerMixin
StepMixin = _module.StepMixin
all_sum = _module.all_sum
batch_share = _module.batch_share
replica = _module.replica
check_distribution = _module.check_distribution
jit = _module.jit
jit_loop = _module.jit_loop
write = _module.write
write_rows = _module.write_rows
argmax = _module.argmax
first_maximum = _module.first_maximum
fast_memory = _module.fast_memory
float32_matmul = _module.float32_matmul
product_roundoff = _module.product_roundoff
attention = _module.attention
segment_sum = _module.segment_sum
conv_transpose = _module.conv_transpose
