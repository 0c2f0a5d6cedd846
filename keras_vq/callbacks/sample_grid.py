import pathlib

import keras

from keras_vq.callbacks.plots import image_grid
from keras_vq.callbacks.plots import save_figure


class SampleGrid(keras.callbacks.Callback):
    """Writes a picture of what the model generates after each epoch.

    The same noise each time, so that pictures can be compared.

    Args:
        directory: Folder for `epoch_0001.png` and so on; made if missing.
        num_samples: int, number of samples. Defaults to 64.
        seed: int, of the noise. Defaults to 0.

    Example:

    ```python
    model = keras_vq.zoo.vae(images.shape[1:], network="mlp")
    grid = keras_vq.callbacks.SampleGrid("samples", num_samples=4)
    model.fit(images, callbacks=[grid])
    ```
    """

    def __init__(self, directory, num_samples=64, seed=0):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.num_samples = num_samples
        self.seed = seed

    def on_epoch_end(self, epoch, logs=None):
        images = self.model.generate(self.num_samples, seed=self.seed)
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f"epoch_{epoch + 1:04d}.png"
        save_figure(image_grid(images), path)
