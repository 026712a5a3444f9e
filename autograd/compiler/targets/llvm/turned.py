"""Terms of eight instances that lie in rows, such as the weights of eight neurons: read as they lie, and turned into vectors of
instances.

Both functions are called and not written in place: a transformer's gradient would be twice the text.
"""

from typing import final

from autograd.compiler.targets.llvm.text import Form, Text, transposed
from autograd.compiler.targets.walk import Counter

_EIGHT = Form(8)


@final
class Turned:
    """Writes calls into a text. What it calls ``places`` is where each instance's terms begin among the shared numbers."""

    def __init__(self, text: Text) -> None:
        self.text, self.is_used = text, False

    def places(self, starts: str) -> str:
        """A variable with them."""
        self.is_used = True
        places = self.text.variable("[8 x i64]", "places")
        self.text.do(f"store <8 x i64> {starts}, ptr {places}, align 8")
        return places

    def block(self, places: str, t: Counter) -> str:
        """A variable with the terms from the t-th on, eight vectors."""
        block = self.text.variable("[64 x double]", "block")
        self.text.do(f"call void @turned(ptr %s, ptr {places}, i64 {t}, ptr {block})")
        return block

    def column(self, block: str, u: Counter) -> str:
        """The u-th vector of a block."""
        return self.text.let(f"load {_EIGHT.kind}, ptr {_at(self.text, _EIGHT.kind, block, u)}, align 8")

    def term(self, places: str, t: Counter) -> str:
        """The t-th terms alone."""
        return self.text.let(f"call {_EIGHT.kind} @gathered(ptr %s, ptr {places}, i64 {t})")

    def functions(self) -> str:
        """Definitions of what is called."""
        return f"{_turned()}{_gathered()}" if self.is_used else ""


def _at(text: Text, kind: str, array: str, index: Counter) -> str:
    return text.let(f"getelementptr {kind}, ptr {array}, i64 {index}")


def _row(text: Text, k: int) -> str:
    """Where the k-th instance's terms are, from the t-th on."""
    start = text.let(f"load i64, ptr {_at(text, 'i64', '%places', k)}")
    return _at(text, "double", "%s", text.let(f"add i64 {start}, %t"))


def _turned() -> str:
    text = Text()
    for u, column in enumerate(transposed(text, [_row(text, k) for k in range(8)])):
        text.do(f"store {_EIGHT.kind} {column}, ptr {_at(text, _EIGHT.kind, '%block', u)}, align 8")
    return f"define internal void @turned(ptr %s, ptr %places, i64 %t, ptr %block) noinline {{\n{text.body()}\n}}\n"


def _gathered() -> str:
    text, numbers = Text(), "poison"
    for k in range(8):
        x = text.let(f"load double, ptr {_row(text, k)}, align 8")
        numbers = text.let(f"insertelement {_EIGHT.kind} {numbers}, double {x}, i64 {k}")
    body = text.body(f"{_EIGHT.kind} {numbers}")
    return f"define internal {_EIGHT.kind} @gathered(ptr %s, ptr %places, i64 %t) noinline {{\n{body}\n}}\n"
