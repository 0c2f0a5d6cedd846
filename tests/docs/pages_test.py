"""Every Python block of README and docs runs, one after the other."""

import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CARDS = sorted(ROOT.glob("zoo/*/README.md"))


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_readme_has_blocks():
    assert len(blocks(PAGES[0])) > 2


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name
)
@pytest.mark.filterwarnings("ignore:.*`shuffle=True` was passed:UserWarning")
def test_python_blocks_run(page, tmp_path, monkeypatch, scenes_dir):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", scenes_dir)
    scope: dict = {}
    for block in blocks(page):
        exec(compile(block, page.name, "exec"), scope)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    "page", [*PAGES, *CARDS], ids=lambda page: f"{page.parent.name}-{page.name}"
)
def test_every_table_has_rows(page):
    empty = re.findall(
        r"^(\|.*)\n\|[-:| ]+\|\n(?!\|)", page.read_text(), re.MULTILINE
    )
    assert empty == []


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.parent.name)
def test_cards_state_the_results_of_their_run(card):
    """`results.json` is of the run that the card describes."""
    text = card.read_text()
    assert text.startswith("---\nlibrary_name: keras\n")
    results = json.loads((card.parent / "results.json").read_text())
    rows = {
        "codebook usage": "codebook_usage",
        "reconstruction loss": "reconstruction_loss",
    }
    for row, name in rows.items():
        for value in re.findall(
            rf"^\| {row}[^|]*\| \**([\d.]+)\** \|", text, re.MULTILINE
        ):
            digits = len(value.partition(".")[2])
            assert float(value) == round(results[name], digits), row
