"""Our SVG as PNG, PDF and GIF, by Typst's renderer and Pillow: packages from PyPI without system libraries (``chalkgrad[pictures]``).

It carries fonts of its own, so that texts are drawn even where neither DejaVu Sans nor any other font is installed. The same SVG
and fonts give the same bytes.
"""

import io
import re
from collections.abc import Sequence
from typing import Any

POINTS_PER_PIXEL = 0.75
_PIXELS_PER_INCH = 96.0

_DOCUMENT = """\
#set document(title: sys.inputs.title, date: none)
#set page(width: {width}pt, height: {height}pt, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: 100%, alt: sys.inputs.title)
"""


def png(svg: str, title: str, *, dots: int = 2) -> bytes:
    """An SVG as PNG, two dots to a pixel if not told otherwise."""
    return _rendered(svg, title, format="png", ppi=dots * _PIXELS_PER_INCH)


def pdf(svg: str, title: str) -> bytes:
    """An SVG as a PDF of one page, lines as lines and text as text; ``title`` is its title and what a screen reader says."""
    return _rendered(svg, title, format="pdf")


def gif(svgs: Sequence[str], title: str, seconds: float, last: float) -> bytes:
    """Pictures of one size as a GIF that plays over and over, each for so many seconds, the last one for ``last``."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError('GIF needs Pillow: pip install "chalkgrad[pictures]"; .svg needs nothing') from error
    frames = [Image.open(io.BytesIO(png(svg, title, dots=1))).convert("RGB").quantize(128) for svg in svgs]
    times = [*[round(1000 * seconds)] * (len(frames) - 1), round(1000 * last)]
    film = io.BytesIO()
    frames[0].save(film, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)
    return film.getvalue()


def _rendered(svg: str, title: str, **options: Any) -> bytes:
    try:
        import typst
    except ImportError as error:
        raise ImportError(
            'PNG and PDF need the package typst: pip install "chalkgrad[pictures]"; .svg and .html need nothing'
        ) from error
    width, height = (float(size) * POINTS_PER_PIXEL for size in re.findall(r'\b(?:width|height)="([\d.]+)"', svg)[:2])
    document = _DOCUMENT.format(width=width, height=height)
    drawn: bytes = typst.compile(document.encode(), sys_inputs={"svg": svg, "title": title}, **options)
    return drawn
