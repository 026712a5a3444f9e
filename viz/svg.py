"""The one SVG writer: cards, where they stand, and the curves between them become a text that draws the same everywhere.

Presentation attributes only, no ``<style>``, no ids, no scripts: notebooks strip or leak the first, ids collide when one page
shows two pictures. A white rounded background, because a picture cannot see a dark page's colours. Numbers are rounded to a tenth
of a pixel: equal pictures are equal bytes.

Colours, distinguishable with every common colour blindness: data blue where positive, orange where negative; gradients purple.
Texts of labels are set as on the blackboard: ``w_12^(1)`` gets its index and its layer in the right places.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from unicodedata import bidirectional

from autograd.labels import scripts
from viz.cards import Card, Cards
from viz.layout import Layout, Point, Size, on_curve
from viz.notation import number

BLUE, ORANGE, PURPLE = "#2166ac", "#e08214", "#7b3294"
INK, GREY, FAINT_PURPLE = "#22262b", "#8a929c", "#a58ab0"
OUTLINE, LEAF_FILL, CARD_FILL = "#b9c0c8", "#f5f7f9", "#ffffff"
# DejaVu Sans and Verdana descend from the same drawing: texts come out equally wide.
_FONT = "DejaVu Sans, Verdana, Geneva, sans-serif"
_LABEL, _DATA, _GRAD, _ROLE = 13.0, 14.0, 12.0, 10.5  # font sizes in pixels
_BOLDER = 1.1
_SMALL = 0.72  # size of an index, of its line
_MARGIN = 12.0
_PADDING = 13.0
_NARROWEST = 94.0
_LINE = 18.0
_ARROW = 6.5
_MOST_ROLES = 3  # that fit between the ends of edges at one card
_LONGEST_TEXT = 28  # characters of a label or caption that a card shows


_GEOMETRY = re.compile(' (?:d|x|y|width|height)="[^"]*"')
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line of text; ``scale`` and ``lowered`` are fractions of the line's font size."""

    text: str
    scale: float = 1.0
    lowered: float = 0.0
    bold: bool = False


def size_of(card: Card) -> Size:
    """The width and height of a card in pixels.

    >>> size_of(Card("x", "", "", 1.0, 0.0, False))
    (94.0, 62.0)
    """
    lines = [
        _width(_head(card), _LABEL),
        _width([Piece(number(card.data))], _DATA),
        _width([Piece(f"∂ {number(card.grad)}")], _GRAD),
    ]
    height = (_LINE * 3 if card.label or card.caption else _LINE * 2) + 8.0
    return float(round(max(_NARROWEST, max(lines) + 2 * _PADDING))), height


def write(
    cards: Cards, layout: Layout, description: str, above: Iterable[str] = (), room: Size = (0.0, 0.0), style: str = ""
) -> str:
    """The picture as a complete SVG document; ``description`` is what a screen reader says.

    ``above`` are elements on top of the picture, which is made at least as wide as ``room`` and as much higher.
    """
    body = [
        *(curve(route) for route in layout.routes),
        *(_card(i, card, centre) for i, (card, centre) in enumerate(zip(cards.cards, layout.centres, strict=True))),
        *_roles(cards, layout),
        *above,
    ]
    return document(layout, description, body, room, style)


def document(layout: Layout, description: str, body: Iterable[str], room: Size = (0.0, 0.0), style: str = "") -> str:
    """An SVG document around elements that stand in the coordinates of a layout."""
    width, height = max(layout.width, room[0]) + 2 * _MARGIN, layout.height + room[1] + 2 * _MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escaped(description)}" font-family="{_FONT}">',
            *([f"<style>{style}</style>"] if style else []),
            f'<rect width="{width:.0f}" height="{height:.0f}" rx="10" fill="#ffffff"/>',
            f'<g transform="translate({_MARGIN:g} {_MARGIN:g})">',
            *body,
            "</g>",
            "</svg>\n",
        ]
    )


def width_of(text: str, size: float) -> float:
    """How wide a line of plain text comes out, in pixels."""
    return sum([_advance(character) * size for character in text])


def said_once(picture: str) -> str:
    """The same picture for a page: what most of its texts say of themselves said once, on its root, and no ``.0`` in its geometry.

    That is 1.5 kB less for a neuron.
    """
    for attribute in (' text-anchor="middle"', f' fill="{INK}"'):
        picture = picture.replace(attribute, "").replace("<svg", f"<svg{attribute}", 1)
    return _GEOMETRY.sub(lambda numbers: re.sub(r"(?<=\d)\.0(?!\d)", "", numbers[0]), picture)


