"""A run that is killed and resumed ends where an unbroken one ends."""

import csv
import signal
import subprocess
import sys
import time

import keras
import numpy as np

from keras_vq.cli.train import resume_training
from tests.helpers import to_numpy


def start(*args, log):
    command = [sys.executable, "-m", "keras_vq.cli.main", "train"]
    with log.open("a") as file:
        return subprocess.Popen(
            [*command, *map(str, args)], stdout=file, stderr=file
        )


def kill_when(process, path, log):
    """kill -9 as soon as a file is there; it must not have ended before."""
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert process.poll() is None, log.read_text()
    process.send_signal(signal.SIGKILL)
    process.wait()


def finish(process, log):
    assert process.wait(timeout=300) == 0, log.read_text()


def weights(run):
    model = keras.models.load_model(run / "model.keras")
    variables = (*model.weights, *model.optimizer.variables)
    return [to_numpy(v) for v in variables]


def rows(run):
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_killed_at_four_moments_and_resumed(recipe, tmp_path):
    log = tmp_path / "log"
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    new = (recipe, "--set", "adapt=true")
    finish(start(*new, "--out", whole, log=log), log)

    # Before the first checkpoint, after it, while one may be written, and
    # after the last one, when the model is not yet saved.
    kill_when(
        start(*new, "--out", broken, log=log), broken / "recipe.toml", log
    )
    for epoch in (1, 3, 6):
        kill_when(
            start("--resume", broken, log=log),
            broken / "checkpoints" / f"epoch_{epoch:04d}.keras",
            log,
        )
        assert not (broken / "model.keras").exists()
    finish(start("--resume", broken, log=log), log)

    for a, b in zip(weights(whole), weights(broken), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert [r["epoch"] for r in rows(broken)] == list("012345")
    for a, b in zip(rows(whole), rows(broken), strict=True):
        for name in a:
            np.testing.assert_allclose(
                float(a[name]), float(b[name]), rtol=1e-3, err_msg=name
            )
    assert not list(broken.rglob(".tmp-*"))
    left = sorted(p.name for p in (broken / "checkpoints").iterdir())
    assert left[-2:] == ["epoch_0005.keras", "epoch_0006.keras"]
    # Resuming what is complete changes nothing.
    before = (broken / "model.keras").stat().st_mtime_ns
    resume_training(broken)
    assert (broken / "model.keras").stat().st_mtime_ns == before
