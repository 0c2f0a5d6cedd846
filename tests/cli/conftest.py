import sys

import pytest

from keras_vq.cli.main import main

RECIPE = """
model = "vqvae"

[arguments]
input_shape = [32, 32, 3]
num_embeddings = 16
embedding_dim = 4
hidden_dim = 8
num_residual_layers = 1
residual_hidden_dim = 4
data_variance = "auto"

[data]
name = "scenes"
train_split = "train[:250]"
test_split = "test[:50]"
batch_size = 32

[training]
epochs = 6
learning_rate = 3e-3
schedule = "cosine"

[quick]
"training.epochs" = 1
"""


@pytest.fixture(autouse=True)
def data_dir(scenes_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run a command in this process: (exit code, output, errors)."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["keras-vq", *map(str, args)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return exit_info.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(cli):
    """Run a command that must fail in one line with exit code 2."""

    def run(*args):
        code, _, errors = cli(*args)
        assert code == 2
        message = errors.strip().splitlines()[-1]
        assert message.startswith("Error: ")
        return message

    return run