def printable(text: str) -> str:
    """``text`` on one line and without the characters that neither XML nor UTF-8 can hold, which become �."""
    return text if text.isprintable() else _NOT_XML.sub("\ufffd", re.sub(r"\s", " ", text))


def isolated(text: str) -> str:
    """``text`` so that what stands around it keeps its order, should it be written from right to left.

    >>> isolated("w"), len(isolated("שלום")) - len("שלום")
    ('w', 2)
    """
    is_from_the_right = any(bidirectional(character) in ("R", "AL") for character in text)
    return f"\u2068{text}\u2069" if is_from_the_right else text


def dot_text(text: str) -> str:
    """``text`` for Graphviz, which reads ``&amp;`` and its like in every label as HTML does."""
    return printable(text).replace("&", "&amp;")


def escaped(text: str) -> str:
    """``text`` for use in the content and the attributes of XML.

    >>> escaped('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(printable(text))


def blackboard(text: str) -> list[Piece]:
    """``text`` in pieces, indices lowered and exponents raised.

    An index is a number, one or two letters or anything in braces; a longer word after ``_`` is part of a name.

    >>> [piece.text for piece in blackboard("w_12^(1)")]
    ['w', '12', '(1)']
    >>> [piece.text for piece in blackboard("learning_rate")]
    ['learning_rate']
    """
    return [
        Piece(said, _SMALL, -0.36 * height if height > 0 else 0.24) if height else Piece(said) for said, height in scripts(text)
    ]


# --- Text ----------------------------------------------------------------------------------------------------------------------


def _width(pieces: Sequence[Piece], size: float) -> float:
    return sum(
        _advance(character) * piece.scale * size * (_BOLDER if piece.bold else 1.0)
        for piece in pieces
        for character in piece.text
    )


@lru_cache(4096)
def _advance(character: str) -> float:
    """How wide DejaVu Sans (between regular and bold) sets a character, in units of the font size; a little generous."""
    if character in "ijlI.,:;'|!":
        return 0.35
    if character in ' ()[]{}frt/\\-·"':
        return 0.45
    if character in "mwMWΣ%@":
        return 0.98
    if character in "×+−=<>≤≥÷":
        return 0.84
    if ord(character) > 0x2E80:
        return 1.1
    return 0.76 if character.isupper() else 0.64


def shortened(text: str) -> str:
    """``text``, or its beginning and "…" if it is too long for a card."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _head(card: Card) -> list[Piece]:
    """The first line of a card: ``label = caption``, the label in bold."""
    label = [replace(piece, bold=True) for piece in blackboard(shortened(card.label))]
    equals = " = " if card.label and card.caption else ""
    caption = equals + shortened(card.caption)
    return [*label, *(blackboard(caption) if "^" in caption else [Piece(caption)])]  # the _ of an op's name is no index


def _text(x: float, y: float, size: float, fill: str, content: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}" text-anchor="middle"{extra}>{content}</text>'


def line(x: float, y: float, size: float, fill: str, text: str, *, bold: bool = False) -> str:
    """One line of text around ``x``, its indices and exponents in their places."""
    pieces = [replace(piece, bold=True) for piece in blackboard(text)] if bold else blackboard(text)
    # Else the space at the beginning of a tspan is lost in some programs.
    preserve = ' xml:space="preserve"' if len(pieces) > 1 else ""
    return _text(x, y, size, fill, "".join(_spans(pieces, size)), preserve)


def frame(left: float, top: float, width: float, height: float, *, is_leaf: bool, is_root: bool) -> str:
    """The box of a card."""
    outline = f'stroke="{INK}" stroke-width="1.6"' if is_root else f'stroke="{OUTLINE}" stroke-width="1.2"'
    fill = LEAF_FILL if is_leaf else CARD_FILL
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8" fill="{fill}" {outline}/>'


def _spans(pieces: Sequence[Piece], size: float) -> Iterator[str]:
    """Pieces as tspans; each undoes the shift of the one before it (``baseline-shift`` is not drawn everywhere)."""
    lowered = 0.0
    for piece in pieces:
        attributes = ' font-weight="bold"' if piece.bold else ""
        if piece.scale != 1.0:
            attributes += f' font-size="{piece.scale * size:.1f}"'
        if piece.lowered != lowered:
            attributes += f' dy="{(piece.lowered - lowered) * size:.1f}"'
        lowered = piece.lowered
        yield f"<tspan{attributes}>{escaped(piece.text)}</tspan>" if attributes else escaped(piece.text)


# --- Cards ---------------------------------------------------------------------------------------------------------------------


