"""Blocks of the pages that are tagged with backends run on those."""

import importlib.util
import re

import keras
import pytest

from tests.docs.pages_test import PAGES

TAGGED = re.compile(r"```python ([\w ]+)\n(.*?)```", re.DOTALL)
BACKENDS = {"tensorflow", "jax", "torch"}


def blocks(page):
    """Code of the blocks for this backend and the packages it needs."""
    for tags, code in TAGGED.findall(page.read_text()):
        tags = set(tags.split())
        if keras.config.backend() in tags:
            yield code, tags - BACKENDS


@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(blocks(p))], ids=lambda page: page.name
)
def test_tagged_blocks_run(page):
    scope: dict = {}
    for code, packages in blocks(page):
        # `make test` installs all of them.
        if all(importlib.util.find_spec(name) for name in packages):
            exec(compile(code, page.name, "exec"), scope)
