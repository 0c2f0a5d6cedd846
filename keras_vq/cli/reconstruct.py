import numpy as np

from keras_vq import data
from keras_vq.callbacks.plots import reconstruction_grid
from keras_vq.callbacks.plots import save_figure
from keras_vq.cli.run import Run
from keras_vq.data.image import read_image

_NUM_PICTURES = 16


def reconstruct_images(run, paths, out):
    """Draw images, or some of the run's test data, beside their outputs."""
    run = Run(run)
    model = run.load_model()
    if paths:
        *size, channels = model.input_shape
        images = np.stack([read_image(p, size, channels) for p in paths])
    else:
        options = run.recipe.data.load_arguments(model.input_shape)
        options["batch_size"] = _NUM_PICTURES
        split = run.recipe.data.test_split
        test = data.load(split=split, shuffle=False, **options)
        images = next(iter(test)).numpy()
    outputs = model.decode(model.encode(images))
    save_figure(reconstruction_grid(images, outputs), out)
    error = np.mean(np.square(_unit_range(images) - outputs))
    print(f"Wrote {out}: {len(images)} images, mean squared error {error:.4f}.")


def _unit_range(images):
    return images / 255.0 if images.dtype == np.uint8 else images
