"""Every Python block of the README runs, one after the other."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.filterwarnings("ignore:.*`shuffle=True` was passed:UserWarning")
def test_python_blocks_run(tmp_path, monkeypatch, scenes_dir):
    assert BLOCKS
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)
    scope: dict = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), scope)


def test_links_to_files_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / link).exists(), link
