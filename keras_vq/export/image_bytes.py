"""Decode image files in the graph of a SavedModel."""

import tensorflow as tf

from keras_vq.data.image import MAX_PIXELS

_ORIENTATION = 0x0112  # the EXIF tag


def decode_bytes(contents):
    """Decode an image file to RGB, upright and on white.

    Equals `keras_vq.data.image.decode_file` up to rounding, for PNG, JPEG, BMP
    and GIF files.

    Args:
        contents: string tensor `()`, the bytes of a file.

    Returns:
        uint8 tensor `(height, width, 3)`. Running it raises an
        `InvalidArgumentError` if the file is not an image or has more than
        `MAX_PIXELS` pixels.
    """
    data = tf.io.decode_raw(contents, tf.uint8)
    check = tf.debugging.Assert(
        _num_pixels(contents, data) <= MAX_PIXELS,
        [f"An image has more than {MAX_PIXELS} pixels."],
    )
    with tf.control_dependencies([check]):
        contents = tf.identity(contents)
    # Byte 25 of a PNG file is its color type, 0 for gray without alpha.
    has_alpha = _integer(data, 25, 1, True) != 0
    image = tf.cond(
        _starts_with(contents, b"\x89PNG") & has_alpha,
        lambda: _png_on_white(contents),
        lambda: tf.io.decode_image(
            contents, channels=3, expand_animations=False
        ),
    )
    image = tf.ensure_shape(image, (None, None, 3))
    return _upright(image, _orientation(contents, data))


def _starts_with(contents, magic):
    return tf.strings.substr(contents, 0, len(magic)) == magic


def _png_on_white(contents):
    rgba = tf.cast(tf.io.decode_png(contents, channels=4), tf.float32)
    alpha = rgba[..., 3:] / 255.0
    rgb = rgba[..., :3] * alpha + 255.0 * (1.0 - alpha)
    return tf.cast(tf.round(rgb), tf.uint8)


def _integer(data, start, size, big_endian):
    """The unsigned integer of `size` bytes at `start`; 0 past the end."""
    found = tf.cast(data[start : start + size], tf.int64)
    found = tf.pad(found, [[0, tf.maximum(size - tf.size(found), 0)]])
    powers = 256 ** tf.range(size, dtype=tf.int64)
    powers = tf.where(big_endian, powers[::-1], powers)
    return tf.reduce_sum(found * powers)


def _num_pixels(contents, data):
    """int64, height times width from the header; 0 for unknown formats."""

    def product(start, size, big_endian):
        width = _integer(data, start, size, big_endian)
        return width * _integer(data, start + size, size, big_endian)

    def of_jpeg():
        shape = tf.io.extract_jpeg_shape(contents)
        return tf.reduce_prod(tf.cast(shape[:2], tf.int64))

    return tf.case(
        [
            (_starts_with(contents, b"\x89PNG"), lambda: product(16, 4, True)),
            (_starts_with(contents, b"\xff\xd8"), of_jpeg),
            (_starts_with(contents, b"BM"), lambda: product(18, 4, False)),
            (_starts_with(contents, b"GIF8"), lambda: product(6, 2, False)),
        ],
        default=lambda: tf.constant(0, tf.int64),
    )


def _orientation(contents, data):
    """int64, 1 to 8, from the EXIF block of a JPEG or PNG file, or 1."""
    is_png = _starts_with(contents, b"\x89PNG")
    is_jpeg = _starts_with(contents, b"\xff\xd8")
    marker = tf.where(is_png, b"eXIf", b"Exif")
    windows = tf.signal.frame(data[: 2**16], 4, 1)
    is_marker = windows == tf.io.decode_raw(marker, tf.uint8)
    hits = tf.where(tf.reduce_all(is_marker, axis=1))[:, 0]

    def read():
        # The TIFF header follows; in JPEG files after two zeros.
        start = tf.cast(hits[0], tf.int32) + tf.where(is_png, 4, 6)
        big_endian = _integer(data, start, 1, True) == ord("M")
        directory = start + tf.cast(
            _integer(data, start + 4, 4, big_endian), tf.int32
        )
        count = tf.cast(_integer(data, directory, 2, big_endian), tf.int32)
        count = tf.minimum(count, 256)

        def value(i):
            entry = directory + 2 + 12 * i
            is_it = _integer(data, entry, 2, big_endian) == _ORIENTATION
            found = _integer(data, entry + 8, 2, big_endian)
            return tf.where(is_it, found, 0)

        found = tf.map_fn(value, tf.range(count), fn_output_signature=tf.int64)
        return tf.reduce_max(found)

    has_exif = (is_png | is_jpeg) & (tf.size(hits) > 0)
    return tf.cond(has_exif, read, lambda: tf.constant(1, tf.int64))


def _upright(image, orientation):
    """Undo an EXIF orientation: 5 to 8 transpose, then rows, then columns."""

    def among(*values):
        return tf.reduce_any(orientation == tf.constant(values, tf.int64))

    image = tf.cond(
        among(5, 6, 7, 8), lambda: tf.transpose(image, (1, 0, 2)), lambda: image
    )
    image = tf.cond(among(3, 4, 7, 8), lambda: image[::-1], lambda: image)
    return tf.cond(among(2, 3, 6, 7), lambda: image[:, ::-1], lambda: image)
