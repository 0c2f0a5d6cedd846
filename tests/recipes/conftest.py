import pytest


@pytest.fixture(autouse=True)
def data_dir(scenes_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)
