"""The cases as other languages say them: to the bit, or to rounding."""

from tests.cases import CASES, Case

# What they say with functions of their own, or built of simpler ones: to rounding.
NEARLY = frozenset(("gamma", "lgamma", "digamma", "polygamma 3", "fsum", "sumprod"))


def cases_said(arity: int, *, exactly: bool = False) -> list[Case]:
    """Those of so many operands; ``exactly``: to the bit where the C library is the same."""
    return [case for case in CASES if len(case.domain) == arity and not (exactly and case.name in NEARLY)]


ARITIES_SAID = sorted({len(case.domain) for case in CASES})
