"""Read and write videos, frame by frame."""

import dataclasses
import itertools

import numpy as np
import PIL.Image

from keras_vq.data.folder import MediaFolder
from keras_vq.data.image import fit_image
from keras_vq.extras import require
from keras_vq.saving.files import written_whole

SUFFIXES = (".gif", ".mp4", ".webm", ".mov", ".mkv", ".avi")


@dataclasses.dataclass
class VideoFolder(MediaFolder):
    """The videos in a folder and its subfolders; see `ImageFolder`.

    Args:
        directory: str or Path. `~` is the home directory.

    Raises:
        ValueError: If there are no videos.

    Example:

    ```python
    folder = keras_vq.data.VideoFolder("videos")
    str(folder)  # '30 videos, 1 skipped: 1 .txt'
    ```
    """

    noun = "video"
    suffixes = SUFFIXES


def read_video(path, size=None, channels=3):
    """Read all frames of one video.

    Args:
        path: str or Path of a GIF, MP4, WebM, MOV, MKV or AVI file.
        size: `(height, width)` to resize to, after a central crop, or None to
            keep it. Defaults to None.
        channels: 1 or 3. Defaults to 3.

    Returns:
        uint8 NumPy array `(frames, height, width, channels)`.

    Raises:
        ImportError: If PyAV is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be decoded, or has no frames.
    """
    require("Reading videos", "av")
    import av

    try:
        with av.open(str(path)) as container:
            frames = [
                fit_image(frame.to_ndarray(format="rgb24"), size, channels)
                for frame in container.decode(video=0)
            ]
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no video {path}.") from None
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(
            f"{path} is damaged or not a video: {error}"
        ) from error
    if not frames:
        raise ValueError(f"{path} has no frames.")
    return np.stack(frames)


def read_frames(path, shape):
    """Read the first frames of one video.

    Args:
        path: str or Path.
        shape: tuple `(frames, height, width, channels)` of the clip.

    Returns:
        uint8 NumPy array of that shape.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be decoded, or has fewer frames.
    """
    count, *size, channels = shape
    video = read_video(path, tuple(size), channels)
    check_video(video, path, count)
    return video[:count]


def write_gif(path, frames, frames_per_second=8):
    """Write an animation that repeats forever.

    Pillow drops a frame that equals the one before; the lowest bit of its first
    value is flipped.

    Args:
        path: str or Path, which ends in `.gif`.
        frames: array `(frames, height, width, 1 or 3)`, float in [0, 1] or
            uint8.
        frames_per_second: float > 0. Defaults to 8.
    """
    frames = np.asarray(frames)
    if frames.dtype != np.uint8:
        frames = np.round(np.clip(frames, 0, 1) * 255).astype("uint8")
    if frames.shape[-1] == 1:
        frames = frames[..., 0]
    frames = frames.copy()
    for before, frame in itertools.pairwise(frames):
        if np.array_equal(before, frame):
            frame.flat[0] ^= 1
    first, *rest = (PIL.Image.fromarray(frame) for frame in frames)
    with written_whole(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=round(1000 / frames_per_second),
            loop=0,
        )


def check_video(video, name, num_frames):
    """Raise unless a video is long enough.

    Args:
        video: array `(frames, height, width, channels)`.
        name: str, of the file or the example.
        num_frames: int, the least number of frames.

    Raises:
        ValueError: If it has fewer frames.
    """
    if len(video) < num_frames:
        frames = "1 frame" if len(video) == 1 else f"{len(video)} frames"
        raise ValueError(
            f"{name} is too short. Received: {frames}. Expected at least "
            f"{num_frames}. Remove it, or give a smaller `num_frames`."
        )
