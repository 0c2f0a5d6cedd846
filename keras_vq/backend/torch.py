"""PyTorch backend: gradients from `autograd.grad`, state in Keras variables."""

import collections

import keras
import torch


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
    """Gradient of the scalar `fn(x)`, itself differentiable in variables.

    Discards updates of variables in `fn`, such as batch statistics.
    """
    x = x.detach().requires_grad_(True)
    with keras.StatelessScope():
        y = fn(x)
    return torch.autograd.grad(y, x, create_graph=True)[0]


def apply_gradients(optimizer, gradients, variables):
    """Apply gradients, summed over the processes of `torch.distributed`."""
    with torch.no_grad():
        optimizer.apply(list(all_sum(*gradients)), variables)


class LayerMixin:
    """Variables of a layer as parameters of a `torch.nn.Module`.

    Keras registers them when it builds a layer, under names that count the
    layers of the process, such as `vector_quantizer_3/embeddings`. Here they
    are registered when PyTorch asks for them, and in a `state_dict` a name
    depends on the layer alone: `embeddings`, or `kernel.0` and `kernel.1` if
    there are several.
    """

    def named_modules(self, *args, **kwargs):
        self._track_variables()
        return super().named_modules(*args, **kwargs)

    def state_dict(self, *, destination=None, prefix="", keep_vars=False):
        destination = {} if destination is None else destination
        tensors, names = self._state(prefix)
        for key, name in sorted(names.items(), key=lambda item: item[1]):
            tensor = tensors[key]
            destination[name] = tensor if keep_vars else tensor.detach()
        return destination

    def _load_from_state_dict(self, state_dict, prefix, *args):
        _, names = self._state(prefix)
        found = {k: state_dict[n] for k, n in names.items() if n in state_dict}
        for name in names.values():
            state_dict.pop(name, None)
        state_dict.update(found)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _track_variables(self):
        names = _numbered(self.variables)
        self._torch_params = torch.nn.ParameterDict(
            {
                names[id(v.value)].replace(".", "/"): v.value
                for v in self.variables
            }
        )

    def _state(self, prefix):
        """dicts, PyTorch's own keys of the state to tensors and to names."""
        self._track_variables()
        tensors = super().state_dict(prefix=prefix, keep_vars=True)
        names = self._variable_names()
        return tensors, {
            key: prefix + names[id(tensor)] if id(tensor) in names else key
            for key, tensor in tensors.items()
        }

    def _variable_names(self):
        """dict, the `id` of the tensor of each variable to its name."""
        return _numbered(self.variables)


class StepMixin(LayerMixin):
    """Steps for Keras's PyTorch trainer, which passes only the data."""

    def _variable_names(self):
        names = super()._variable_names()
        for part, module in self.named_children():
            if isinstance(module, keras.layers.Layer):
                numbered = _numbered(module.variables)
                names |= {i: f"{part}.{name}" for i, name in numbered.items()}
        return names

    def train_step(self, data):
        return self.training_step(data)

    def test_step(self, data):
        return self.evaluation_step(data)

    def check_last_batch(self, rows, batch_size):
        """Do nothing: each process has batches of its own."""

    def make_train_function(self, force=False):
        check_distribution()
        if replica()[1] > 1:
            # Start all processes from the same weights and seeds.
            for v in [*self.variables, *self.optimizer.variables]:
                torch.distributed.broadcast(v.value.detach(), src=0)
        return super().make_train_function(force)


def all_sum(*tensors):
    """Sum each tensor over the processes of `torch.distributed`."""
    if replica()[1] == 1:
        return tensors
    return tuple(t if t is None else _AllSum.apply(t) for t in tensors)


class _AllSum(torch.autograd.Function):
    """A differentiable sum over processes, whose gradient is one as well."""

    @staticmethod
    def forward(ctx, x):
        x = x.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, gradient):
        return _AllSum.apply(gradient)


def batch_share(batch_size):
    """This process's share of the global batch; equal shares for None."""
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
    """Raise if `keras.distribution` is set, which this backend ignores."""
    if keras.distribution.distribution() is not None:
        raise ValueError(
            "keras.distribution has no effect on the PyTorch backend. "
            "Received: a distribution set with keras.distribution."
            "set_distribution(). Start one process per device and call "
            "torch.distributed.init_process_group() in each, or use "
            "KERAS_BACKEND=jax."
        )


def jit(fn, model):
    """Run `fn` without gradients; compiling would cost more than it saves."""
    return torch.no_grad()(fn)


def jit_loop(fn, model):
    """Same as `jit`: loops run in Python."""
    return jit(fn, model)


def write(array, position, value):
    """Set `array[:, position] = value`, maybe in place, and return `array`."""
    array[:, position] = value  # in place, to avoid a copy per position
    return array


def write_rows(array, start, rows):
    """Write `rows` from row `start` on, maybe in place, and return `array`."""
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
    """Number of bytes of scores to compute at a time."""
    return 2**22 if not torch.cuda.is_available() else 2**28


def float32_matmul(a, b):
    """Matrix product in float32; in TF32 only if the user allows it."""
    return torch.matmul(a, b)


def product_roundoff():
    """Unit roundoff of the factors of matrix products; 0 for full float32."""
    rounds = torch.cuda.is_available() and torch.backends.cuda.matmul.allow_tf32
    return 2.0**-11 if rounds else 0.0


def attention(query, key, value, is_causal=False):
    """Dot-product attention of tensors `(batch, length, heads, dim)`."""
    return keras.ops.dot_product_attention(
        query, key, value, is_causal=is_causal
    )


def segment_sum(data, segments, num_segments):
    """Sum of the rows of each segment.

    `index_add` adds whole rows, while the scatter that Keras calls adds single
    elements and needs an index for each.
    """
    zeros = torch.zeros(
        (num_segments, *data.shape[1:]), dtype=data.dtype, device=data.device
    )
    return zeros.index_add(0, segments, data)


def conv_transpose(inputs, kernel):
    """Transposed convolution of width 4 and stride 2, `"same"` padding.

    Keras computes a larger output and crops it. PyTorch's own padding gives the
    same values without the copy.
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


def _numbered(variables):
    """dict, the `id` of the tensor of each variable to a name of its own."""
    total = collections.Counter(v.name for v in variables)
    seen: collections.Counter = collections.Counter()
    names = {}
    for v in variables:
        several = total[v.name] > 1
        names[id(v.value)] = f"{v.name}.{seen[v.name]}" if several else v.name
        seen[v.name] += 1
    return names