def _card(index: int, card: Card, centre: Point) -> str:
    width, height = size_of(card)
    x, y = centre
    left, top = x - width / 2, y - height / 2
    lines = [
        "<g>",
        f"<title>{_tooltip(index, card)}</title>",
        frame(left, top, width, height, is_leaf=card.is_leaf, is_root=card.is_root),
        f'<rect x="{left + 5:.1f}" y="{top + 8:.1f}" width="3.5" height="{height - 16:.1f}" rx="1.7" fill="{_sign(card.data)}"/>',
    ]
    base = top + 18.0
    if card.label or card.caption:
        lines.append(_text(x, base, _LABEL, INK, "".join(_spans(_head(card), _LABEL))))
        base += _LINE
    lines.append(_text(x, base, _DATA, INK, number(card.data)))
    purple = PURPLE if card.grad else FAINT_PURPLE
    lines.append(_text(x, base + _LINE - 1, _GRAD, purple, f"∂ {number(card.grad)}"))
    lines.append("</g>")
    return "\n".join(lines)


def _sign(data: float) -> str:
    if data > 0:
        return BLUE
    return ORANGE if data < 0 else OUTLINE


def _tooltip(index: int, card: Card) -> str:
    """Everything about a card in full precision."""
    name = card.name(index)
    said = f"{name} = {card.formula}" if card.formula else name
    return "\n".join(map(escaped, (said, f"data {card.data!r}", f"gradient {card.grad!r}")))


# --- Edges ---------------------------------------------------------------------------------------------------------------------


def curve(route: Sequence[Point]) -> str:
    """A route as a curve with an arrowhead at its end."""
    (x, y), (dx, dy) = route[-1], _direction(route)
    back_x, back_y = x - dx * _ARROW, y - dy * _ARROW
    wide_x, wide_y = -dy * _ARROW * 0.45, dx * _ARROW * 0.45
    *body, (cx, cy), _ = route
    points = [*body, (cx - dx * _ARROW, cy - dy * _ARROW), (back_x, back_y)]
    start, *rest = (f"{px:.1f} {py:.1f}" for px, py in points)
    corners = ((x, y), (back_x + wide_x, back_y + wide_y), (back_x - wide_x, back_y - wide_y))
    tip = "L".join(f"{px:.1f} {py:.1f}" for px, py in corners)
    return (
        f'<path d="M{start}C{" ".join(rest)}" fill="none" stroke="{GREY}" stroke-width="1.3"/><path d="M{tip}Z" fill="{GREY}"/>'
    )


def _direction(route: Sequence[Point]) -> Point:
    """The unit vector in which the route arrives."""
    x, y = route[-1]
    for px, py in reversed(route[:-1]):
        length = ((x - px) ** 2 + (y - py) ** 2) ** 0.5
        if length > 0.01:
            return (x - px) / length, (y - py) / length
    return 1.0, 0.0


def _roles(cards: Cards, layout: Layout) -> Iterator[str]:
    """The roles on their edges: near the result, where one looks for them, or near the operand where many edges end together.

    There an operand that is the same to several results says so once. Where one would cover another it moves along its edge.
    """
    arriving = Counter(edge.end for edge in cards.edges)
    said: set[tuple[int, str]] = set()
    taken: list[Point] = []
    for edge, route in zip(cards.edges, layout.routes, strict=True):
        first, last = swings(route)
        if edge.role and arriving[edge.end] <= _MOST_ROLES:
            yield _role(edge.role, _free(route, [last + t for t in (0.75, 0.6, 0.45, 0.3)], taken))
        elif edge.role and (edge.start, edge.role) not in said:
            said.add((edge.start, edge.role))
            yield _role(edge.role, _free(route, [first + t for t in (0.2, 0.35, 0.5, 0.65, 0.8)], taken))


def _free(route: Sequence[Point], places: Sequence[float], taken: list[Point]) -> Point:
    """The first of some places along a route where no other role stands, which it takes; the first of all if there is none."""
    points = [on_curve(route, place) for place in places]
    free = (p for p in points if all(abs(p[0] - x) >= 20 or abs(p[1] - y) >= 14 for x, y in taken))
    taken.append(next(free, points[0]))
    return taken[-1]


def swings(route: Sequence[Point]) -> tuple[int, int]:
    """Which of a route's curves are the first and the last that are not straight lines within a column."""
    curved = [i for i in range((len(route) - 1) // 3) if route[3 * i] != route[3 * i + 1]]
    return curved[0], curved[-1]


def _role(role: str, centre: Point) -> str:
    x, y = centre
    pieces = blackboard(role)
    width = max(_width(pieces, _ROLE) + 6.0, 14.0)
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - 7:.1f}" width="{width:.1f}" height="14" rx="7" fill="#ffffff" '
        f'stroke="{OUTLINE}" stroke-width="0.8"/>' + _text(x, y + 3.7, _ROLE, INK, "".join(_spans(pieces, _ROLE)))
    )
