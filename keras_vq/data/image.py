"""One picture, decoded to the size and channels that were asked for."""

import tensorflow as tf


def read_image(path, size, channels):
    """Read one image file.

    Args:
        path: str or Path of a PNG, JPEG, BMP or GIF file.
        size: `(height, width)` or None to keep it.
        channels: 1 or 3.

    Returns:
        uint8 NumPy array `(height, width, channels)`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an image.
    """
    try:
        image = decode_file(str(path))
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"There is no image {path}.") from error
    except tf.errors.OpError as error:
        raise ValueError(
            f"Cannot read the image {path}. Expected a PNG, JPEG, BMP or GIF "
            "file."
        ) from error
    return fit_image(image, size, channels).numpy()


def decode_file(path):
    """The colours in an image file, uint8 `(height, width, 3)`."""
    return decode_bytes(tf.io.read_file(path))


def decode_bytes(contents):
    """The colours in the bytes of an image file, as `decode_file`."""
    # BMP and GIF files cannot be decoded to grey.
    image = tf.io.decode_image(contents, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def fit_image(image, size, channels):
    """Convert, crop and resize one image.

    Args:
        image: uint8 tensor `(height, width, 1 or 3)`.
        size: `(height, width)` or None to keep it.
        channels: 1, 3 or None to keep them.

    Returns:
        uint8 tensor `(*size, channels)`.
    """
    if channels == 1 and image.shape[-1] == 3:
        image = tf.image.rgb_to_grayscale(image)
    elif channels == 3 and image.shape[-1] == 1:
        image = tf.image.grayscale_to_rgb(image)
    if size is None or tuple(image.shape[:2]) == tuple(size):
        return image
    rows, columns = tf.unstack(tf.shape(image)[:2])
    # The largest central part that has the aspect ratio of `size`.
    height = tf.minimum(rows, columns * size[0] // size[1])
    width = tf.minimum(columns, rows * size[1] // size[0])
    height, width = tf.maximum(height, 1), tf.maximum(width, 1)
    image = tf.image.crop_to_bounding_box(
        image, (rows - height) // 2, (columns - width) // 2, height, width
    )
    image = tf.image.resize(image, size, antialias=True)
    image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
    return tf.ensure_shape(image, (*size, channels or image.shape[-1]))
