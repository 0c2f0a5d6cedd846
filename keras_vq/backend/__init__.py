"""What `keras.ops` does not abstract: the only folder that names a backend.

Each of `tensorflow.py`, `jax.py` and `torch.py` defines the same names:

`vjp(fn, variables)`: run `fn`, return its outputs and a pullback to gradients.
`input_gradient(fn, x)`: the gradient of `fn(x)`, to be differentiated again.
`apply_gradients(optimizer, gradients, variables)`: one optimizer step.
`StepMixin`: `train_step` and `test_step` as that backend's trainer calls them.
`all_sum(*tensors)`: the sum over data-parallel replicas.
`batch_share(batch_size)`: the share of the joint batch that is here.
`replica()`: the index of this replica and the number of replicas.
`check_distribution()`: refuse `keras.distribution` where it does nothing.
`jit(fn, model)`: compile a function of arrays that reads the model's weights.
`jit_loop(fn, model)`: the same for a loop of many small operations.
`write(array, position, value)`: set a position of a cache, in place if it can.
`write_rows(array, start, rows)`: the same, of rows that follow each other.
`argmax(x)`: over the last axis, as one native operation.
`first_maximum(x)`: over the last axis, its index and its value.
`fast_memory()`: bytes that scores are best computed in at a time.
`float32_matmul(a, b)`: a product of matrices that rounds no factor.
`product_roundoff()`: to what `keras.ops.matmul` rounds its factors.
`segment_sum(data, segments, num_segments)`: of whole rows, fast.
`conv_transpose(inputs, kernel)`: the fastest 4-wide, stride-2 upsampling.
"""

import importlib

import keras

_NAMES = (
    "vjp",
    "input_gradient",
    "apply_gradients",
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
    "segment_sum",
    "conv_transpose",
)
_SUPPORTED = ("tensorflow", "jax", "torch")

if keras.config.backend() not in _SUPPORTED:
    raise ImportError(
        f"keras_vq runs on the backends {', '.join(_SUPPORTED)}. Received: "
        f"KERAS_BACKEND={keras.config.backend()}. Set the environment variable "
        "KERAS_BACKEND to one of them."
    )
_module = importlib.import_module(f"{__name__}.{keras.config.backend()}")

vjp = _module.vjp
input_gradient = _module.input_gradient
apply_gradients = _module.apply_gradients
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
segment_sum = _module.segment_sum
conv_transpose = _module.conv_transpose
