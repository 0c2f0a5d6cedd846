"""Helpers of tests on all three backends."""

import os
import platform
import subprocess
import sys

import keras
import numpy as np

from keras_vq import backend

BACKENDS = ("tensorflow", "jax", "torch")


def to_numpy(x):
    """Tensors, nested in dicts, lists and tuples, as NumPy arrays."""
    return keras.tree.map_structure(
        lambda t: None if t is None else keras.ops.convert_to_numpy(t), x
    )


def run(fn, *args, variables=None, **kwargs):
    """What `fn` returns for tensors, as NumPy arrays.

    On JAX `fn` is compiled: there, separate operations would be compiled one
    by one. Assignments persist.

    Args:
        fn: A built layer or model, or a function.
        *args: Arrays or structures of them.
        variables: List of the variables that `fn` reads or assigns. Defaults to
            None, those of the layer.
        **kwargs: Arguments that are not tensors.
    """
    if variables is None:
        is_layer = isinstance(fn, keras.layers.Layer)
        variables = fn.variables if is_layer else []
    args = keras.tree.map_structure(
        lambda x: None if x is None else keras.ops.convert_to_tensor(x), args
    )
    if keras.config.backend() != "jax":
        return to_numpy(fn(*args, **kwargs))
    import jax

    from keras_vq.backend import jax as jax_backend

    @jax.jit
    def pure(values, args):
        return jax_backend._run(
            lambda args: fn(*args, **kwargs), (variables,), (values,), args
        )

    outputs, (values,) = pure([v.value for v in variables], args)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return to_numpy(outputs)


def inside_a_step(step, variables):
    """The result of `step()`, run as the backend runs a training step."""
    return run(step, variables=variables)


def compiled_step(step, variables):
    """`step` as a compiled function to call repeatedly; assignments persist."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        step = tf.function(step)
    if keras.config.backend() != "jax":
        return lambda: to_numpy(step())
    import jax

    from keras_vq.backend import jax as jax_backend

    @jax.jit
    def pure(values):
        return jax_backend._run(lambda _: step(), (variables,), (values,), None)

    def call():
        logs, (values,) = pure([v.value for v in variables])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return to_numpy(logs)

    return call


def gradients(loss, variables):
    """Gradients of the scalar `loss()` with respect to Keras variables."""

    def step():
        _, _, pullback = backend.vjp(lambda: ((loss(),), None), variables)
        return list(pullback((1.0,)))

    return inside_a_step(step, variables)


def assert_close(found, expected, relative=1e-5, name=""):
    """Assert that no element is off by more than a share of the largest."""
    found, expected = np.asarray(found, "float64"), np.asarray(expected)
    assert found.shape == expected.shape, name
    error = np.abs(found - expected).max(initial=0.0)
    largest = np.abs(expected).max(initial=0.0)
    assert error <= relative * largest, (
        f"{name} is off by {error:.2g}, {error / largest:.2g} of {largest:.2g}"
    )


def run_python(*args, backend=None, env=None, check=True, timeout=300):
    """A child process of this interpreter; its output in `.stdout`."""
    child = subprocess.run(
        [sys.executable, *map(str, args)],
        env={
            **os.environ,
            "KERAS_BACKEND": backend or keras.config.backend(),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            **(env or {}),
        },
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if check and child.returncode:
        raise AssertionError(
            f"exit code {child.returncode}\n{child.stdout}\n{child.stderr}"
        )
    return child


def left_by_a_killed_writer(path):
    """The temporary folder of an atomic write to `path` that was killed."""
    killed = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
    )
    folder = path.with_name(f".tmp-{path.name}-abc")
    folder.mkdir()
    (folder / path.name).write_text("half")
    (folder / ".keras_vq").write_text(f"{platform.node()} {killed.stdout}")
    return folder


def perturbed(model):
    """Add noise to a model's weights: an untrained one has equal outputs."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" not in weight.path and weight.dtype == "float32":
            noise = 0.2 * rng.normal(size=weight.shape)
            weight.assign(to_numpy(weight) + noise)
    return model


def tiny_images(rng, count=16, shape=(8, 8, 3)):
    """Smooth images in [0, 1] that a small model can learn."""
    coarse = rng.uniform(size=(count, *(n // 4 for n in shape[:-1]), shape[-1]))
    for axis in range(1, len(shape)):
        coarse = np.repeat(coarse, 4, axis=axis)
    return coarse.astype("float32")


def tiny_vqvae(**kwargs):
    """A VQ-VAE of a few hundred parameters for 8 x 8 images."""
    from keras_vq import zoo

    arguments = {
        "input_shape": (8, 8, 3),
        "num_embeddings": 16,
        "embedding_dim": 4,
        "hidden_dim": 8,
        "num_residual_layers": 1,
        "residual_hidden_dim": 4,
    }
    return zoo.vqvae(**{**arguments, **kwargs})


def one_layer_networks(embedding_dim=4, dtype=None):
    """An encoder and a decoder of one convolution, quick to compile."""
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(embedding_dim, 4, strides=4, dtype=dtype),
        ]
    )
    decoder = keras.Sequential(
        [
            keras.Input((2, 2, embedding_dim)),
            keras.layers.Conv2DTranspose(3, 4, strides=4, dtype=dtype),
        ]
    )
    return {"encoder": encoder, "decoder": decoder}


def one_layer_vqvae(dtype=None, embedding_dim=4, **kwargs):
    """The quickest VQ-VAE to compile: one convolution each way."""
    return tiny_vqvae(
        **one_layer_networks(embedding_dim, dtype),
        embedding_dim=embedding_dim,
        dtype=dtype,
        **kwargs,
    )


# Arguments of both adversarial models, for 8 x 8 images.
ADVERSARIAL = {
    "input_shape": (8, 8, 1),
    "hidden_dim": 4,
    "channel_multipliers": (1, 2),
    "num_residual_layers": 1,
    "disc_hidden_dim": 4,
    "disc_num_layers": 1,
    "disc_normalization": None,
}


def tiny_vqgan(compiled=False, **kwargs):
    """A VQGAN whose steps run eagerly: a few are not worth compiling."""
    from keras_vq import zoo

    arguments = {**ADVERSARIAL, "num_embeddings": 8, "embedding_dim": 4}
    model = zoo.vqgan(**{**arguments, **kwargs})
    model.run_eagerly = not compiled
    return model


def tiny_kl_autoencoder(**kwargs):
    """A KL-regularized autoencoder."""
    from keras_vq import zoo

    arguments = {**ADVERSARIAL, "latent_dim": 2, "seed": 1}
    return zoo.kl_autoencoder(**{**arguments, **kwargs})
