import keras
import numpy as np
import pytest

from tests.helpers import BACKENDS
from tests.helpers import run_python
from tests.helpers import tiny_images
from tests.helpers import tiny_vqvae
from tests.helpers import to_numpy


@pytest.mark.parametrize(
    "other", [b for b in BACKENDS if b != keras.config.backend()]
)
def test_a_model_saved_here_opens_on_the_other_backends(rng, tmp_path, other):
    x = tiny_images(rng, 24)
    model = tiny_vqvae(num_embeddings=64)
    model.fit(x, epochs=5, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "in.npz", x=x)
    run_python(
        "-m",
        "tests.saving.read_model",
        *(tmp_path / name for name in ("model.keras", "in.npz", "out.npz")),
        backend=other,
    )
    found = np.load(tmp_path / "out.npz")
    codes = model.encode(x)
    same = found["codes"] == codes
    # Codes may differ where two are about equally near.
    z = to_numpy(model.encoder(2 * x - 1))
    embeddings = to_numpy(model.quantizer.embeddings)

    def distance(indices):
        return np.sum((z - embeddings[indices]) ** 2, axis=-1)

    np.testing.assert_allclose(
        distance(found["codes"]), distance(codes), atol=1e-5
    )
    assert same.mean() > 0.98
    whole = same.all(axis=(1, 2))
    assert whole.mean() > 0.8
    np.testing.assert_allclose(
        found["outputs"][whole],
        model.predict(x, verbose=0)[whole],
        atol=1e-4,
    )
