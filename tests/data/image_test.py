"""Image files are read as a viewer shows them, here and in exported models."""

import struct
import zlib

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from keras_vq.data.image import decode_file
from keras_vq.data.image import read_image
from keras_vq.export.image_bytes import decode_bytes


@pytest.fixture
def blocks(rng):
    """A picture of 3 x 4 blocks, which JPEG keeps nearly as they are."""
    colors = rng.integers(0, 256, (3, 4, 3), dtype="uint8")
    return colors.repeat(16, axis=0).repeat(16, axis=1)


@pytest.fixture(scope="module")
def served():
    return tf.function(decode_bytes, [tf.TensorSpec((), tf.string)])


# What each orientation does to a stored image, in NumPy.
UPRIGHT = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(
    tmp_path, blocks, served, orientation, suffix
):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{suffix}"
    PIL.Image.fromarray(blocks).save(path, exif=exif, quality=95)
    expected = UPRIGHT[orientation](blocks).astype("int")
    for found in (decode_file(path), served(path.read_bytes()).numpy()):
        assert found.shape == expected.shape
        assert np.abs(found - expected).mean() < 5


def test_transparent_pixels_are_white(tmp_path, blocks, served):
    path = tmp_path / "logo.png"
    alpha = np.zeros((48, 64, 1), "uint8")
    alpha[:, 16:32] = 128
    alpha[:, 32:] = 255
    PIL.Image.fromarray(np.concatenate([blocks, alpha], -1)).save(path)
    share = alpha / 255.0
    expected = np.round(blocks * share + 255.0 * (1 - share))
    for found in (decode_file(path), served(path.read_bytes()).numpy()):
        np.testing.assert_allclose(found, expected, atol=1)


@pytest.mark.parametrize(
    ("mode", "levels"), [("1", 2), ("P", 256), ("L", 256), ("I;16", 256)]
)
def test_palettes_and_depths_keep_their_colors(
    tmp_path, blocks, served, mode, levels
):
    path = tmp_path / "scan.png"
    gray = PIL.Image.fromarray(blocks).convert("L")
    if mode == "I;16":
        values = np.asarray(gray).astype("uint16") * 257
        PIL.Image.fromarray(values).save(path)
    else:
        gray.convert(mode, dither=PIL.Image.Dither.NONE).save(path)
    expected = np.asarray(gray)
    if levels == 2:
        expected = np.where(expected > 127, 255, 0)
    for found in (decode_file(path), served(path.read_bytes()).numpy()):
        assert found.dtype == "uint8"
        for channel in np.moveaxis(found, -1, 0):
            np.testing.assert_array_equal(channel, expected)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif"])
def test_formats(tmp_path, blocks, suffix):
    path = tmp_path / f"a.{suffix}"
    PIL.Image.fromarray(blocks).save(path)
    difference = decode_file(path).astype("int") - blocks
    assert np.abs(difference).mean() < 12  # GIF has 256 colors
    assert read_image(path, (8, 16), 1).shape == (8, 16, 1)


def header_of(side):
    """A PNG file of a few bytes that claims to be `side` pixels wide."""

    def chunk(kind, data):
        body = kind + data
        return (
            struct.pack(">I", len(data))
            + body
            + struct.pack(">I", zlib.crc32(body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [12_000, 60_000])
def test_pixels_are_counted_before_they_are_decoded(tmp_path, served, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(header_of(side))
    with pytest.raises(ValueError, match=r"bomb\.png is too large.*100000000"):
        decode_file(path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="100000000"):
        served(path.read_bytes())


def test_unusable_files_are_reported(tmp_path, blocks):
    good = tmp_path / "good.png"
    PIL.Image.fromarray(blocks).save(good)
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:60])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "link.png").symlink_to("nowhere")
    for name, kind, message in (
        ("cut", ValueError, "Cannot read"),
        ("empty", ValueError, "file is empty"),
        ("text", ValueError, "Expected a PNG"),
        ("link", FileNotFoundError, "links to a file that does not exist"),
        ("gone", FileNotFoundError, "no image"),
    ):
        path = tmp_path / f"{name}.png"
        with pytest.raises(kind, match=message) as error:
            read_image(path, (8, 8), 3)
        assert str(path) in str(error.value)
