"""Validation of arguments and data.

Every check raises a `ValueError` with the name of the argument, the received
value and the expected value. Checks of single arguments return the value as a
plain Python object, so NumPy numbers are accepted wherever a number is.
"""

import contextlib
import functools
import inspect
import math
import numbers
import os

import keras
import numpy as np

from keras_vq.did_you_mean import did_you_mean

# Tolerance for inputs out of range, since resizing can overshoot.
RANGE_TOLERANCE = 0.01
# More layers than any published network has; Keras would take hours to build
# them.
MAX_LAYERS = 1000
# A wider kernel is a mistake: images and codes are not that large.
MAX_KERNEL = 1000
# Assumed where the system does not tell.
_DEFAULT_MEMORY = 2**36


# === Single arguments ===


def check_int(name, value, minimum=1, maximum=None):
    """Return `value` as an `int` if it is an integer in range.

    Args:
        name: str, name of the argument.
        value: The received value.
        minimum: int, smallest valid value. Defaults to 1.
        maximum: int or None, largest valid value. Defaults to None.
    """
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    too_large = is_int and maximum is not None and value > maximum
    if not is_int or value < minimum or too_large:
        expected = f"an integer >= {minimum}"
        if maximum is not None:
            expected = f"an integer from {minimum} to {maximum}"
        raise ValueError(
            f"`{name}` must be {expected}. Received: {name}={value!r}"
        )
    return int(value)


def check_number(
    name, value, *, above=None, at_least=None, below=None, at_most=None
):
    """Return `value` as an `int` or `float` if it is a finite number in range.

    Args:
        name: str, name of the argument.
        value: The received value.
        above, at_least, below, at_most: number or None, the bounds.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (
        is_number
        and math.isfinite(value)
        and (above is None or value > above)
        and (at_least is None or value >= at_least)
        and (below is None or value < below)
        and (at_most is None or value <= at_most)
    ):
        interval = _interval(above, at_least, below, at_most)
        raise ValueError(
            f"`{name}` must be a number{interval}. Received: {name}={value!r}"
        )
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _interval(above, at_least, below, at_most):
    low = at_least if above is None else above
    high = at_most if below is None else below
    if low is not None and high is not None:
        opening = "[" if above is None else "("
        closing = "]" if below is None else ")"
        return f" in {opening}{low}, {high}{closing}"
    if low is not None:
        return f" {'>=' if above is None else '>'} {low}"
    if high is not None:
        return f" {'<=' if below is None else '<'} {high}"
    return ""


def check_choice(name, value, choices):
    """Return `value` if it is one of `choices`.

    Args:
        name: str, name of the argument.
        value: The received value.
        choices: Iterable of str or None.
    """
    choices = list(choices)
    if not isinstance(value, (str, type(None))) or value not in choices:
        hint = did_you_mean(value, [c for c in choices if c is not None])
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}.{hint}"
        )
    return value


def check_shape(name, shape, ranks=None):
    """Return `shape` as a tuple of int if all its sizes are positive.

    Args:
        name: str, name of the argument.
        shape: The received value.
        ranks: tuple of int or None, valid numbers of axes. None allows any
            number except 0. Defaults to None.
    """
    is_sequence = isinstance(shape, (tuple, list))
    if (
        not is_sequence
        or not shape
        or (ranks is not None and len(shape) not in ranks)
        or not all(
            isinstance(n, numbers.Integral)
            and not isinstance(n, bool)
            and int(n) > 0
            for n in shape
        )
    ):
        axes = ""
        if ranks is not None:
            axes = f" {' or '.join(map(str, ranks))}"
        raise ValueError(
            f"`{name}` must be a tuple of{axes} positive integers. Received: "
            f"{name}={shape!r}"
        )
    return tuple(map(int, shape))


def check_type(name, value, expected, description):
    """Return `value` if it is an instance of `expected`.

    Args:
        name: str, name of the argument.
        value: The received value.
        expected: A class or a tuple of classes.
        description: str, description of `expected`, such as `"a keras.Model"`.
    """
    if not isinstance(value, expected):
        raise ValueError(
            f"`{name}` must be {description}. Received: {name}={value!r} of "
            f"type {type(value).__name__}"
        )
    return value


def check_factors(downsampling, num_axes, minimum=1):
    """Return the downsampling of each axis, if they are powers of two.

    Args:
        downsampling: The received value, an int or one for each axis.
        num_axes: int, number of axes.
        minimum: int, what one of the values must reach. Defaults to 1.

    Returns:
        tuple of int.
    """
    factors = downsampling
    if not isinstance(downsampling, (tuple, list)):
        factors = (downsampling,) * num_axes
    is_valid = len(factors) == num_axes and all(
        isinstance(n, numbers.Integral)
        and not isinstance(n, bool)
        and int(n) >= 1
        and not int(n) & (int(n) - 1)
        for n in factors
    )
    if not is_valid or max(factors) < minimum:
        raise ValueError(
            f"`downsampling` must be a power of two, at least {minimum}, or "
            f"one for each of {num_axes} axes. Received: downsampling="
            f"{downsampling!r}"
        )
    return tuple(map(int, factors))


def check_downsampling(input_shape, downsampling, minimum=2, is_causal=False):
    """Return the downsampling of each axis, if they are powers of two that fit.

    Args:
        input_shape: tuple of int, channels last.
        downsampling: The received value, an int or one for each spatial axis.
        minimum: int, smallest valid value; 1 allows no downsampling. Of several
            values, one must reach it. Defaults to 2.
        is_causal: bool, whether the first frame of a video is on its own, and
            the others are downsampled. Defaults to False.

    Returns:
        tuple of int.
    """
    size = tuple(input_shape[:-1])
    factors = check_factors(downsampling, len(size), minimum)
    if is_causal:
        if (size[0] - 1) % factors[0]:
            raise ValueError(
                "A causal network takes one frame and then a multiple of the "
                f"downsampling of time: 1 + n * {factors[0]} frames. Received: "
                f"{size[0]} frames in input_shape={tuple(input_shape)}"
            )
        size = (factors[0], *size[1:])
    if any(n % factor for n, factor in zip(size, factors, strict=True)):
        raise ValueError(
            "`downsampling` must divide each spatial size of the input. "
            f"Received: downsampling={downsampling} and input_shape="
            f"{input_shape}"
        )
    return factors


def check_input_shape(input_shape):
    """Return the shape of one input of a first-stage model, as ints."""
    try:
        shape = check_shape("input_shape", input_shape, ranks=(2, 3, 4))
    except ValueError as error:
        raise ValueError(
            "`input_shape` must be (time, channels), (height, width, channels) "
            "or (frames, height, width, channels), with positive sizes. "
            f"Received: input_shape={input_shape!r}"
        ) from error
    check_memory(f"An input of input_shape={shape}", *shape)
    return shape


def check_flag(name, value):
    """Return `value` as a `bool` if it is one."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(
            f"`{name}` must be True or False. Received: {name}={value!r}"
        )
    return bool(value)


