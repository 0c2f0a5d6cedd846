import importlib
import json
import math
import subprocess
import sys

import pytest
import torch

import keras_vq
from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "bench_device.py"


def run_script(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_a_case_is_measured_in_a_process():
    case = json.dumps(["torch", "quantizer", {"size": [64, 16, 4]}])
    child = run_script("--child", case)
    assert child.returncode == 0, child.stderr
    found = json.loads(child.stdout.splitlines()[-1])
    assert found["seconds"] > 0
    assert (found["device"] == "cpu") == (found["bytes"] is None)


def test_ratios_are_to_the_peer_and_errors_are_shown(tmp_path):
    settings = {"batch": 4, "policy": "float32"}
    file = tmp_path / "device.json"
    cases = {}
    for kind, found in (
        ("peer", {"seconds": 0.5, "bytes": None}),
        ("jax", {"seconds": 0.25, "bytes": 2**21}),
        ("torch", {"error": "OutOfMemoryError: too large"}),
    ):
        key = f"train {json.dumps(settings)} {kind}"
        cases[key] = {"case": [kind, "train", settings], **found}
    file.write_text(json.dumps({"cases": cases}))
    shown = run_script("--table", file)
    assert shown.returncode == 0, shown.stderr
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in shown.stdout.splitlines()[2:]
    ]
    of_case = ["train", "batch 4, policy float32"]
    assert rows == [
        [*of_case, "plain PyTorch", "500", "", ""],
        [*of_case, "jax", "250", "2.00", "2"],
        [*of_case, "torch", "OutOfMemoryError: too large", "", ""],
    ]


def test_no_case_starts_after_the_time(tmp_path):
    out = tmp_path / "device.json"
    child = run_script("--small", "--minutes", 0, "--out", out)
    assert child.returncode == 0, child.stderr
    assert "were not measured" in child.stdout
    assert not out.exists()


@pytest.fixture
def script(monkeypatch):
    """A function that imports a script, which may import others."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module


def test_a_process_that_says_nothing_is_an_error(script, monkeypatch):
    bench_device = script("bench_device")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    found = bench_device.measure("torch", "vqgan", {"small": True}, 10)
    assert found == {"error": "exit status 1"}


def count(parameters):
    return sum(math.prod(p.shape) for p in parameters)


def test_the_vqgan_beside_its_peer(script):
    peer_vqgan = script("peer_vqgan")
    model = keras_vq.zoo.vqgan((32, 32, 3), hidden_dim=8)
    modules = peer_vqgan.VQGAN(hidden_dim=8), peer_vqgan.discriminator()
    assert count(model.trainable_variables) == sum(
        count(module.parameters()) for module in modules
    )
    grid = model.adversary.discriminator.output_shape[1:3]
    assert modules[1](torch.zeros(2, 3, 32, 32)).shape[2:] == grid
    step = peer_vqgan.make_step(2, 32, 8)
    losses = [step() for _ in range(5)]
    assert all(math.isfinite(loss) for loss in losses)


def test_the_pixelcnn_beside_its_peer(script):
    network = script("peer_pixelcnn").PixelCNN((4, 6), 16)
    ours = keras_vq.priors.AutoregressivePrior(
        keras_vq.networks.PixelCNN((4, 6), 16, num_layers=10)
    )
    assert count(ours.trainable_variables) == count(network.parameters())
    codes = network.generate(2)
    assert codes.shape == (2, 4, 6)
    assert 0 <= codes.min() <= codes.max() < 16
    # A code has an effect on the logits of every later code, on no other.
    codes = torch.tensor(codes)
    before = network(codes)
    codes[:, 1, 2] = (codes[:, 1, 2] + 1) % 16
    changed = (network(codes) != before).any(1).any(0).flatten()
    place = 1 * 6 + 2
    assert changed.nonzero().min() == place + 1
    assert changed[place + 1 :].all()
