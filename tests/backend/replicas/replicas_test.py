"""A step over replicas equals the step over their joint batch."""

import keras
import numpy as np
import pytest

from tests.backend.replicas import model as shared
from tests.helpers import run_python

BACKEND = keras.config.backend()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What replicas learned: a file of weights and logs for each run."""
    path = tmp_path_factory.mktemp("replicas")
    run_python(
        "-m",
        f"tests.backend.replicas.run_{BACKEND}",
        path,
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
    )
    return path


@pytest.mark.parametrize("kind", shared.KINDS)
def test_replicas_learn_what_one_process_learns(folder, kind):
    model = shared.build(kind)
    history = model.fit(
        shared.data(),
        batch_size=shared.BATCH_SIZE,
        epochs=shared.EPOCHS,
        shuffle=False,
        verbose=0,
    )
    expected = shared.results(model, history)
    if (
        kind == "ema"
    ):  # the dead codes were revived: their draws are compared too
        embeddings = keras.ops.convert_to_numpy(model.quantizer.embeddings)
        assert np.abs(embeddings).max() < 40
    runs = [np.load(path) for path in sorted(folder.glob(f"{kind}*.npz"))]
    assert len(runs) == {"tensorflow": 1, "jax": 2, "torch": 2}[BACKEND]
    for found in runs:
        for name, value in expected.items():
            # On PyTorch each process logs its own part of the batches.
            if BACKEND != "torch" or not name.startswith("log_"):
                np.testing.assert_allclose(
                    found[name], value, atol=1e-5, err_msg=name
                )
    if BACKEND == "torch":
        first, second = runs
        free = [name for name in first if name.startswith("free_")]
        assert free
        for name in free:
            np.testing.assert_allclose(first[name], second[name], atol=1e-6)
