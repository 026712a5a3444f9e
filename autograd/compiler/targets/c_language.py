"""What languages of C's kind differ in, and kernels as expressions in them."""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

from autograd import ops
from autograd.compiler.kernels import COMPARISONS, LOGIC, Body
from autograd.compiler.targets.lowered import lowered
from autograd.compiler.targets.special import unsaid
from autograd.ops import Op

_ARITHMETIC = {ops.add: "+", ops.subtract: "-", ops.multiply: "*", ops.divide: "/"}
_COMPARISONS = {ops.greater: ">", ops.greater_equal: ">=", ops.less: "<", ops.less_equal: "<="}
_LOGIC = {ops.both: "&&", ops.either: "||"}
_NUMBER = re.compile(r"\d[\d.]*(e[-+]?\d+)?f?")


class Writer(Protocol):
    """What writes a program, as far as expressions ask it for helpers."""

    language: "Language"

    def helper(self, name: str, parameters: Sequence[str], lines: Sequence[str]) -> str:
        """The name in the text of a helper function with this body."""

    def call(self, op: Op, operands: Sequence[str]) -> str:
        """An op applied to operands."""

    def literal(self, x: float) -> str:
        """A number as an operand."""


@final
@dataclass(frozen=True)
class Argument:
    """So many numbers of an array that a function takes or fills; with ``values`` they are part of the code instead.

    Numbers that are filled lie from ``offset`` on; as gradients (``accumulated``) they are what adding to 0 leaves: −0 becomes 0.
    """

    name: str
    size: int
    values: tuple[float, ...] | None = None
    offset: int = 0
    accumulated: bool = False

    @property
    def end(self) -> int:
        """Up to where it fills the array."""
        return self.offset + self.size


@final
@dataclass(frozen=True)
class Rows:
    """Numbers of an array of rows: outputs are as many indices and then as many numbers as there are ``starts``.

    The k-th number goes to ``starts[k] + step·index``, if the k-th index is one of ``count``. All other numbers of the rows stay, or
    become 0 before if it ``clears``.
    """

    name: str
    starts: tuple[int, ...]
    step: int
    count: int
    clears: bool

    @property
    def size(self) -> int:
        """The outputs that it takes."""
        return 2 * len(self.starts)

    @property
    def end(self) -> int:
        """Up to where it may fill the array."""
        return max(self.starts) + self.step * (self.count - 1) + 1


class Language(ABC):
    """What a language of C's kind calls things."""

    constant: str  # what begins the declaration of a number
    condition: str  # of a truth
    variable: str  # of a number that changes
    counter: str  # of a loop's counter
    equal: str
    unequal: str

    @abstractmethod
    def number(self, x: float) -> str:
        """A number without loss."""

    @abstractmethod
    def call(self, op: Op, operands: Sequence[str], printer: "Writer") -> str | None:
        """A function of these, as of the C library; None if the language has none."""

    @abstractmethod
    def remainder(self, a: str, b: str) -> str:
        """C's fmod."""

    @abstractmethod
    def function(self, name: str, operands: Sequence[str], lines: Sequence[str]) -> list[str]:
        """A helper function of numbers with these lines as its body."""

    @abstractmethod
    def drawn(self) -> list[str]:
        """The lines of a helper of c0, c1, k0 and k1 that returns the op ``uniform``."""

    @abstractmethod
    def refuse(self, guard: tuple[bool, str]) -> str:
        """The statement for a guard (answer, site) that is not met."""

    def place(self, index: str, count: str, printer: "Writer") -> str:
        """A number as a place among so many, −1 if it is none."""
        zero, one = map(self.number, (0.0, 1.0))
        is_place = f"a >= {zero} && a < b && {self.call(ops.floor, ['a'], printer)} {self.equal} a"
        return f"{printer.helper('place_of', ['a', 'b'], [f'return {is_place} ? a : -{one};'])}({index}, {count})"

    def element(self, array: str, index: str, *, is_static: bool) -> str:
        """An element of an array; ``is_static``: of one that is part of the code."""
        return f"{array}[{index}]"

    def name(self, name: str) -> str:
        """A helper's name as it is in the text."""
        return name


def grouped(expression: str) -> str:
    """The expression as an operand."""
    return expression if _is_operand(expression) else f"({expression})"


