"""A model saved on one backend opens on the others."""

import keras
import numpy as np
import pytest

from tests.backend import own_networks
from tests.helpers import BACKENDS
from tests.helpers import run
from tests.helpers import run_python
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def images(folder):
    x = tiny_images(np.random.default_rng(0), 24)
    np.save(folder / "inputs.npy", x)
    return x


@pytest.fixture(scope="module")
def saved(images, folder):
    """What the models of this folder compute here, by name."""
    keras.utils.set_random_seed(0)
    models = {
        "factory": tiny_vqvae(num_embeddings=64),
        "own_networks": own_networks.vqvae(num_embeddings=64),
    }
    found = {}
    for name, model in models.items():
        model.fit(images, epochs=5, verbose=0)
        model.save(folder / f"{name}.keras")
        found[name] = {
            "embeddings": to_numpy(model.quantizer.embeddings),
            "encoded": run(model.encoder, 2 * images - 1),
            "codes": model.encode(images),
            "outputs": model.predict(images, verbose=0),
        }
    return found


@pytest.mark.parametrize(
    "other", [b for b in BACKENDS if b != keras.config.backend()]
)
def test_models_saved_here_open_on_the_other_backends(saved, folder, other):
    run_python("-m", "tests.backend.read_models", folder, backend=other)
    for name, expected in saved.items():
        found = np.load(folder / f"{name}-{other}.npz")
        # Codes may differ where two are about equally near.
        nearest, other_nearest = (
            np.sum(
                (expected["encoded"] - expected["embeddings"][codes]) ** 2,
                axis=-1,
            )
            for codes in (expected["codes"], found["codes"])
        )
        np.testing.assert_allclose(other_nearest, nearest, atol=1e-5)
        same = found["codes"] == expected["codes"]
        assert same.mean() > 0.98, name
        whole = same.all(axis=(1, 2))
        assert whole.mean() > 0.8, name
        np.testing.assert_allclose(
            found["outputs"][whole], expected["outputs"][whole], atol=1e-4
        )
