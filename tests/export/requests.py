"""Requests to a SavedModel, and checks of its answers."""

import contextlib

import numpy as np
import tensorflow as tf


@contextlib.contextmanager
def eagerly():
    """Run compiled functions eagerly: compiling takes longer than one call."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def to_bytes(images):
    """PNG files of images in [0, 1], an object array of bytes."""
    pixels = np.round(255 * images).astype("uint8")
    files = [tf.io.encode_png(image).numpy() for image in pixels]
    return np.array(files, object)


def first_rows(arrays, count):
    """A dict of arrays, cut to a batch size; scalars as they are."""
    return {name: x[:count] if x.ndim else x for name, x in arrays.items()}


def check_outputs(found, expected):
    """Compare outputs by name; PNG files by their pixels."""
    assert set(found) == set(expected)
    for name, value in expected.items():
        if name == "image_bytes":
            pictures = [tf.io.decode_png(x).numpy() for x in found[name]]
            np.testing.assert_allclose(pictures, 255 * value, atol=0.51)
        elif value.dtype == "int32":
            np.testing.assert_array_equal(found[name], value)
        else:
            np.testing.assert_allclose(found[name], value, atol=1e-5)
