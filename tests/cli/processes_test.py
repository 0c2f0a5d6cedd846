"""The commands, each in a process of its own."""

import json
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


def test_commands_print_nothing_of_the_libraries_below(tmp_path):
    """In one process, since importing them takes longest."""
    program = """
import json, sys
commands = json.loads(sys.argv[1])
sys.argv = ["keras-vq"]
from keras_vq.cli.main import main
for command in commands:
    sys.argv = ["keras-vq", *command]
    try:
        main()
    except SystemExit as end:
        assert not end.code
"""
    first, prior, labeled = map(trained_run, ("vqvae", "pixelcnn", "cvae"))
    writing = {
        "reconstruct": (first, []),
        "generate": (prior, ["--num", "4"]),
        "interpolate": (labeled, []),
        "traverse": (labeled, []),
        "tokenize": (first, ["--split", "test", tmp_path / "tokenize"]),
    }
    commands = [["evaluate", first.path], ["info", first.path]]
    for name, (run, options) in writing.items():
        if name != "tokenize":
            options = [*options, "--out", tmp_path / name]
        commands.append([name, run.path, *options])
    arguments = json.dumps(commands, default=str)
    child = run_python("-c", program, arguments, env=LOUD)
    assert child.stderr == ""
    assert child.stdout.count(f"{first.results['perplexity']:.4g}") >= 2
    for name in writing:
        assert f"Wrote {tmp_path / name}" in child.stdout
        assert (tmp_path / name).exists()


def test_an_export_prints_nothing_of_the_libraries_below(tmp_path):
    out, run = tmp_path / "out", trained_run("pixelcnn")
    child = run_python(*COMMAND, "export", run.path, out, env=LOUD)
    assert f"Wrote {out}" in child.stdout
    assert out.exists()
    assert child.stderr == ""


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
