"""Read image files as an image viewer shows them."""

import pathlib

import numpy as np
import PIL.Image
import PIL.ImageOps
import tensorflow as tf

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".webp",
    ".tif",
    ".tiff",
)
# A small file can expand to many pixels; larger images are not decoded.
MAX_PIXELS = 100_000_000
# Pillow raises all of these for damaged files.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError)


def read_image(path, size, channels):
    """Read one image file.

    Args:
        path: str or Path of a PNG, JPEG, BMP, GIF, WebP or TIFF file.
        size: `(height, width)` or None to keep it.
        channels: 1 or 3.

    Returns:
        uint8 NumPy array `(height, width, channels)`.

    Raises:
        FileNotFoundError: If there is no such file.
        PermissionError: If the file cannot be read.
        ValueError: If it is not an image, is damaged or has more than
            `MAX_PIXELS` pixels.
    """
    return fit_image(decode_file(path), size, channels).numpy()


def decode_file(path):
    """Decode an image file to RGB, upright and on white.

    The EXIF orientation is applied, transparent pixels are blended with white,
    16-bit values are scaled to 8 bits, and only the first frame of an animation
    is read.

    Args:
        path: str or Path.

    Returns:
        uint8 NumPy array `(height, width, 3)`.

    Raises:
        FileNotFoundError, PermissionError, ValueError: See `read_image`.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(f"{path} links to a file that does not exist.")
    if not path.exists():
        raise FileNotFoundError(f"There is no image {path}.")
    try:
        with PIL.Image.open(path, formats=FORMATS) as image:
            num_pixels = image.width * image.height
            if num_pixels <= MAX_PIXELS:
                return _rgb(PIL.ImageOps.exif_transpose(image))
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(path, str(error)) from error
    except PermissionError:
        raise PermissionError(
            f"Cannot read the image {path}: permission denied."
        ) from None
    except _DAMAGED as error:
        is_empty = path.is_file() and path.stat().st_size == 0
        reason = "The file is empty" if is_empty else f"{error}".split("\n")[0]
        raise ValueError(
            f"Cannot read the image {path}. Expected a PNG, JPEG, BMP, GIF, "
            f"WebP or TIFF file. {reason}."
        ) from error
    raise _too_large(path, f"{num_pixels} pixels")


def _too_large(path, found):
    return ValueError(
        f"The image {path} is too large. Expected at most {MAX_PIXELS} pixels. "
        f"Received: {found}. Shrink it first."
    )


def _rgb(image):
    """uint8 array `(height, width, 3)` of a Pillow image."""
    if image.mode.startswith("I"):  # 16-bit gray
        image = PIL.Image.fromarray(_to_bytes(np.asarray(image) / 257.0))
    elif image.mode == "F":  # TIFF, black 0 to white 1
        image = PIL.Image.fromarray(_to_bytes(np.asarray(image) * 255.0))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        white = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def _to_bytes(values):
    return np.clip(np.round(values), 0, 255).astype("uint8")


def fit_image(image, size, channels):
    """Convert, crop and resize one image.

    Args:
        image: uint8 tensor `(height, width, 1 or 3)`.
        size: `(height, width)` or None to keep it.
        channels: 1, 3 or None to keep them.

    Returns:
        uint8 tensor `(*size, channels)`.
    """
    image = tf.convert_to_tensor(image)
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
