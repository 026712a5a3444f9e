"""The pictures of the gallery are what the code draws today, and the page shows each of them."""

import re
from pathlib import Path

import pytest

pytest.importorskip("numpy")

from docs.gallery import FOLDER, PICTURES, pages

PAGE = Path(FOLDER.parent, "gallery.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(PICTURES))
def test_the_picture_is_drawn_to_the_same_bytes(name: str) -> None:
    committed = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert PICTURES[name]() == committed, "the picture changed: run python -m docs.gallery, and look at it"
    assert len(committed) < 200_000


def test_the_page_shows_every_picture() -> None:
    shown = re.findall(r"\]\(gallery/(\w+)\.svg\)", PAGE)
    assert sorted(shown) == sorted(PICTURES) == sorted(path.stem for path in FOLDER.glob("*.svg"))


def test_the_pages_are_what_is_written_today_and_linked() -> None:
    committed = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.html")}
    assert sorted(committed) == sorted(re.findall(r"\]\(gallery/(\w+)\.html\)", PAGE))
    changed = [name for name, page in pages().items() if _rounded(page) != _rounded(committed[name])]
    assert not changed, "pages changed: run python -m docs.gallery, and look at them"


def _rounded(page: str) -> str:
    """Without the last digits, which are the C library's."""
    packed = re.sub(r'"[\w+/]{12,}=*"', '""', page)
    return re.sub(r"-?\d+\.\d{9,}(?:e-?\d+)?", lambda x: f"{float(x[0]):.9g}", packed)
