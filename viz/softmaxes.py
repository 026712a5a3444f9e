"""A softmax in a folded graph whose shares are used in different places: a pack for each of these, until they are one group again.

Glossary::

    share     exp(a)/Σ exp(a)
    norm      Σ exp(a)
    powers    exp(a), of shares that are used in one place a group of their own
    shift     a − the largest a
"""

import re

from viz.cells import joined
from viz.groups import Groups, consumers_of
from viz.patterns import Consumers

_SHIFT = re.compile(r"[+−]( \S+)?")


def softmaxes(groups: Groups) -> None:
    """Make the shares of each softmax one group, and so what they are computed from, as far as nothing else is."""
    consumers = consumers_of(groups)
    for norm in sorted(groups):
        if norm in groups and _is_norm(groups, consumers, norm):
            shares, powers = sorted(consumers[norm]), sorted(groups[norm].entries)
            shifts = sorted({source for p in powers for source in groups[p].entries})
            joined(groups, consumers, shares)
            joined(groups, consumers, powers)
            if _are_shifts(groups, consumers, shifts, powers[0]):
                joined(groups, consumers, shifts)


def _is_norm(groups: Groups, consumers: Consumers, k: int) -> bool:
    """Whether a group adds up exps which nothing but itself and the quotients by it use, several groups of the ones or the others."""
    shares, powers = consumers[k], set(groups[k].entries)
    if max(len(shares), len(powers)) < 2 or not shares:
        return False
    are_exps = all([groups[p].form == "exp" and consumers[p] <= {k, *shares} for p in powers])
    return are_exps and all([groups[s].form == "÷" and set(groups[s].entries) - {k} <= powers for s in shares])


def _are_shifts(groups: Groups, consumers: Consumers, sources: list[int], powers: int) -> bool:
    """Whether exps are taken of what is only shifted before, in one way."""
    forms = {groups[s].form for s in sources}
    return len(forms) == 1 and all([_SHIFT.fullmatch(f) for f in forms]) and all([consumers[s] == {powers} for s in sources])
