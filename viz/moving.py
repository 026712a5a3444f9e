"""What moves in an SVG without a script: parts that are there for a while, in every round (SMIL), for readers who want motion.

SMIL knows nothing of what a reader prefers, but a style sheet inside the picture does: with ``prefers-reduced-motion``, and on
paper, it takes the whole moving layer away, and what is below it stays.
"""

from collections.abc import Iterable

STYLE = "@media print,(prefers-reduced-motion:reduce){.moving{display:none}}"


def layer(parts: Iterable[str]) -> list[str]:
    """The moving layer of these parts, which lies over the still picture."""
    return ['<g class="moving">', *parts, "</g>"]


def during(start: int, end: int, steps: int, seconds: float, content: str) -> str:
    """Content that is there from one step to another of so many, each lasting so long."""
    moments = [(start, "inline"), *([(end, "none")] if end < steps else [])]
    if start:
        moments.insert(0, (0, "none"))
    values, times = (
        ";".join(value for _, value in moments),
        ";".join(f"{step / steps:.4f}" if step else "0" for step, _ in moments),
    )
    return (
        f'<g display="none">{content}<animate attributeName="display" calcMode="discrete" values="{values}" keyTimes="{times}" '
        f'dur="{steps * seconds:g}s" repeatCount="indefinite"/></g>'
    )
