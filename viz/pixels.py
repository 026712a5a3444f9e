"""Small pictures of numbers: cells coloured by sign and size, as a PNG inside an SVG. Standard library only."""

import base64
import math
import struct
import zlib
from collections.abc import Sequence

BLUE, ORANGE, PURPLE, PAPER, NOTHING = (33, 102, 172), (224, 130, 20), (123, 50, 148), (255, 255, 255), (222, 226, 230)
Colour = tuple[int, int, int]
# Classes 0 and 1 as the signs are coloured; then colours that go with these for every common colour blindness (Okabe and Ito 2008).
CLASSES: tuple[Colour, ...] = (
    ORANGE, BLUE, PURPLE, (0, 158, 115), (213, 94, 0), (86, 180, 233), (204, 121, 167), (240, 228, 66), (90, 90, 90), (0, 0, 0),
)  # fmt: skip


def shade(x: float, reach: float) -> Colour:
    """White at 0, blue towards ``reach``, orange towards −``reach``; grey for what is no number."""
    if math.isnan(x):
        return NOTHING
    return mixed(PAPER, BLUE if x > 0.0 else ORANGE, min(1.0, abs(x) / reach) if reach else 0.0)


def mixed(a: Colour, b: Colour, part: float) -> Colour:
    """``part`` of the way from one colour to another."""
    red, green, blue = (round(x + (y - x) * part) for x, y in zip(a, b, strict=True))
    return red, green, blue


def hexed(colour: Colour) -> str:
    """A colour as SVG has it.

    >>> hexed(shade(1.0, 1.0)), hexed(shade(0.0, 1.0))
    ('#2166ac', '#ffffff')
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)


def png(rows: Sequence[Sequence[Colour]]) -> bytes:
    """A PNG file of these colours.

    >>> png([[(255, 0, 0)]])[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    # Not compressed: what zlib makes of the same bytes differs between its versions.
    lines = b"".join(b"\0" + bytes(part for colour in row for part in colour) for row in rows)
    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def image(
    rows: Sequence[Sequence[Colour]], x: float, y: float, width: float, height: float, title: str = "", *, is_smooth: bool = False
) -> str:
    """Colours as an SVG element, each a sharp cell unless they run into each other."""
    address = base64.b64encode(png(rows)).decode()
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    sharp = "" if is_smooth else ' image-rendering="pixelated"'
    said = f"<title>{title}</title>" if title else ""
    return f'<image {place} preserveAspectRatio="none"{sharp} href="data:image/png;base64,{address}">{said}</image>'
