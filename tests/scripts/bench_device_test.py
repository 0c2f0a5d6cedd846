import json
import subprocess
import sys

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
