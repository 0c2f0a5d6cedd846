from keras_vq.callbacks.plots import save_figure
from keras_vq.callbacks.sample_grid import sample_grid
from keras_vq.cli.examples import test_conditions
from keras_vq.cli.run import Run


def generate_images(path, count, seed, label, out):
    """Draw samples of a run's model; see `keras-vq generate`."""
    run = Run(path)
    model = run.load_model()
    if not hasattr(model, "generate"):
        raise ValueError(
            f"A {type(model).__name__} generates nothing by itself: its "
            "latents need a prior. Train one, as `keras-vq train "
            "pixelcnn_mnist` does."
        )
    told = {}
    if run.recipe.data.condition is not None:
        told = test_conditions(run.recipe, model, count)
        if len(told["condition"]) < count:
            raise ValueError(
                "Each sample needs a condition of its own from the run's test "
                f"data, which has {len(told['condition'])}. Received: "
                f"--num {count}"
            )
        if label is not None:
            told.pop("labels", None)
    save_figure(sample_grid(model, count, seed, label, **told), out)
    print(f"Wrote {out}: {count} samples of seed {seed}.")
