import numpy as np
from keras import ops

from keras_vq.callbacks.epoch_picture import EpochPicture
from keras_vq.callbacks.epoch_picture import check_images
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import frames_of
from keras_vq.callbacks.spectrograms import spectrograms
from keras_vq.metrics import PSNR
from keras_vq.metrics import SISDR
from keras_vq.ops.to_float import to_float


class ReconstructionGrid(EpochPicture):
    """Draws images and their reconstructions after each epoch.

    Recordings are drawn as spectrograms, videos frame by frame.

    Args:
        images: array `(n, height, width, channels)`, the images to show, `(n,
            time, channels)`, recordings, or `(n, frames, height, width,
            channels)`, videos.
        directory: Folder for `epoch_0001.png` and so on; created if missing.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Example:

    ```python
    grid = keras_vq.callbacks.ReconstructionGrid(images[:16], "grids")
    model.fit(images, callbacks=[grid])
    ```
    """

    def __init__(self, images, directory, labels=None):
        super().__init__(directory)
        check_images(images, or_clips=True)
        self.images = images
        self.labels = labels

    def draw(self):
        return reconstruction_grid(self.model, self.images, self.labels)


def reconstruction_grid(model, images, labels=None):
    """Plot images above their reconstructions, with the PSNR of each.

    Recordings are drawn as spectrograms, with the SI-SDR of each; videos as
    rows of frames.

    Args:
        model: A first stage, such as `keras_vq.models.VQVAE`.
        images: array of images, recordings or videos; see
            `ReconstructionGrid`.
        labels: int array `(n,)`, for a conditional model. Defaults to None.

    Returns:
        `matplotlib.figure.Figure`.
    """
    outputs = model.decode(model.encode(images, labels), labels)
    rows = {"original": images, "reconstruction": outputs}
    if images.ndim == 5:
        rows = {name: frames_of(clips) for name, clips in rows.items()}
        frames = rows["reconstruction"]
        count = images.shape[1]
        if labels is not None:
            labels = np.repeat(labels, count)
        return psnr_grid(rows, frames, labels, count, "frame")
    if images.ndim == 4:
        return psnr_grid(rows, outputs, labels)
    decibels = ops.convert_to_numpy(
        SISDR().measure(to_float(images), to_float(outputs))
    )
    both = spectrograms(np.concatenate([images, outputs]))
    rows = dict(zip(rows, np.split(both, 2), strict=True))
    count = "1 recording" if len(images) == 1 else f"{len(images)} recordings"
    title = f"{count}, mean SI-SDR {decibels.mean():.2f} dB"
    return measured_grid(rows, decibels, title, labels)


def psnr_grid(rows, outputs, labels=None, columns=8, noun="image"):
    """Plot rows of images, the first the originals, with the outputs' PSNR.

    Args:
        rows: dict from caption to array; see `plots.comparison_grid`.
        outputs: float array, the reconstructions to measure.
        labels: int array `(n,)` or None, named below the images. Defaults to
            None.
        columns: int, images per row. Defaults to 8.
        noun: str, what the images are. Defaults to `"image"`.

    Returns:
        `matplotlib.figure.Figure`.
    """
    psnr = image_psnr(next(iter(rows.values())), outputs)
    count = f"1 {noun}" if len(psnr) == 1 else f"{len(psnr)} {noun}s"
    title = f"{count}, mean PSNR {psnr.mean():.2f} dB"
    return measured_grid(rows, psnr, title, labels, columns)


def measured_grid(rows, decibels, title, labels=None, columns=8):
    """Plot rows of pictures with a measurement below each column.

    Args:
        rows: dict from caption to array; see `plots.comparison_grid`.
        decibels: float array `(n,)`.
        title: str.
        labels: int array `(n,)` or None, named below the pictures. Defaults to
            None.
        columns: int, pictures per row. Defaults to 8.

    Returns:
        `matplotlib.figure.Figure`.
    """
    captions = [f"{x:.1f} dB" for x in decibels]
    if labels is not None:
        captions = [
            f"class {k}\n{text}"
            for k, text in zip(labels, captions, strict=True)
        ]
    return comparison_grid(rows, columns, captions, title)


def image_psnr(images, outputs):
    """The PSNR of each reconstruction, as users see it: clipped.

    Args:
        images: array `(n, height, width, channels)`, float in [0, 1] or uint8.
        outputs: float array of that shape.

    Returns:
        float array `(n,)`, in dB.
    """
    psnr = PSNR().measure(to_float(images), ops.clip(to_float(outputs), 0, 1))
    return ops.convert_to_numpy(psnr)
