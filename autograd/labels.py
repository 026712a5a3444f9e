"""How labels look: what is written ``w_12^(1)`` is shown as w₁₂⁽¹⁾, in messages, listings and pictures alike.

What has no raised or lowered form in Unicode stays as it was.
"""

import re
from collections.abc import Iterator

RAISED = dict(zip("0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ*",
                   "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ*", strict=True))  # fmt: skip
LOWERED = dict(zip("0123456789+-−=(),aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎,ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))

_NUMBER = r"[-+−]?\d+(?:\.\d+)?(?:e[-+−]?\d+)?"
# An index is a number, one or two letters or anything in braces; a longer word after _ is part of a name.
_SCRIPT = (  # compiled when it is first used: importing autograd needs no label
    r"_(?:\{(?P<sub_braced>[^{}]+)\}|(?P<sub>\d+|[^\W\d_]{1,2}(?![^\W_])))"
    r"|\^(?:\{(?P<sup_braced>[^{}]+)\}|(?P<sup_round>\([^()]*\))|(?P<sup>" + _NUMBER + r"|[^\W\d_]|\*))"
)


def scripts(label: str) -> Iterator[tuple[str, int]]:
    """A label in pieces, each with 0 (on the line), −1 (an index) or 1 (raised).

    >>> list(scripts("w_12^(1)"))
    [('w', 0), ('12', -1), ('(1)', 1)]
    >>> list(scripts("learning_rate"))
    [('learning_rate', 0)]
    """
    end = 0
    for match in re.finditer(_SCRIPT, label) if "_" in label or "^" in label else ():
        if match.start() > end:
            yield label[end : match.start()], 0
        yield next(group for group in match.groups() if group is not None), 1 if match[0].startswith("^") else -1
        end = match.end()
    if end < len(label):
        yield label[end:], 0


def plain_name(label: object) -> str:
    """A label, whatever it is, as text.

    >>> plain_name("w_12^(1)"), plain_name("w_{1,16}"), plain_name("x_{out}"), plain_name("E")
    ('w₁₂⁽¹⁾', 'w₁,₁₆', 'xₒᵤₜ', 'E')
    >>> plain_name("x^2"), plain_name("x^−0.5")
    ('x²', 'x^−0.5')
    """
    return "".join(_scripted(*piece) for piece in scripts(re.sub(r"\s+", " ", str(label))))


def _scripted(text: str, height: int) -> str:
    table = {0: None, 1: RAISED, -1: LOWERED}[height]
    if table is None:
        return text
    if all(c in table for c in text):
        return "".join(table[c] for c in text)
    is_plain = len(text) == 1 or text.startswith("(") or re.fullmatch(_NUMBER, text)
    return f"{'^' if height > 0 else '_'}{text if is_plain else f'{{{text}}}'}"
