import os
import signal
import subprocess
import sys
import threading
import time

import grain
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from keras_vq import data
from keras_vq import zoo
from tests.helpers import tiny_vqvae

TWO_PROCESSES = ["direct_num_workers=2", "direct_running_mode=multi_processing"]


@pytest.fixture
def tokenizer():
    return tiny_vqvae(input_shape=(32, 32, 3), num_embeddings=8)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_pipeline_writes_the_files_of_one_process(
    tokenizer, scenes_dir, tmp_path
):
    options = {"data_dir": scenes_dir, "shard_size": 40}
    data.tokenize(tokenizer, "scenes", tmp_path / "a", ["test"], **options)
    data.tokenize(
        tokenizer,
        "scenes",
        tmp_path / "b",
        ["test"],
        runner="direct",
        **options,
    )
    found = contents(tmp_path / "a")
    assert contents(tmp_path / "b") == found
    assert sum(name.startswith("codes-test.tfrecord") for name in found) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


SCRIPT = """
import sys
from keras_vq import data
from keras_vq.saving.model_file import load_model_file

if __name__ == "__main__":
    tokenizer, scenes_dir, out, size, runner, *options = sys.argv[1:]
    data.tokenize(
        load_model_file(tokenizer),
        "scenes",
        out,
        ["train", "test"],
        data_dir=scenes_dir,
        shard_size=int(size),
        runner=runner,
        runner_options=options,
    )
"""


def start(tokenizer, scenes_dir, out, shard_size, runner, options=()):
    """Start `tokenize` in a process of its own."""
    model, script = out.parent / "model.keras", out.parent / "script.py"
    tokenizer.save(model)
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [
            sys.executable,
            script,
            model,
            scenes_dir,
            out,
            str(shard_size),
            runner,
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def workers_of(process):
    """Identifiers of the processes that run Beam's workers."""
    found = subprocess.run(
        ["pgrep", "-s", str(process.pid), "-f", "sdk_worker_main"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(line) for line in found.stdout.split()]


def test_a_killed_worker_loses_and_doubles_nothing(
    tokenizer, scenes_dir, tmp_path
):
    out = tmp_path / "codes"
    process = start(tokenizer, scenes_dir, out, 10, "direct", TWO_PROCESSES)
    output = []
    reader = threading.Thread(target=lambda: output.extend(process.stdout))
    reader.start()
    begun = tmp_path / "codes.unfinished"
    while len(list(begun.glob("*-*.json"))) < 3:
        assert process.poll() is None, "".join(output)
        time.sleep(0.01)
    for worker in workers_of(process):
        os.kill(worker, signal.SIGKILL)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    reader.join()
    process.stdout.close()
    assert not out.exists()
    before = {p.name: p.stat().st_mtime_ns for p in begun.glob("*-*.json")}
    assert 3 <= len(before) < 60
    options = {"data_dir": scenes_dir, "shard_size": 10}
    data.tokenize(tokenizer, "scenes", out, **options)
    data.tokenize(tokenizer, "scenes", tmp_path / "whole", **options)
    assert contents(out) == contents(tmp_path / "whole")


def test_two_workers_of_dask(tokenizer, scenes_dir, tmp_path):
    out = tmp_path / "codes"
    process = start(tokenizer, scenes_dir, out, 60, "dask")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    options = {"data_dir": scenes_dir, "shard_size": 60}
    data.tokenize(tokenizer, "scenes", tmp_path / "whole", **options)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.fixture
def photos(tmp_path, rng):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(30):
        pixels = rng.integers(0, 255, size=(32, 32, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


@pytest.mark.parametrize("runner", [None, "direct"])
def test_broken_pictures_are_named(tokenizer, photos, tmp_path, runner):
    out = tmp_path / "codes"
    options = {"shard_size": 8, "runner": runner}
    whole = tmp_path / "whole"
    data.tokenize(tokenizer, str(photos), whole, ["all"], **options)
    (photos / "05.png").write_bytes(b"no picture")
    error = ValueError if runner is None else RuntimeError
    with pytest.raises(error, match=r"05\.png"):
        data.tokenize(tokenizer, str(photos), out, ["all"], **options)
    assert not out.exists()
    options["skip_broken"] = True  # the same call goes on with it
    with pytest.warns(UserWarning, match="1 of 30 examples"):
        data.tokenize(tokenizer, str(photos), out, ["all"], **options)
    (line,) = (out / "broken.txt").read_text().splitlines()
    assert "05.png" in line
    split = "train" if tfds_has(out, "train") else "test"
    counts = tfds.builder_from_directory(str(out)).info.splits
    assert sum(info.num_examples for info in counts.values()) == 29
    assert len(data.load_tokens(whole, split)) == 1


def tfds_has(folder, split):
    return split in tfds.builder_from_directory(str(folder)).info.splits


def test_array_records_feed_grain(tokenizer, scenes_dir, tmp_path):
    options = {"data_dir": scenes_dir, "shard_size": 40}
    splits = ["test"]
    for name in ("tfrecord", "array_record"):
        data.tokenize(
            tokenizer,
            "scenes",
            tmp_path / name,
            splits,
            file_format=name,
            **options,
        )
    stored, expected = (
        data.load_tokens(tmp_path / name, "test", batch_size=100)
        for name in ("array_record", "tfrecord")
    )
    for a, b in zip(stored, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    builder = tfds.builder_from_directory(str(tmp_path / "array_record"))
    codes = grain.MapDataset.source(builder.as_data_source("test"))
    codes = codes.map(lambda example: example["codes_0"]).seed(0).shuffle()
    prior = zoo.pixelcnn(tokenizer, hidden_dim=4, num_layers=1)
    history = prior.fit(
        codes.batch(25).repeat(), steps_per_epoch=4, shuffle=False, verbose=0
    ).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runner": "ray"}, "'direct', 'dask'.*'ray'"),
        ({"runner_options": ["workers=2"]}, "runner=None"),
        ({"runner": "direct", "runner_options": ["workers"]}, r"\['workers'\]"),
        ({"shard_size": 0}, "shard_size=0"),
        ({"file_format": "csv"}, "file_format='csv'"),
        ({"skip_broken": 1}, "skip_broken=1"),
    ],
)
def test_bad_arguments(tokenizer, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.tokenize(tokenizer, "scenes", tmp_path / "a", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_runner_that_is_not_installed(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_vq.extras.is_installed", lambda name: False)
    with pytest.raises(ImportError, match=r"keras_vq\[beam\]"):
        data.tokenize(tokenizer, "scenes", tmp_path / "a", runner="dask")
