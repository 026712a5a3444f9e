"""Functions of ``exact_math`` for many rows at once: a long sequence of operations as parts, each a loop over rows.

A sequence in which every operation waits for the one before keeps a processor idle, and what it looks ahead does not reach the next row.
In a loop over a part of it several rows are in work at the same time. Measured for a row of 8 numbers (AVX2): tanh 22 instead of 28 ns.
Where a register holds a row, two parts are in one loop, so that the one multiplies while the other divides: 17 instead of 20 ns (Intel
Xeon, Emerald Rapids).
"""

from collections.abc import Callable, Sequence

from autograd.compiler.targets.llvm import exact_exp
from autograd.compiler.targets.llvm.exact_math import trusted_below
from autograd.compiler.targets.llvm.fast_math import VectorFunction
from autograd.compiler.targets.llvm.processor import has_avx512

# A part finds, from x and what the part before it found, what the next one needs; the last one the result.
Part = Callable[..., Sequence[str]]
PARTS: dict[str, Sequence[Part]] = {"tanh": exact_exp.TANH_PARTS}
# Fewer rows are not worth it; so many are in work at a time.
FEWEST, ROWS = 4, 16
# The most numbers of a row that one part leaves for the next: all fits into the nearest cache.
MOST_CARRIED = 5


def function(name: str, width: int) -> str:
    """The IR of ``rows_name(x, y, count)``: the function of so many rows, which lie one after the other, from x to y."""
    kind, texts, carried = f"<{width} x double>", list[str](), 0
    parts = _joined(PARTS[name]) if has_avx512() and width <= 8 else PARTS[name]
    for number, part in enumerate(parts):
        text, carried = _part(name, width, number, part, carried, is_last=number == len(parts) - 1)
        texts.append(text)
    calls = [f"  call void @{name}_part{k}_v{width}(ptr %x.at, ptr %y.at, ptr %work, i64 %rows)" for k in range(len(texts))]
    joined = "\n".join(calls)
    texts.append(f"""define internal void @rows_{name}_v{width}(ptr %x, ptr %y, i64 %count) noinline {{
start:
  %work = alloca [{MOST_CARRIED * ROWS} x {kind}]
  br label %some
some:
  %first = phi i64 [ 0, %start ], [ %next, %some ]
  %x.at = getelementptr {kind}, ptr %x, i64 %first
  %y.at = getelementptr {kind}, ptr %y, i64 %first
  %left = sub i64 %count, %first
  %is_last = icmp slt i64 %left, {ROWS}
  %rows = select i1 %is_last, i64 %left, i64 {ROWS}
{joined}
  %next = add i64 %first, {ROWS}
  %more = icmp slt i64 %next, %count
  br i1 %more, label %some, label %done
done:
  ret void
}}
""")
    return "\n".join(texts)


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Two parts each as one."""

    def both(first: Part, second: Part) -> Part:
        return lambda f, x, *given: second(f, x, *first(f, x, *given))

    return [both(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]


def _part(name: str, width: int, number: int, part: Part, carried: int, *, is_last: bool) -> tuple[str, int]:
    """The IR of a part, and how many numbers of a row it leaves."""
    f = VectorFunction(width)
    x = f.let(f"load {f.kind}, ptr {f.let(f'getelementptr {f.kind}, ptr %x, i64 %row')}, align {8 * width}")
    given = [f.let(f"load {f.kind}, ptr {_place(f, k)}, align {8 * width}") for k in range(carried)]
    found = part(f, x, *given)
    if is_last:
        place = f.let(f"getelementptr {f.kind}, ptr %y, i64 %row")
        f.text.lines.append(_last(f, name, x, found[0], place))
    else:
        f.text.lines += [
            f"  store {f.kind} {y}, ptr {_place(f, k)}, align {8 * width}" for k, y in enumerate(found) if y not in given
        ]
        f.text.lines.append("  br label %done")
    lines = "\n".join(f.text.lines)
    return (
        f"""define internal void @{name}_part{number}_v{width}(ptr noalias %x, ptr noalias %y, ptr noalias %work, i64 %rows) noinline {{
  br label %each
each:
  %row = phi i64 [ 0, %0 ], [ %next, %done ]
{lines}
done:
  %next = add i64 %row, 1
  %more = icmp slt i64 %next, %rows
  br i1 %more, label %each, label %end
end:
  ret void
}}
""",
        len(found),
    )


def _place(f: VectorFunction, k: int) -> str:
    """Where the k-th number that a part leaves for the next one is."""
    return f.let(f"getelementptr {f.kind}, ptr %work, i64 {f.let(f'add i64 %row, {k * ROWS}')}")


def _last(f: VectorFunction, name: str, x: str, y: str, place: str) -> str:
    """Store the result; where lanes are not to be trusted, what the library says."""
    trusted = trusted_below(f, x, exact_exp.USUAL[name])
    return f"""  store {f.kind} {y}, ptr {place}, align {8 * f.width}
  %all = call i1 @llvm.vector.reduce.and.v{f.width}i1({f.bits} {trusted})
  br i1 %all, label %done, label %rare
rare:
  %z = call {f.kind} @lanes_{name}_v{f.width}({f.kind} {x}, {f.kind} {y}, {f.bits} {trusted})
  store {f.kind} %z, ptr {place}, align {8 * f.width}
  br label %done"""