def _is_operand(expression: str) -> bool:
    """Whether it is a number, a name, a call, an element of an array or in parentheses."""
    if _NUMBER.fullmatch(expression):
        return True
    rest = re.sub(r"^[\w.]+", "", expression)
    depth = 0
    for position, letter in enumerate(rest):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return position == len(rest) - 1
    return not rest


def identifier(text: str) -> str:
    """Text as part of a name: letters, digits and underscores of ASCII; letters lose their accents."""
    plain = "".join([letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)])
    return re.sub(r"[^0-9A-Za-z]+", "_", plain).strip("_")


@final
class Expression:
    """A kernel's body for these operands; what is used more than once has a name. Conditions are truths until a number is needed."""

    def __init__(self, printer: Writer, body: Body, operands: Sequence[str]) -> None:
        self.printer, self.language, self.body = printer, printer.language, body
        self.texts = list(operands)
        self.is_truth = [False] * len(operands)
        self.named: list[str] = []
        uses = [x for step in body.instructions for x in step.operands if isinstance(x, int)]
        for reference, step in enumerate(body.instructions, body.arity):
            is_truth = step.op in COMPARISONS or step.op in LOGIC
            text = self._truth(step.op, step.operands) if is_truth else self._number(step.op, step.operands)
            if uses.count(reference) > 1:
                declared = self.language.condition if is_truth else self.language.constant
                self.named.append(f"{declared}t{reference} = {text};")
                text = f"t{reference}"
            self.texts.append(text)
            self.is_truth.append(is_truth)

    def result(self) -> str:
        """The result as an expression."""
        return self.number(self.body.result)

    def lines(self) -> list[str]:
        """The statements of a function that returns it."""
        return [*self.named, f"return {self.result()};"]

    def number(self, x: int | float) -> str:
        """What a reference stands for."""
        if isinstance(x, float):
            return self.printer.literal(x)
        one, zero = map(self.language.number, (1.0, 0.0))
        return f"{grouped(self.texts[x])} ? {one} : {zero}" if self.is_truth[x] else self.texts[x]

    def truth(self, x: int | float) -> str:
        """Whether it holds."""
        if isinstance(x, int) and self.is_truth[x]:
            return grouped(self.texts[x])
        return f"({grouped(self.number(x))} {self.language.unequal} {self.language.number(0.0)})"

    def _truth(self, op: Op, operands: Sequence[int | float]) -> str:
        if op is ops.negation:
            return f"!{self.truth(operands[0])}"
        if op in _LOGIC:
            return f" {_LOGIC[op]} ".join(map(self.truth, operands))
        return f" {_COMPARISONS[op]} ".join([grouped(self.number(x)) for x in operands])

    def _number(self, op: Op, operands: Sequence[int | float]) -> str:
        if op is ops.select:
            yes, no = [grouped(text) if "?" in text else text for text in map(self.number, operands[1:])]
            return f"{self.truth(operands[0])} ? {yes} : {no}"
        numbers = [self.number(x) for x in operands]
        if op in _ARITHMETIC:
            return f" {_ARITHMETIC[op]} ".join(map(grouped, numbers))
        if op is ops.negative:
            return f"-{grouped(numbers[0])}"
        if op is ops.uniform_op:
            return f"{self.printer.helper('uniform', ['c0', 'c1', 'k0', 'k1'], self.language.drawn())}({', '.join(numbers)})"
        if op is ops.sign or op is ops.modulo:
            return f"{self._own(op)}({', '.join(numbers)})"
        text = self.language.call(op, numbers, self.printer)
        if text is not None:
            return text
        simpler = lowered(op)
        if simpler is not None:
            return self.printer.call(simpler, numbers)
        raise unsaid(op)

    def _own(self, op: Op) -> str:
        """The helper for an op that C has in another form."""
        language = self.language
        zero, one = map(language.number, (0.0, 1.0))
        if op is ops.sign:
            line = f"return a > {zero} ? {one} : a < {zero} ? -{one} : a {language.equal} a ? {zero} : a;"
            return self.printer.helper("sign", ["a"], [line])
        moved = f"(b < {zero}) {language.unequal} (r < {zero}) ? r + b : r"
        lines = [
            f"{language.constant}r = {language.remainder('a', 'b')};",
            f"return r {language.equal} {zero} ? (b < {zero} ? -{zero} : {zero}) : {moved};",
        ]
        return self.printer.helper("modulo", ["a", "b"], lines)
