import numpy as np

from keras_vq.callbacks.plots import comparison_grid
from keras_vq.callbacks.plots import image_grid
from keras_vq.callbacks.plots import training_curves
from keras_vq.callbacks.reconstruction_grid import psnr_grid
from keras_vq.callbacks.sample_grid import sample_grid


def texts(figure):
    """Names of rows and captions, in order."""
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_curves_have_a_panel_for_each_name_with_its_validation():
    history = {"loss": [3.0, 1.0], "usage": [0.5, 1.0], "val_loss": [2.0, 4.0]}
    loss, usage = training_curves(history).axes
    assert [loss.get_title(), usage.get_title()] == ["loss", "usage"]
    lines = {line.get_label(): line.get_xydata() for line in loss.lines}
    assert lines["training"].tolist() == [[1, 3], [2, 1]]
    assert lines["validation"].tolist() == [[1, 2], [2, 4]]
    assert len(usage.lines) == 1


def test_epochs_are_integers():
    for epochs in (1, 2, 3, 7, 100):
        figure = training_curves({"loss": [1.0] * epochs})
        (axis,) = figure.axes
        ticks = [x for x in axis.get_xticks() if 0.5 < x < epochs + 0.5]
        assert ticks
        assert all(tick == int(tick) for tick in ticks)
        assert axis.get_xlabel() == "epoch"


def test_comparisons_have_a_title_and_names_of_rows_and_classes():
    x = np.full((3, 4, 4, 3), 0.5, "float32")
    figure = psnr_grid({"original": x, "reconstruction": x + 0.1}, x + 0.1)
    assert figure.get_suptitle() == "3 images, mean PSNR 20.00 dB"
    names = ["original", "reconstruction", "20.0 dB", "20.0 dB", "20.0 dB"]
    assert texts(figure) == names
    figure = psnr_grid({"original": x}, x + 0.1, labels=[7, 8, 9])
    assert "class 8\n20.0 dB" in texts(figure)
    assert comparison_grid({"condition": x}).get_suptitle() == ""


def test_grids_name_rows_and_columns():
    x = np.zeros((4, 4, 4, 1))
    figure = image_grid(x, 2, ["0%", "100%"], ["dim 3", "dim 0"], title="Both")
    assert figure.get_suptitle() == "Both"
    assert [axis.get_title() for axis in figure.axes[:2]] == ["0%", "100%"]
    assert texts(figure) == ["dim 3", "dim 0"]


def test_samples_name_their_classes():
    class Generator:
        input_shape = (4, 4, 1)
        num_classes = 20

        def generate(self, count, **kwargs):
            return np.zeros((count, 4, 4, 1))

    figure, _ = sample_grid(Generator(), 3, 5, temperature=0.8)
    assert figure.get_suptitle() == "3 samples, seed 5, temperature 0.8"
    assert texts(figure) == ["class 0", "class 1", "class 2"]
    figure, _ = sample_grid(Generator(), 2, 0, labels=4)
    assert figure.get_suptitle() == "2 samples of class 4, seed 0"
    figure, _ = sample_grid(Generator(), 2, 0, labels=np.array([7, 1]))
    assert texts(figure) == ["class 7", "class 1"]
    Generator.num_classes = 2
    axes = sample_grid(Generator(), 2, 0)[0].axes
    assert [axis.get_title() for axis in axes] == ["class 0", "class 1"]