def check_seed(seed):
    """Return `seed` as an `int` if it is a valid random seed, or None."""
    return None if seed is None else check_int("seed", seed, 0, 2**31 - 1)


def check_learning_rate(learning_rate):
    """Return a learning rate: a number > 0, or a schedule."""
    if callable(learning_rate):
        return learning_rate
    return check_number("learning_rate", learning_rate, above=0)


def check_dtype_policy(dtype):
    """Return `dtype` if it is a dtype policy, or the name of one."""
    try:
        is_policy = isinstance(dtype, (str, keras.DTypePolicy))
        keras.dtype_policies.get(dtype if is_policy else "")
    except (ValueError, TypeError) as error:
        raise ValueError(
            "`dtype` must be a dtype policy such as 'float32', 'mixed_float16' "
            f"or 'mixed_bfloat16', or None. Received: dtype={dtype!r}"
        ) from error
    return dtype


def check_path(name, path):
    """Return `path` if it is a string or a path."""
    return check_type(name, path, (str, os.PathLike), "a path")


def check_array(name, value):
    """Return `value` if it is an array or a tensor."""
    if not hasattr(value, "shape"):
        raise ValueError(
            f"`{name}` must be an array. Received: {name}={value!r} of type "
            f"{type(value).__name__}"
        )
    return value


def check_names(name, value):
    """Return `value` as a list if it is a list of strings."""
    is_list = isinstance(value, (tuple, list))
    if not is_list or not all(isinstance(x, str) for x in value):
        raise ValueError(
            f"`{name}` must be a list of strings. Received: {name}={value!r}"
        )
    return list(value)


def check_memory(what, *shape):
    """Raise if a float32 array of a shape does not fit in memory.

    Args:
        what: str, what the array holds and which arguments set its size.
        *shape: int, its sizes.
    """
    needed, available = 4 * math.prod(shape), _memory()
    if needed > available:
        raise ValueError(
            f"{what} would take {_gib(needed)} of memory; this machine has "
            f"{_gib(available)}. Choose smaller sizes."
        )


