"""A step over replicas equals the step over their joint batch."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.helpers import run_python
from tests.replicas import model as shared

BACKEND = keras.config.backend()


@pytest.fixture(params=[True, False], ids=["ema", "gradient"])
def ema(request):
    return request.param


@pytest.fixture
def expected(ema):
    model = shared.build(ema)
    history = model.fit(
        shared.data(),
        batch_size=shared.BATCH_SIZE,
        epochs=shared.EPOCHS,
        shuffle=False,
        verbose=0,
    )
    found = shared.results(model, history)
    if ema:  # the dead codes were revived: their draws are compared too
        embeddings = keras.ops.convert_to_numpy(model.quantizer.embeddings)
        assert np.abs(embeddings).max() < 40
    return found


def assert_same(path, expected, logs=True):
    found = np.load(path)
    for name, value in expected.items():
        if logs or not name.startswith("log_"):
            np.testing.assert_allclose(
                found[name], value, atol=1e-5, err_msg=name
            )


@pytest.mark.skipif(BACKEND != "jax", reason="runs on JAX")
@pytest.mark.parametrize("kind", ["data", "model"])
def test_keras_distribution(tmp_path, expected, ema, kind):
    out = tmp_path / "out.npz"
    flags = "--xla_force_host_platform_device_count=4"
    run_python(
        "-m",
        "tests.replicas.run_jax",
        out,
        ema,
        kind,
        env={"XLA_FLAGS": flags},
    )
    assert_same(out, expected)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="runs on TensorFlow")
def test_mirrored_strategy(tmp_path, expected, ema):
    out = tmp_path / "out.npz"
    run_python("-m", "tests.replicas.run_tensorflow", out, ema)
    assert_same(out, expected)


@pytest.mark.skipif(BACKEND != "torch", reason="runs on PyTorch")
def test_torch_distributed(tmp_path, expected, ema):
    outs = [tmp_path / f"{rank}.npz" for rank in range(2)]
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.replicas.run_torch",
                str(out),
                str(ema),
                str(rank),
                str(tmp_path / "init"),
            ],
            env={**os.environ, "KERAS_BACKEND": "torch"},
        )
        for rank, out in enumerate(outs)
    ]
    assert [p.wait(timeout=300) for p in processes] == [0, 0]
    for out in outs:
        assert_same(out, expected, logs=False)
    first, second = (np.load(out) for out in outs)
    free = [name for name in first if name.startswith("free_")]
    assert free
    for name in free:
        np.testing.assert_allclose(first[name], second[name], atol=1e-6)
