"""LLVM IR as text: numbers, the lines of a function, and loops."""

import contextlib
import struct
from collections.abc import Iterator, Sequence
from typing import final

COPY = "llvm.memcpy.p0.p0.i64"  # declared with every program


def double(x: float) -> str:
    """A double as LLVM writes it without loss."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


@final
class Form:
    """Doubles side by side in one register: the lanes of a row, instances that are neighbours, or one alone."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.kind, self.bit, self.suffix = (
            ("double", "i1", "f64")
            if width == 1
            else (
                f"<{width} x double>",
                f"<{width} x i1>",
                f"v{width}f64",
            )
        )

    def constant(self, x: float) -> str:
        """The number in each place."""
        return double(x) if self.width == 1 else f"<{', '.join([f'double {double(x)}'] * self.width)}>"


@final
class Carried:
    """Registers of one kind that a loop hands from round to round: ``now`` is what they are before it, within it what a round is given
    and then what it hands on, and after the loop what the last one handed on."""

    def __init__(self, kind: str, now: Sequence[str]) -> None:
        self.kind, self.now = kind, list(now)


# How expressions begin whose result depends on registers alone, or on tables too.
_OF_PLACES = (
    *("add i64", "mul i64", "add nuw nsw i64", "mul nuw nsw i64", "getelementptr", "load i32", "sext i32"),
    *("add <8 x i64>", "insertelement <8 x i64>", "shufflevector <8 x i64>", "load <8 x i32>", "sext <8 x i32>"),
)


@final
class Text:
    """The function's body as it grows. What a loop changes are φ nodes: LLVM's passes, which would make them of stack slots, leave
    1.5 kB behind whenever they run."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stack: list[str] = []
        self.block = "start"  # the label of what is written now
        self._names = 0
        self._found: dict[str, str] = {}

    def name(self, prefix: str = "v") -> str:
        self._names += 1
        return f"%{prefix}{self._names}"

    def let(self, expression: str) -> str:
        """A register holding the expression: of arithmetic with slots and places the same one within a block, else a fresh one."""
        if expression in self._found:
            return self._found[expression]
        register = self.name()
        self.lines.append(f"  {register} = {expression}")
        if expression.startswith(_OF_PLACES):
            self._found[expression] = register
        return register

    def do(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def label(self, prefix: str) -> str:
        """A fresh one."""
        return self.name(prefix)[1:]

    def begin(self, label: str) -> None:
        """A block of this label."""
        self.lines.append(f"{label}:")
        self.block, self._found = label, {}

    def branch(self, condition: str, yes: str, no: str) -> None:
        """To one block or the other."""
        self.do(f"br i1 {condition}, label %{yes}, label %{no}")

    def variable(self, kind: str, prefix: str) -> str:
        """A stack slot, which stays one."""
        register = self.name(prefix)
        self.stack.append(f"  {register} = alloca {kind}")
        return register

    def body(self, result: str = "void") -> str:
        """All that is written, as the body of a function that returns this."""
        return "\n".join(["start:", *self.stack, *self.lines, f"  ret {result}"])

    @contextlib.contextmanager
    def apart(self) -> Iterator[list[str]]:
        """What is written here becomes a body of its own, in the list at the end."""
        outer = self.lines, self.stack, self.block, self._names, self._found
        self.lines, self.stack, self.block, self._names, self._found = [], [], "start", 0, {}
        body: list[str] = []
        yield body
        body.append(self.body())
        self.lines, self.stack, self.block, self._names, self._found = outer

    @contextlib.contextmanager
    def loop(self, start: int, stop: int | str, step: int | str = 1, carried: Carried | None = None) -> Iterator[str]:
        """A counter from start up to, not including, stop; the body runs at least once."""
        if isinstance(stop, int) and isinstance(step, int) and start + step >= stop:  # one round
            yield str(start)
            return
        carried = carried or Carried("", [])
        before, label, firsts = self.block, self.label("loop"), carried.now
        self.do(f"br label %{label}")
        self.begin(label)
        counter, given = self.name("i"), [self.name("total") for _ in firsts]
        at, carried.now = len(self.lines), [*given]
        yield counter
        following = self.let(f"add nuw nsw i64 {counter}, {step}")
        every = [
            ("i64", counter, start, following),
            *[(carried.kind, *one) for one in zip(given, firsts, carried.now, strict=True)],
        ]
        self.lines[at:at] = [f"  {x} = phi {kind} [ {a}, %{before} ], [ {b}, %{self.block} ]" for kind, x, a, b in every]
        self.branch(self.let(f"icmp slt i64 {following}, {stop}"), label, f"{label}.end")
        self.begin(f"{label}.end")

    def within(self, counter: str, last: int) -> str:
        """The counter, but not more than that."""
        return self.let(f"select i1 {self.let(f'icmp slt i64 {counter}, {last}')}, i64 {counter}, i64 {last}")


def transposed(text: Text, places: Sequence[str]) -> list[str]:
    """The columns of 8 rows of 8 numbers, which lie at these places.

    Halves of two rows are loaded into one register: Intel's processors have a single unit that could put them together later. What a
    step of 2-64-64-1 keeps for its gradients is in lines after 5.5 instead of 6.7 µs (Intel Xeon, Emerald Rapids).
    """
    kind, half = Form(8).kind, Form(4).kind
    whole = ", ".join([f"i32 {n}" for n in range(8)])

    def loaded(place: str, first: int) -> str:
        return text.let(f"load {half}, ptr {text.let(f'getelementptr double, ptr {place}, i64 {first}')}, align 8")

    def shuffled(a: str, b: str, places: str) -> str:
        order = ", ".join(f"i32 {n}" for n in places.split())
        return text.let(f"shufflevector {kind} {a}, {kind} {b}, <8 x i32> <{order}>")

    def joined(rows: Sequence[str], apart: int, low: str, high: str) -> list[str]:
        """Of each row and its partner so far apart: what they have at the low places, and at the high ones."""
        pairs = [(k, k + apart) for k in range(8) if not k & apart]
        made = {place: shuffled(rows[a], rows[b], how) for a, b in pairs for place, how in ((a, low), (b, high))}
        return [made[k] for k in range(8)]

    halves = [(loaded(places[k], first), loaded(places[k + 4], first)) for first in (0, 4) for k in range(4)]
    rows = [text.let(f"shufflevector {half} {a}, {half} {b}, <8 x i32> <{whole}>") for a, b in halves]
    rows = joined(rows, 1, "0 8 2 10 4 12 6 14", "1 9 3 11 5 13 7 15")
    return joined(rows, 2, "0 1 8 9 4 5 12 13", "2 3 10 11 6 7 14 15")


def vector_declarations(width: int) -> list[str]:
    """Declarations of what every processor does to vectors of this width (1: plain doubles)."""
    form = Form(width)
    unary = [f"declare {form.kind} @llvm.{f}.{form.suffix}({form.kind})" for f in ("fabs", "sqrt", "floor", "rint")]
    return [*unary, f"declare {form.kind} @llvm.copysign.{form.suffix}({form.kind}, {form.kind})"]
