import numpy as np

from keras_vq.callbacks.level_reconstructions import level_reconstructions
from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import save_figure
from keras_vq.cli.examples import examples
from keras_vq.cli.run import Run

_NUM_PICTURES = 16


def reconstruct_images(path, paths, label, levels, out):
    """Draw images beside their outputs; see `keras-vq reconstruct`."""
    run = Run(path)
    model = run.load_first_stage()
    images, condition = examples(run, model, paths, label, _NUM_PICTURES)
    if levels:
        rows = level_reconstructions(model, images)
        outputs = rows["all"]
    else:
        latents = model.encode(images, *condition)
        outputs = model.decode(latents, *condition)
        rows = {"input": images, "output": outputs}
    save_figure(comparison_grid(rows), out)
    error = np.mean(np.square(_unit_range(images) - outputs))
    print(f"Wrote {out}: {len(images)} images, mean squared error {error:.4f}.")


def _unit_range(images):
    return images / 255.0 if images.dtype == np.uint8 else images
