import os
import pathlib

import keras

from keras_vq.saving.config import refuse_while_loading

_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
SIZE = 299  # height and width of the images that Inception was trained on


def inception_features():
    """Inception-v3 of `keras.applications`, up to the pooled features.

    The ImageNet weights are downloaded once and cached by Keras.

    Returns:
        `keras.Model` from images `(batch, height, width, 3)` in [0, 1], which
        it resizes to 299 x 299, to features `(batch, 2048)`.

    Raises:
        OSError: If the weights are not cached and cannot be downloaded.
    """
    if not _cached_weights().is_file():
        refuse_while_loading("the ImageNet weights of InceptionV3, a download")
    shape = (SIZE, SIZE, 3)
    try:
        inception = keras.applications.InceptionV3(
            weights="imagenet",
            include_top=False,
            pooling="avg",
            input_shape=shape,
        )
    except Exception as error:
        raise OSError(
            "The ImageNet weights of InceptionV3 were not found in "
            f"{_cached_weights().parent} and could not be downloaded "
            f"({error}). Copy the weights file there, or pass any "
            "`keras.Model` from images in [0, 1] to features as the feature "
            "network."
        ) from error
    inputs = keras.Input((None, None, 3))
    resize = keras.layers.Resizing(
        SIZE, SIZE, antialias=True, data_format="channels_last"
    )
    x = keras.layers.Rescaling(2.0, offset=-1.0)(resize(inputs))
    return keras.Model(inputs, inception(x), name="inception_features")


def _cached_weights():
    """Where Keras keeps the weights."""
    home = pathlib.Path(os.environ.get("KERAS_HOME", "~/.keras"))
    return home.expanduser() / "models" / _FILE