def _memory():
    """Bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # on Windows
        return _DEFAULT_MEMORY


def _gib(size):
    return f"{size / 2**30:,.0f} GiB"


# === Arguments that several functions share, by name ===

_WIDTHS = (
    "hidden_dim",
    "residual_hidden_dim",
    "latent_dim",
    "embedding_dim",
    "disc_hidden_dim",
    "skip_dim",
    "intermediate_dim",
    "condition_dim",
    "num_classes",
)
_COUNTS = (
    "num_residual_layers",
    "num_layers",
    "num_stacks",
    "num_attentions",
    "num_levels",
    "num_codes",
    "disc_num_layers",
)
_KERNELS = ("kernel_size", "first_kernel_size")
_WEIGHTS = ("perceptual_weight", "disc_weight", "commitment_cost")
_FLAGS = (
    "decay_warmup",
    "tie_weights",
    "separate_codebooks",
    "autoregressive_decoder",
)
_BY_NAME = {
    "input_shape": check_input_shape,
    "seed": check_seed,
    "learning_rate": check_learning_rate,
    "dtype": check_dtype_policy,
}


def checked(function):
    """Decorator: check the arguments whose names are in the lists above.

    Args:
        function: A function that builds a model or network.

    Returns:
        A function of the same signature, which passes on Python numbers.
    """
    signature = inspect.signature(function)
    defaults = {k: p.default for k, p in signature.parameters.items()}

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        given = bound.arguments
        for name, value in given.items():
            if value is None and defaults[name] is None:
                continue
            if name in _BY_NAME:
                given[name] = _BY_NAME[name](value)
            elif name in _WEIGHTS:
                given[name] = check_number(name, value, at_least=0)
            elif name in _FLAGS:
                given[name] = check_flag(name, value)
            elif name in _COUNTS:
                minimum = 0 if name == "num_residual_layers" else 1
                given[name] = check_int(name, value, minimum, MAX_LAYERS)
            elif name in _KERNELS:
                given[name] = check_int(name, value, 1, MAX_KERNEL)
            elif name in _WIDTHS:
                given[name] = check_int(name, value)
        for name in given.keys() & set(_WIDTHS) - {"hidden_dim"}:
            if given[name] is not None:
                width = given.get("hidden_dim", defaults.get("hidden_dim", 1))
                check_memory(f"{name}={given[name]}", given[name], width)
        if "hidden_dim" in given:
            width = given["hidden_dim"]
            check_memory(f"A layer of hidden_dim={width}", width, width)
        return function(*bound.args, **bound.kwargs)

    return wrapper


# === Data ===


def title(model):
    """Class and name of a model, for error messages."""
    return f"{type(model).__name__} `{model.name}`"


def check_batch_shape(model, shape):
    """Check the shape of a batch of inputs of a first-stage model.

    Args:
        model: A model with `input_shape`.
        shape: tuple of int or None, the shape to check.
    """
    expected = (None, *model.input_shape)
    if len(shape) != len(expected) or any(
        n is not None and n != m
        for n, m in zip(shape[1:], model.input_shape, strict=True)
    ):
        raise ValueError(
            f"{title(model)} expects inputs of shape {expected}, channels "
            f"last. Received: shape={tuple(shape)}"
        )


def check_dtype(model, dtype):
    """Check that inputs are floats or, for images and video, uint8.

    Args:
        model: A model with `value_range`.
        dtype: dtype, or its name.
    """
    name = np.dtype(dtype).name if isinstance(dtype, np.dtype) else str(dtype)
    low, high = model.value_range
    is_audio = low < 0
    if "float" in name or (name == "uint8" and not is_audio):
        return
    expected = f"floats in [{low:g}, {high:g}]"
    if is_audio:
        advice = "Divide 16-bit samples by 32768, or x / 127.5 - 1 for uint8."
    else:
        expected += " or uint8"
        advice = "Cast integers from 0 to 255 to uint8."
    raise ValueError(
        f"{title(model)} expects {expected}. Received: values of dtype {name}. "
        f"{advice}"
    )


def check_values(model, batch):
    """Check that the values of a batch of inputs are finite and in range.

    Args:
        model: A model with `value_range`.
        batch: NumPy array; for images, uint8 is always valid.
    """
    check_dtype(model, batch.dtype)
    if batch.dtype == np.uint8 or batch.size == 0:
        return
    low, high = model.value_range
    values = batch.astype("float32")
    if not np.isfinite(values).all():
        count = int(np.sum(~np.isfinite(values)))
        raise ValueError(
            f"{title(model)} expects finite inputs. Received: {count} NaN or "
            "infinite values in a batch"
        )
    lowest, highest = values.min(), values.max()
    if lowest < low - RANGE_TOLERANCE or highest > high + RANGE_TOLERANCE:
        raise ValueError(
            f"{title(model)} expects values in [{low:g}, {high:g}], or uint8 "
            f"images. Received: values from {lowest:g} to {highest:g}. Rescale "
            "the inputs."
        )


def check_latents(model, latents):
    """Check the shape of a batch of continuous latents.

    Args:
        model: A first-stage model with `latent_shape`.
        latents: NumPy array.
    """
    if latents.ndim == 0 or latents.shape[1:] != model.latent_shape:
        raise ValueError(
            f"{title(model)} decodes latents of shape "
            f"{(None, *model.latent_shape)}. Received: shape={latents.shape}"
        )


def check_codes(model, indices, shape, num_embeddings, name="indices"):
    """Check the dtype, shape and range of codes.

    Args:
        model: The model that takes the codes.
        indices: NumPy array `(n, *shape)`.
        shape: tuple of int, shape of the codes of one input.
        num_embeddings: int, number of codes.
        name: str, name in error messages. Defaults to `"indices"`.
    """
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"{title(model)} expects integer {name}. Received: {name}.dtype="
            f"{indices.dtype}"
        )
    if indices.shape[1:] != shape:
        raise ValueError(
            f"{title(model)} expects {name} of shape {(None, *shape)}. "
            f"Received: shape={indices.shape}"
        )
    if indices.size and (indices.min() < 0 or indices.max() >= num_embeddings):
        raise ValueError(
            f"{title(model)} has codes 0 to {num_embeddings - 1}. Received: "
            f"{name} from {indices.min()} to {indices.max()}"
        )


def check_code_maps(model, maps, all_maps=False):
    """Check a tuple of code maps, coarsest first.

    Args:
        model: A model with several `code_maps`.
        maps: tuple of NumPy arrays.
        all_maps: bool, whether all maps are required, not only the first ones.
            Defaults to False.
    """
    expected = model.code_maps
    is_tuple = isinstance(maps, (tuple, list))
    minimum = len(expected) if all_maps else 1
    if not is_tuple or not minimum <= len(maps) <= len(expected):
        shapes = ", ".join(str((None, *shape)) for shape, _ in expected)
        count = f"{minimum} to {len(expected)}"
        if minimum == len(expected):
            count = str(minimum)
        received = f"{len(maps)} maps" if is_tuple else type(maps).__name__
        raise ValueError(
            f"{title(model)} takes a tuple of {count} maps of indices, "
            f"coarsest first, of shapes {shapes}. Received: {received}"
        )
    for level, indices in enumerate(maps):
        shape, num_embeddings = expected[level]
        check_codes(model, indices, shape, num_embeddings, f"indices[{level}]")
    counts = [len(indices) for indices in maps]
    if len(set(counts)) > 1:
        raise ValueError(
            f"{title(model)} needs the same number of rows in each map of "
            f"indices. Received: {counts} rows, coarsest first"
        )


def check_labels(model, labels, count=None):
    """Check class labels.

    Args:
        model: A model with `num_classes`.
        labels: NumPy int array `(n,)`, or None.
        count: int or None, expected number of labels. None allows any number.
            Defaults to None.
    """
    if labels is None:
        raise ValueError(
            f"{title(model)} is conditional and needs a label for each input, "
            "as in `fit(x, labels)`, `predict([x, labels])` or a dataset of "
            "pairs. Received no labels."
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"{title(model)} expects labels as integers of shape (batch,). "
            f"Received: shape={labels.shape} and dtype={labels.dtype}"
        )
    if count is not None and len(labels) != count:
        raise ValueError(
            f"{title(model)} expects one label per example. Received: "
            f"{len(labels)} labels for {count} examples"
        )
    if labels.size and (labels.min() < 0 or labels.max() >= model.num_classes):
        raise ValueError(
            f"{title(model)} has classes 0 to {model.num_classes - 1}. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )


class LimitsCheck:
    """A check that the integers of a batch are in range.

    Out of range, they would read other rows of a table, or NaN, depending on
    backend and device.

    Args:
        name: str, the model, for error messages.
        limits: tuple of int or None; see `keras_vq.training.Model.limits`.

    Call arguments:
        x: NumPy array, or a tuple of them.
        labels: NumPy array or None.
    """

    def __init__(self, name, limits):
        self.name = name
        self.limits = limits
        self.error = None

    @contextlib.contextmanager
    def reported(self):
        """Raise the error of a check, not what a data set made of it."""
        try:
            yield
        except Exception:
            if self.error is None:
                raise
            raise self.error from None

    def __call__(self, x, labels):
        arrays = (*(x if isinstance(x, tuple) else (x,)), labels)
        for array, limit in zip(arrays, self.limits, strict=False):
            if limit is None or array is None or array.size == 0:
                continue
            if not np.issubdtype(array.dtype, np.integer):
                continue
            lowest, highest = array.min(), array.max()
            if lowest < 0 or highest >= limit:
                kinds = ("codes", "codes")
                if array is labels:
                    kinds = ("classes", "labels")
                self.error = ValueError(
                    f"{self.name} has {kinds[0]} 0 to {limit - 1}. Received: "
                    f"{kinds[1]} from {lowest} to {highest}"
                )
                raise self.error


def check_unweighted(model, **weights):
    """Check that examples have no weights.

    Args:
        model: The model to train.
        **weights: `sample_weight` and `class_weight`, which must be None.
    """
    given = [name for name, value in weights.items() if value is not None]
    if given:
        raise ValueError(
            f"{title(model)} does not support {' or '.join(given)}: all "
            "examples count alike. Leave examples out of the data, or repeat "
            "them, instead."
        )


def check_ends(data, argument):
    """Check that a data set ends.

    Args:
        data: What `fit` accepts.
        argument: str, how to read a part of an endless data set.
    """
    if isinstance(data, keras.utils.PyDataset):
        is_endless = data.num_batches is None
    else:  # -1 is what tf.data says of an endless one
        is_endless = hasattr(data, "cardinality") and data.cardinality() == -1
    if is_endless:
        raise ValueError(
            f"The data set is endless. Received: {data!r}. Give {argument}."
        )


def check_no_labels(model, labels):
    """Check that a model without classes gets no labels."""
    if labels is not None:
        raise ValueError(
            f"{title(model)} has no `num_classes` and takes no labels. "
            "Received labels."
        )


def check_condition(prior, condition, count):
    """Check the condition of a prior.

    Args:
        prior: A prior with `condition_shape` and `num_condition_embeddings`.
        condition: NumPy array `(n, *condition_shape)`, or None.
        count: int, expected number of conditions.
    """
    shape = prior.condition_shape
    if shape is None:
        if condition is not None:
            raise ValueError(
                f"{title(prior)} takes no condition. Received one."
            )
        return
    if condition is None:
        raise ValueError(
            f"{title(prior)} needs a condition of shape {(None, *shape)} for "
            "each example, as in `fit((codes, condition))` or "
            "`generate(..., condition=condition)`. Received none."
        )
    if prior.num_condition_embeddings is not None:
        check_codes(
            prior,
            condition,
            shape,
            prior.num_condition_embeddings,
            "condition",
        )
    elif condition.shape[1:] != shape:
        raise ValueError(
            f"{title(prior)} takes conditions of shape {(None, *shape)}. "
            f"Received: shape={condition.shape}"
        )
    if len(condition) != count:
        raise ValueError(
            f"{title(prior)} expects one condition per example. Received: "
            f"{len(condition)} conditions for {count} examples"
        )


def check_prompt(prior, prompt, num_samples):
    """Check the first codes of each sample.

    Args:
        prior: A prior over one map of codes.
        prompt: NumPy int array `(num_samples, m)`.
        num_samples: int.
    """
    if prompt.ndim != 2 or len(prompt) != num_samples:
        raise ValueError(
            "`prompt` must have shape (num_samples, m), the first m codes in "
            f"raster order. Received: shape={prompt.shape} and "
            f"num_samples={num_samples}"
        )
    length = math.prod(prior.code_shape)
    if prompt.shape[1] > length:
        raise ValueError(
            f"`prompt` is longer than the {length} codes of {title(prior)}. "
            f"Received: {prompt.shape[1]} codes"
        )
    check_codes(prior, prompt, prompt.shape[1:], prior.num_embeddings, "prompt")


def check_known(known, shape):
    """Check a mask of known codes.

    Args:
        known: NumPy array.
        shape: tuple of int, the shape of the codes.
    """
    if known.shape != shape or known.dtype != bool:
        raise ValueError(
            f"`known` must be bool and have the shape of the codes, {shape}. "
            f"Received: shape={known.shape} and dtype={known.dtype}"
        )
