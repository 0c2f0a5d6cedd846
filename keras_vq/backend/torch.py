"""PyTorch: gradients by `autograd.grad`; Keras variables hold their state."""

import keras
import torch


def vjp(fn, variables, persistent=False):
    """Run `fn() -> (outputs, aux)` and differentiate its outputs.

    Args:
        fn: A function without arguments that returns a tuple of scalar losses
            and anything else (`aux`).
        variables: List of `keras.Variable`, what the losses depend on.
        persistent: Bool, whether `pullback` is called more than once.

    Returns:
        `outputs, aux, pullback`. `pullback(cotangents, wrt=None)` gives the
        gradients of `sum(c * output)` with respect to the variables, or to
        the subset `wrt` of them.
    """
    outputs, aux = fn()

    def pullback(cotangents, wrt=None):
        return torch.autograd.grad(
            list(outputs),
            [v.value for v in (variables if wrt is None else wrt)],
            grad_outputs=[
                (c * torch.ones_like(o)).detach()
                for c, o in zip(cotangents, outputs, strict=True)
            ],
            retain_graph=persistent,
            allow_unused=True,
        )

    return outputs, aux, pullback


def input_gradient(fn, x):
    """Gradient of the scalar `fn(x)`, itself differentiable in variables."""
    x = x.detach().requires_grad_(True)
    return torch.autograd.grad(fn(x), x, create_graph=True)[0]


def apply_gradients(optimizer, gradients, variables):
    """Apply gradients, summed over the processes of `torch.distributed`."""
    with torch.no_grad():
        optimizer.apply(list(all_sum(*gradients)), variables)


class StepMixin:
    """Keras's PyTorch trainer calls the steps with the data alone."""

    def train_step(self, data):
        return self.training_step(data)

    def test_step(self, data):
        return self.evaluation_step(data)

    def make_train_function(self, force=False):
        check_distribution()
        if replica()[1] > 1:
            # Processes that differ in weights or seeds would drift apart.
            for v in [*self.variables, *self.optimizer.variables]:
                torch.distributed.broadcast(v.value.detach(), src=0)
        return super().make_train_function(force)


def all_sum(*tensors):
    """Sum each tensor over the processes of `torch.distributed`."""
    if replica()[1] == 1:
        return tensors
    sums = [t if t is None else t.detach().clone() for t in tensors]
    for t in sums:
        if t is not None:
            torch.distributed.all_reduce(t)
    return tuple(sums)


def batch_share(batch_size):
    """This process's share of the joint batch; None for an equal share."""
    _, replicas = replica()
    if replicas == 1:
        return 1.0
    if batch_size is None:
        return 1.0 / replicas
    batch_size = keras.ops.convert_to_tensor(batch_size, "float32")
    return batch_size / all_sum(batch_size)[0]


def replica():
    """Index of this process and number of processes."""
    if not torch.distributed.is_initialized():
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def check_distribution():
    """Raise if `keras.distribution` is set: Keras ignores it here."""
    if keras.distribution.distribution() is not None:
        raise ValueError(
            "keras.distribution does nothing on the PyTorch backend. "
            "Received: a distribution set with keras.distribution."
            "set_distribution(). Start one process per device and call "
            "torch.distributed.init_process_group() in each, or use "
            "KERAS_BACKEND=jax."
        )


def jit(fn, model):
    """Run `fn` without gradients: compiling costs more than it gains here."""
    return torch.no_grad()(fn)


def jit_loop(fn, model):
    """As `jit`: a loop stays one of Python here."""
    return jit(fn, model)


def write(array, position, value):
    """`array` with `array[:, position] = value`; it may itself be changed."""
    array[:, position] = value  # a copy of all for each position costs more
    return array


def write_rows(array, start, rows):
    """`array` with `rows` from row `start` on; it may itself be changed."""
    array[start : start + len(rows)] = rows
    return array


def argmax(x):
    """Index of the first maximum over the last axis, int32."""
    return torch.argmax(x, dim=-1).to(torch.int32)


def first_maximum(x):
    """Index of the first maximum over the last axis, int32, and its value."""
    value, index = torch.max(x, dim=-1)
    return index.to(torch.int32), value


def fast_memory():
    """Bytes that scores are best computed in at a time."""
    return 2**22 if not torch.cuda.is_available() else 2**28


def float32_matmul(a, b):
    """Product of float32 matrices; TF32 is off unless a user allows it."""
    return torch.matmul(a, b)


def product_roundoff():
    """The unit roundoff to which products of matrices round their factors.

    0 where they take float32 as it is.
    """
    rounds = torch.cuda.is_available() and torch.backends.cuda.matmul.allow_tf32
    return 2.0**-11 if rounds else 0.0


def segment_sum(data, segments, num_segments):
    """Sum of the rows of each segment.

    `index_add` adds whole rows; the scatter that Keras calls, one number at a
    time, each with an index of its own.
    """
    zeros = torch.zeros(
        (num_segments, *data.shape[1:]), dtype=data.dtype, device=data.device
    )
    return zeros.index_add(0, segments, data)


def conv_transpose(inputs, kernel):
    """Transposed convolution of width 4 and stride 2, `"same"` padding.

    Keras computes a larger output here and crops it; PyTorch's own padding
    gives the same values without the copy.
    """
    rank = inputs.ndim - 2
    conv = getattr(torch.nn.functional, f"conv_transpose{rank}d")
    outputs = conv(
        inputs.movedim(-1, 1),  # (batch, channels, *spatial), a view
        kernel.movedim((-1, -2), (0, 1)),  # (channels, filters, *kernel)
        stride=2,
        padding=1,
    )
    return outputs.movedim(1, -1)
