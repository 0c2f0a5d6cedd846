"""The commands, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import psutil
import pytest

from keras_vq import recipes
from keras_vq.saving import written_whole
from tests.helpers import run_python
from tests.helpers import to_numpy
from tests.runs import trained_run
from tests.runs import write_recipe

COMMAND = ("-m", "keras_vq.cli.main")
# Without the setting of the tests, TensorFlow prints its build and devices.
LOUD = {"TF_CPP_MIN_LOG_LEVEL": ""}


def test_help_and_typos_are_answered_before_keras_is_imported():
    program = """
import sys
sys.argv = ["keras-vq", *sys.argv[1:]]
from keras_vq.cli.main import main
try:
    main()
except SystemExit as end:
    print(end.code, "keras" in sys.modules, "tensorflow" in sys.modules)
"""
    child = run_python("-c", program, "train", "--help")
    assert "--set" in child.stdout
    assert "[default: (runs/RECIPE)]" in child.stdout
    assert child.stdout.endswith("0 False False\n")
    child = run_python("-c", program, "train", "vqvae_mnits")
    assert "Did you mean 'vqvae_mnist'" in child.stderr
    assert child.stdout == "2 False False\n"


@pytest.mark.parametrize(
    ("command", "run", "options"),
    [
        ("reconstruct", "vqvae", ["--out"]),
        ("generate", "pixelcnn", ["--num", "4", "--out"]),
        ("interpolate", "cvae", ["--out"]),
        ("traverse", "cvae", ["--out"]),
        ("tokenize", "vqvae", ["--split", "test"]),
        ("export", "pixelcnn", []),
    ],
)
def test_commands_write_their_outputs(command, run, options, tmp_path):
    out = tmp_path / "out"
    path = trained_run(run).path
    child = run_python(*COMMAND, command, path, *options, out, env=LOUD)
    assert f"Wrote {out}" in child.stdout
    assert out.exists()
    assert child.stderr == ""


@pytest.mark.parametrize("command", ["evaluate", "info"])
def test_commands_print_their_results(command):
    run = trained_run("vqvae")
    child = run_python(*COMMAND, command, run.path)
    assert f"{run.results['perplexity']:.4g}" in child.stdout


def test_errors_are_one_line(tmp_path):
    child = run_python(*COMMAND, "info", "nothing", check=False)
    assert child.returncode == 2
    assert "Error: Unknown recipe 'nothing'" in child.stderr
    assert "Traceback" not in child.stderr


def test_a_killed_run_resumes_and_ends_where_an_uninterrupted_one_ends(
    tmp_path,
):
    whole = trained_run("vqvae")
    broken, log = tmp_path / "broken", tmp_path / "log"
    checkpoint = broken / "checkpoints" / "epoch_0001.keras"
    command = [*COMMAND, "train", write_recipe("vqvae", tmp_path)]
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *map(str, command), "--out", str(broken)],
            stdout=file,
            stderr=file,
        )
    deadline = time.monotonic() + 300
    while not checkpoint.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with pytest.raises(BlockingIOError, match="Another process"):
        recipes.resume(broken)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "model.keras").exists(), "it ended before the kill"

    resumed = recipes.resume(broken)
    for a, b in zip(weights(whole), weights(resumed), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for name, values in whole.history.items():
        assert resumed.history[name] == pytest.approx(values, rel=1e-3), name
    assert not list(broken.rglob(".tmp-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_export_that_is_stopped_leaves_no_process(number, tmp_path):
    command = [*COMMAND, "export", trained_run("vqvae").path]
    with subprocess.Popen(
        [sys.executable, *map(str, command), str(tmp_path / "served")],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        parent, deadline = psutil.Process(process.pid), time.monotonic() + 120
        while not (children := parent.children()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, messages = process.communicate()
    gone, alive = psutil.wait_procs(children, timeout=60)
    assert gone
    assert not alive
    assert not (tmp_path / "served").exists()
    if number == signal.SIGTERM:
        assert process.returncode == 130
        assert messages == "Interrupted: run the same command again.\n"
        assert list(tmp_path.iterdir()) == []
    else:  # what is left is removed by the next writer
        with written_whole(tmp_path / "served") as temporary:
            temporary.mkdir()
        assert [p.name for p in tmp_path.iterdir()] == ["served"]


def weights(run):
    model = keras.models.load_model(run.model_path)
    variables = (*model.weights, *model.optimizer.variables)
    return [to_numpy(v) for v in variables]
