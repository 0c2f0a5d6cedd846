import pathlib
import re

import keras

from keras_vq.checks import check_path
from keras_vq.saving.files import written_whole

_NAME = re.compile(r"epoch_(\d+)\.keras")


class EpochCheckpoint(keras.callbacks.Callback):
    """Saves a checkpoint after each epoch, for exact resumption.

    `directory/epoch_0001.keras` and so on contain the weights, the codebook
    averages and the states of the optimizer and the random generators. Each
    file is first written under a temporary name, so a killed process leaves no
    partial file. Of the checkpoints that the callback wrote, the two newest are
    kept.

    Args:
        directory: Folder for the checkpoints; created if missing.

    Example:

    ```python
    checkpoint = keras_vq.callbacks.EpochCheckpoint("checkpoints")
    model.fit(images, epochs=2, callbacks=[checkpoint])
    epoch, path = keras_vq.callbacks.EpochCheckpoint.latest("checkpoints")
    model = keras.models.load_model(path)
    model.fit(images, epochs=4, initial_epoch=epoch)
    ```
    """

    def __init__(self, directory):
        super().__init__()
        self.directory = pathlib.Path(check_path("directory", directory))
        self._written = []

    def on_epoch_end(self, epoch, logs=None):
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"epoch_{epoch + 1:04d}.keras"
        with written_whole(path) as temporary:
            self.model.save(temporary)
        self._written.append(path)
        for old in self._written[:-2]:  # never a file of others
            old.unlink(missing_ok=True)
        del self._written[:-2]

    @staticmethod
    def latest(directory):
        """Number of completed epochs and newest checkpoint, or (0, None)."""
        checkpoints = EpochCheckpoint.all(directory)
        return checkpoints[-1] if checkpoints else (0, None)

    @staticmethod
    def all(directory):
        """list of pairs, completed epochs and checkpoint, oldest first."""
        paths = pathlib.Path(directory).glob("*")
        found = [(_NAME.fullmatch(path.name), path) for path in paths]
        return sorted((int(name[1]), path) for name, path in found if name)
