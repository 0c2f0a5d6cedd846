from keras_vq.callbacks.latent_paths import interpolate
from keras_vq.callbacks.latent_paths import traverse
from keras_vq.callbacks.plots import image_grid
from keras_vq.callbacks.plots import save_figure
from keras_vq.cli.examples import examples
from keras_vq.cli.run import Run

# Of the test data: eight ways from one to the next; deviations over 256.
_NUM_ENDS, _NUM_SEEN = 16, 256


def interpolate_images(path, paths, label, steps, out):
    """Draw ways between images; see `keras-vq interpolate`."""
    run = Run(path)
    model = run.load_first_stage()
    images, condition = examples(run, model, paths, label, _NUM_ENDS)
    pictures = interpolate(model, images, steps, *condition)
    save_figure(image_grid(pictures, columns=steps), out)
    print(f"Wrote {out}: {len(images) // 2} ways of {steps} steps.")


def traverse_dimensions(path, paths, label, dims, steps, out):
    """Draw what dimensions mean; see `keras-vq traverse`."""
    run = Run(path)
    model = run.load_first_stage()
    images, condition = examples(run, model, paths, label, _NUM_SEEN)
    pictures = traverse(model, images, dims, steps, *condition)
    save_figure(image_grid(pictures, columns=steps), out)
    print(f"Wrote {out}: {len(pictures) // steps} dimensions.")
