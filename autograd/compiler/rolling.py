"""Loops found again in a program: packs of the same forms that come round after round, as of a Python loop that was recorded.

Glossary::

    round      some packs one after the other; the next round has packs of the same forms, of which only the slots are others
    stretch    rounds one after the other; a pack without repetition is a stretch of one round

Nothing of the order or the kind of operations depends on this: it is the same program, written more shortly.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from autograd.compiler.program import Pack, Program, heads, line_of

# A round has at most so many packs, a loop at least so many rounds.
LONGEST, FEWEST = 64, 4
# The instances of a pack and the terms of a sum are written out in a loop's body, up to so many.
LARGEST, LARGEST_RUN = 8, 4


@final
@dataclass(frozen=True)
class Stretch:
    """Rounds of packs; ``rounds[i][k]`` and ``rounds[j][k]`` differ in slots alone."""

    rounds: tuple[tuple[Pack, ...], ...]


def stretches(packs: Sequence[Pack]) -> list[Stretch]:
    """The packs in their order, with loops found: the longest first, then those before and after it."""
    known: dict[Hashable, int] = {}
    forms = np.array([known.setdefault(_form(pack), len(known)) for pack in packs], dtype=np.int64)
    start, period, count = longest(forms, LONGEST)
    if not count:
        return [Stretch(((pack,),)) for pack in packs]
    stop = start + period * count
    rounds = tuple([tuple(packs[i : i + period]) for i in range(start, stop, period)])
    return [*stretches(packs[:start]), Stretch(rounds), *stretches(packs[stop:])]


def _form(pack: Pack) -> Hashable:
    """What rounds have in common of a pack; of one too large for a loop's body nothing."""
    if pack.count > LARGEST or any([run.count > LARGEST_RUN for run in pack.runs]):
        return id(pack)
    return pack.op, pack.runs, pack.rows, pack.count


def longest(forms: npt.NDArray[np.int64], most: int) -> tuple[int, int, int]:
    """Where the repetition that takes in most begins, its period (up to ``most``) and the number of rounds; 0 if there is none."""
    best = (0, 0, 0)
    for period in range(1, min(most, len(forms) // FEWEST) + 1):
        equal = np.concatenate([[False], forms[:-period] == forms[period:], [False]])
        edges = np.flatnonzero(equal[1:] != equal[:-1])
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            count = (stop - start) // period + 1
            if count >= FEWEST and period * count > best[1] * best[2]:
                best = (start, period, count)
    return best


def listing(program: Program, labels: Sequence[str] = ()) -> str:
    """The program in the blackboard's notation, a loop as its number of rounds and the packs of the first; see ``Program.listing``."""
    lines = list(heads(program, labels))
    for stretch in stretches(program.packs):
        count, own = len(stretch.rounds), [line_of(pack) for pack in stretch.rounds[0]]
        lines += own if count == 1 else [f"{count} rounds, the first of which is:", *[f"    {line}" for line in own]]
    return "\n".join(lines)
