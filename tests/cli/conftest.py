import sys

import pytest

from keras_vq.cli.main import main


@pytest.fixture(autouse=True)
def data_dir(scenes_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)


@pytest.fixture
def keras_vq(monkeypatch, capsys):
    """Run a command in this process: exit code, output and errors."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["keras-vq", *map(str, args)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return exit_info.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def cli(keras_vq):
    """Run a command that succeeds; returns what it prints."""

    def run(*args):
        code, output, errors = keras_vq(*args)
        assert code == 0, errors
        return output

    return run


@pytest.fixture
def refused(keras_vq):
    """Run a command that fails; returns its one-line error."""

    def run(*args):
        code, _, errors = keras_vq(*args)
        assert code == 2
        message = errors.strip().splitlines()[-1]
        assert message.startswith("Error: ")
        return message

    return run
