import json

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_vq import LatentGenerator
from keras_vq import data
from keras_vq import zoo
from keras_vq.data.tokenize import provenance_of
from tests.helpers import tiny_vqvae


@pytest.fixture
def tokenizer():
    return tiny_vqvae(input_shape=(32, 32, 3), num_embeddings=8)


def arrays(dataset):
    """Codes and labels of a data set of pairs, whole."""
    batches = list(dataset.as_numpy_iterator())
    codes, labels = zip(*batches, strict=True)
    if not isinstance(codes[0], tuple):
        return np.concatenate(codes), np.concatenate(labels)
    maps = tuple(np.concatenate(m) for m in zip(*codes, strict=True))
    return maps, np.concatenate(labels)


def test_written_codes_equal_those_of_load_codes(
    tokenizer, scenes_dir, tmp_path
):
    options = {"data_dir": scenes_dir}
    out = tmp_path / "codes"
    data.tokenize(tokenizer, "scenes", out, ["all"], **options)
    stored = data.load_tokens(out, "test", labels=True, batch_size=30)
    fresh = data.load_codes(
        tokenizer, "scenes", "test", labels=True, batch_size=30, **options
    )
    for a, b in zip(arrays(stored), arrays(fresh), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(stored) == 4
    builder = tfds.builder_from_directory(str(out))
    assert builder.info.splits["train"].num_examples == 500
    assert provenance_of(out)["tokenizer"] == tokenizer.fingerprint()
    assert [path.name for path in tmp_path.iterdir()] == ["codes"]
    few = data.load_tokens(out, "train[:10]", shuffle=False)
    assert next(iter(few)).shape == (10, 8, 8)


def test_an_interrupted_call_resumes(tokenizer, scenes_dir, tmp_path):
    options = {"data_dir": scenes_dir, "splits": ["train", "test"]}
    out = tmp_path / "codes"
    encode, seen = tokenizer.encode, []

    def interrupted(x, **kwargs):
        if seen:
            raise KeyboardInterrupt
        seen.append(len(x))
        return encode(x, **kwargs)

    tokenizer.encode = interrupted
    with pytest.raises(KeyboardInterrupt):
        data.tokenize(tokenizer, "scenes", out, **options)
    assert seen == [500]
    assert not out.exists()
    other = tiny_vqvae(input_shape=(32, 32, 3), num_embeddings=8)
    with pytest.raises(ValueError, match="codes of another tokenizer"):
        data.tokenize(other, "scenes", out, **options)

    def counted(x, **kwargs):
        seen.append(len(x))
        return encode(x, **kwargs)

    tokenizer.encode = counted
    data.tokenize(tokenizer, "scenes", out, **options)
    assert seen == [500, 100]
    tokenizer.encode = encode
    fresh = data.load_codes(
        tokenizer, "scenes", "train", shuffle=False, data_dir=scenes_dir
    )
    stored = data.load_tokens(out, "train", shuffle=False)
    for a, b in zip(stored, fresh, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_condition_is_written_too(tokenizer, scenes_dir, tmp_path):
    of_condition = tiny_vqvae(input_shape=(16, 16, 3), num_embeddings=4)
    options = {
        "condition_tokenizer": of_condition,
        "condition": "segmentation",
        "data_dir": scenes_dir,
    }
    out = tmp_path / "codes"
    data.tokenize(tokenizer, "scenes", out, splits=["test"], **options)
    stored = arrays(data.load_tokens(out, "test", labels=True))
    fresh = arrays(
        data.load_codes(tokenizer, "scenes", "test", labels=True, **options)
    )
    ((codes, condition), labels), expected = stored, fresh
    np.testing.assert_array_equal(codes, expected[0][0])
    np.testing.assert_array_equal(condition, expected[0][1])
    np.testing.assert_array_equal(labels, expected[1])
    pictures = data.load(
        "scenes", "test", 100, 16, feature="segmentation", data_dir=scenes_dir
    )
    np.testing.assert_array_equal(
        condition, of_condition.encode(next(iter(pictures)).numpy())
    )


def test_a_prior_refuses_the_codes_of_another_tokenizer(
    tokenizer, scenes_dir, tmp_path
):
    prior = zoo.pixelcnn(tokenizer, hidden_dim=4, num_layers=1)
    other = tiny_vqvae(input_shape=(32, 32, 3), num_embeddings=8)
    for made_by in (tokenizer, other):
        out = tmp_path / made_by.fingerprint()
        data.tokenize(
            made_by, "scenes", out, splits=["test"], data_dir=scenes_dir
        )
    own, others = (
        data.load_tokens(tmp_path / t.fingerprint(), "test")
        for t in (tokenizer, other)
    )
    prior.fit(own, shuffle=False, verbose=0)
    message = f"codes of the tokenizer {other.fingerprint()}"
    with pytest.raises(ValueError, match=message):
        prior.fit(others, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match=message):
        prior.fit(own, validation_data=others, shuffle=False)
    LatentGenerator(tokenizer, prior)
    with pytest.raises(ValueError, match=f"tokenizer {other.fingerprint()}"):
        LatentGenerator(other, prior)
    assert json.dumps(prior.get_config())


def test_fingerprints_are_those_of_the_weights(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.keras")
    again = keras.models.load_model(tmp_path / "tokenizer.keras")
    assert again.fingerprint() == tokenizer.fingerprint()
    weight = tokenizer.trainable_weights[0]
    weight.assign(weight + 1e-3)
    assert again.fingerprint() != tokenizer.fingerprint()


def test_bad_arguments_are_rejected(tokenizer, scenes_dir, tmp_path):
    with pytest.raises(FileExistsError, match="it exists"):
        data.tokenize(tokenizer, "scenes", tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        data.tokenize(tokenizer, "scenes", tmp_path / "a" / "b")
    with pytest.raises(ValueError, match="names of complete splits"):
        data.tokenize(tokenizer, "scenes", tmp_path / "c", ["train[:5]"])
    out = tmp_path / "unlabelled"
    with pytest.raises(ValueError, match="no colors"):
        data.tokenize(
            tokenizer, "scenes", out, feature="color", data_dir=scenes_dir
        )
    options = {"splits": ["test"], "data_dir": scenes_dir}
    data.tokenize(tokenizer, "scenes", out, labels=False, **options)
    with pytest.raises(ValueError, match="written without labels"):
        data.load_tokens(out, "test", labels=True)
    with pytest.raises(ValueError, match="tokenize` wrote"):
        data.load_tokens(tmp_path)
    with pytest.raises(ValueError, match=r"given together.*'depth'"):
        data.load_codes(
            tokenizer, "scenes", condition="depth", data_dir=scenes_dir
        )


def test_folders_of_others_are_never_removed(tokenizer, tmp_path):
    mine = tmp_path / "codes.unfinished"
    mine.mkdir()
    (mine / "notes.txt").write_text("of the user")
    with pytest.raises(FileExistsError, match=r"codes\.unfinished is needed"):
        data.tokenize(tokenizer, "scenes", tmp_path / "codes")
    assert (mine / "notes.txt").read_text() == "of the user"


@pytest.mark.parametrize("key", ["pythonClassName", "python_class_name"])
def test_codes_run_no_code_of_others(
    tokenizer, scenes_dir, tmp_path, monkeypatch, key
):
    out = tmp_path / "codes"
    data.tokenize(tokenizer, "scenes", out, ["test"], data_dir=scenes_dir)
    (tmp_path / "bomb.py").write_text("open('exploded', 'w')\nBomb = None")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    config = json.loads((out / "features.json").read_text())
    label = config["featuresDict"]["features"]["label"]
    del label["pythonClassName"]
    label[key] = "bomb.Bomb"
    (out / "features.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"it names the classes bomb\.Bomb"):
        data.load_tokens(out, "test")
    assert not (tmp_path / "exploded").exists()
