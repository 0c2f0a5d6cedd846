import numpy as np
import pytest

import keras_vq
from keras_vq.callbacks.latent_paths import interpolate
from keras_vq.callbacks.latent_paths import traverse
from tests.helpers import tiny_images


@pytest.fixture
def model():
    return keras_vq.zoo.autoencoder(
        (8, 8, 3),
        latent_dim=3,
        network="spatial_residual_cnn",
        hidden_dim=4,
        num_residual_layers=0,
    )


@pytest.fixture
def images(rng):
    return tiny_images(rng, 5)


def test_interpolation_runs_along_the_line_between_latents(model, images):
    pictures = interpolate(model, images, num_steps=3)
    assert pictures.shape == (2 * 3, 8, 8, 3)
    z = model.encode(images)
    path = [z[0], (z[0] + z[1]) / 2, z[1], z[2], (z[2] + z[3]) / 2, z[3]]
    np.testing.assert_allclose(
        pictures, model.decode(np.stack(path)), atol=1e-5
    )


def test_traversal_changes_one_dimension_largest_variance_first(model, images):
    pictures, dims = traverse(model, images, num_dims=2, num_steps=4)
    assert pictures.shape == (2 * 4, 8, 8, 3)
    z = model.encode(images)
    deviation = z.std((0, 1, 2))
    first, second, _ = np.argsort(-deviation)
    assert dims.tolist() == [first, second]
    path = np.stack([z[0]] * 8)
    for row, dim in ((slice(0, 4), first), (slice(4, 8), second)):
        values = z[..., dim].mean() + deviation[dim] * np.linspace(-2, 2, 4)
        path[row, ..., dim] = values[:, None, None]
    np.testing.assert_allclose(pictures, model.decode(path), atol=1e-5)


def test_interpolation_keeps_the_label_of_its_start(rng):
    model = keras_vq.zoo.cvae(
        (8, 8, 3), 2, 3, network="mlp", hidden_dim=8, likelihood="mse"
    )
    images, labels = tiny_images(rng, 4), np.array([1, 0, 0, 1])
    pictures = interpolate(model, images, 2, labels)
    z = model.encode(images, labels)
    np.testing.assert_allclose(
        pictures, model.decode(z, [1, 1, 0, 0]), atol=1e-5
    )
    assert traverse(model, images, 1, 2, labels)[0].shape == (2, 8, 8, 3)


def test_bad_interpolations_and_traversals_are_rejected(model, images):
    with pytest.raises(ValueError, match=r"latents of Pixels .* are codes"):
        interpolate(keras_vq.models.Pixels((8, 8, 3)), images)
    for function in (interpolate, traverse):
        with pytest.raises(ValueError, match="1 images and num_steps=8"):
            function(model, images[:1])


def test_each_epoch_has_its_pictures(model, images, tmp_path):
    model.fit(
        images,
        epochs=2,
        verbose=0,
        callbacks=[
            keras_vq.callbacks.LatentInterpolation(images, tmp_path / "ways"),
            keras_vq.callbacks.LatentTraversal(images, tmp_path / "dims"),
        ],
    )
    for folder in ("ways", "dims"):
        names = sorted(path.name for path in (tmp_path / folder).iterdir())
        assert names == ["epoch_0001.png", "epoch_0002.png"]
    with pytest.raises(ValueError, match="height, width, 1 or 3"):
        keras_vq.callbacks.LatentTraversal(images[0], tmp_path)
