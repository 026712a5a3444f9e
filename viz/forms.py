"""What the heads of a group compute, as text: ``tanh``, ``Σ₁₆ w·x + b``."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from viz.cards import caption_of
from viz.normal_form import Indices, NormalForm


def form_of(form: NormalForm, members: Indices, edges: Indices) -> str:
    """The form that heads have in common into which these edges lead; empty for leaves."""
    first = int(members[np.argmax(form.terms[members])])
    if form.is_leaf[first]:
        return ""
    if form.terms[first] < 2 and not form.products[first]:
        return _caption(form, members)
    side, products = form.sides[edges], int(form.products[first])
    factors = _factors(form, members, edges[side == 0], edges[side == 1])
    if form.terms[first] == 1:
        return factors if {0, 1}.issubset(_distinct(side)) else _caption(form, members)
    plain = _distinct(form.terms[members] - form.products[members])
    if not products:
        are_minuses = (form.minuses[members] == form.terms[members]).all()
        return _caption(form, members) if plain == [2] else f"{'−' * bool(are_minuses)}Σ{_subscript(plain)} a"
    counts = _distinct(form.products[members])
    total = f"Σ{_subscript(counts)} {factors}" if counts != [1] else factors
    terms = int((side == 2).sum()) // len(members)
    others = {0: "", 1: " + b"}.get(terms, f" + Σ{_subscript([terms])} b")
    return f"{total}{others}{' + c' * (plain[-1] > terms)}"


def _distinct(counts: npt.NDArray[Any]) -> list[int]:
    """The numbers that occur, in order; they are small, and need no sorting."""
    found: list[int] = np.flatnonzero(np.bincount(counts)).tolist()
    return found


def _factors(form: NormalForm, members: Indices, *sides: Indices) -> str:
    """``w·x`` with leaves on the left, some x may be constant; ``x²`` for squares, ``c·a`` with constants, ``a·b`` for any other."""
    left, right = (form.sources[edges] for edges in sides)
    products = int(form.products[members].sum())
    if len(left) + len(right) < 2 * products:
        return "w·x" if len(left) == products and len(right) and form.is_leaf[left].all() else "c·a"
    if left.sum() == right.sum() and np.array_equal(np.sort(left), np.sort(right)):
        return "x²"
    return "w·x" if form.is_leaf[left].all() else "a·b"


def _subscript(counts: Sequence[int]) -> str:
    """n, or n…m, in lowered digits."""
    said = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}…{counts[-1]}"
    return said.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _caption(form: NormalForm, members: Indices) -> str:
    """The op as cards say it, if all heads have the same one, constants included; else without its numbers."""
    are_alike = (form.codes[members] == form.codes[members[0]]).all() and not form.takes_constants[members].any()
    picked = members[:1] if are_alike else members[:: max(1, len(members) // 64)]
    first, *others = (form.values[i] for i in picked.tolist())
    caption = caption_of(first)  # 8 µs each: the first other one ends it
    are_same = all(caption_of(v) == caption for v in others)
    return caption if are_same else re.sub(r"−?\d[\d.]*(?:e−?\d+)?", "c", caption)
