import os

import keras

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
    shape = (SIZE, SIZE, 3)
    try:
        inception = keras.applications.InceptionV3(
            weights="imagenet",
            include_top=False,
            pooling="avg",
            input_shape=shape,
        )
    except Exception as error:
        home = os.environ.get("KERAS_HOME", "~/.keras")
        raise OSError(
            "The ImageNet weights of InceptionV3 were not found in "
            f"{home}/models and could not be downloaded ({error}). Copy the "
            "weights file there, or pass any `keras.Model` from images in "
            "[0, 1] to features as the feature network."
        ) from error
    inputs = keras.Input((None, None, 3))
    resize = keras.layers.Resizing(
        SIZE, SIZE, antialias=True, data_format="channels_last"
    )
    x = keras.layers.Rescaling(2.0, offset=-1.0)(resize(inputs))
    return keras.Model(inputs, inception(x), name="inception_features")
