"""A program as one plain JavaScript function: strict, no globals, no imports; for browsers and Node.

Arithmetic, √, comparisons, choices, remainders, ⌊x⌋ and signs have the bits of the eager engine. The functions of the C library are those
of ``Math``, in V8 within 2 ulp of Python's (``ULP``, 10⁵ points each). Some are not left to it: ``tanh``, for which V8 is 3 ulp off,
comes from ``Math.expm1`` as in fdlibm (K. C. Ng, Sun Microsystems, 1993); ``pow`` gets C's answers where JavaScript has others; ``erf`` and
``erfc``, which it lacks, are built (``lowered``), within 1 and 5 ulp.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import final

from autograd import ops
from autograd.compiler.kernels import LIBM
from autograd.compiler.program import Program
from autograd.compiler.targets import threefry
from autograd.compiler.targets.c_language import Argument, Language, Writer, identifier
from autograd.compiler.targets.c_like import Printer
from autograd.ops import Op, describe

# Reserved words of strict code, and names that mean something there.
_RESERVED = """
arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function
if implements import in instanceof interface let new null package private protected public return static super switch this throw true try
typeof var void while with yield NaN Infinity undefined Math RangeError Float64Array Int32Array
"""
RESERVED = frozenset(_RESERVED.split())
# How far the functions may be from the C library's, in ulp; 1 for all others.
ULP = {"log10": 2, "sinh": 2, "cosh": 2, "tanh": 2, "erfc": 5, "cbrt": 4}

# name → parameters and lines
_HELPERS: dict[str, tuple[list[str], list[str]]] = {
    "tanh": (
        ["x"],
        [
            "const size = Math.abs(x);",
            "const q = Math.expm1(size < 1 ? -2 * size : 2 * size);",
            "const y = size < 1 ? -q / (q + 2) : 1 - 2 / (q + 2);",
            "return x < 0 ? -y : x > 0 ? y : x;",
        ],
    ),
    "pow": (["a", "b"], ["return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b);"]),
}
_NAMES = {
    **{op: name for op, name in LIBM.items() if name not in ("erf", "erfc", "nextafter")},
    ops.absolute: "abs",
    ops.sqrt: "sqrt",
    ops.floor: "floor",
}


@final
class JavaScript(Language):
    """How JavaScript says things."""

    constant = condition = "const "
    variable = counter = "let "
    equal, unequal = "===", "!=="

    def __init__(self, name: str) -> None:
        self._name = name

    def number(self, x: float) -> str:
        """The shortest text that reads as this number."""
        if math.isinf(x):
            return "Infinity" if x > 0.0 else "-Infinity"
        return "NaN" if x != x else repr(x).removesuffix(".0")

    def call(self, op: Op, operands: Sequence[str], printer: Writer) -> str | None:
        """A function of ``Math``, or a helper in its place."""
        name = _NAMES.get(op)
        if name is None:
            return None
        if name not in _HELPERS:
            return f"Math.{name}({', '.join(operands)})"
        return f"{printer.helper(name, *_HELPERS[name])}({', '.join(operands)})"

    def remainder(self, a: str, b: str) -> str:
        """JavaScript's % is C's fmod."""
        return f"{a} % {b}"

    def drawn(self) -> list[str]:
        """Words are numbers of 32 bits with a sign, made so by "| 0"."""
        are_words = threefry.check("===", "&&", "Math.floor")
        lines = threefry.statements("let ", ">>>", lambda x: f"({x} | 0)", lambda x: f"({x} >>> 0)")
        return [f"if (!({are_words})) return NaN;", *lines]

    def refuse(self, guard: tuple[bool, str]) -> str:
        """An exception that names the place."""
        answer, site = guard
        message = f"{self._name}: the condition at {site} was {answer} when this was recorded"
        return f"throw new RangeError({json.dumps(message)})"

    def function(self, name: str, operands: Sequence[str], lines: Sequence[str]) -> list[str]:
        """A function within the function."""
        return [f"  function {name}({', '.join(operands)}) {{", *[f"    {line}" for line in lines], "  }"]


def javascript(
    program: Program,
    name: str,
    *,
    numbers: Sequence[float] = (),
    guards: Sequence[tuple[bool, str]] = (),
    gradient: int = 0,
    about: str = "",
) -> str:
    """The source of one plain JavaScript function that computes the program.

    Without lanes it is ``name(inputs, outputs)``: a Float64Array of the shared inputs, and one of the outputs that it fills. With lanes
    it is ``name(shared, lanes, count, shared_out, rows_out)``: of ``count`` samples, which lie one after the other in ``lanes``, it
    fills for each the outputs that are rows, in the same way, and once those that are shared. The last shared inputs may be ``numbers``
    that become part of the code. The first outputs are conditions if there are ``guards``, for each (the answer that it must give, the
    place that asked for it): the function throws a RangeError naming the place where one is not met. The last ``gradient`` shared
    outputs are as adding them to 0 leaves them. ``about`` joins the head comment.

    ValueError for a name that is none in JavaScript, TypeError for one that is no text and for an op whose value is a Python function
    of floats.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a JavaScript function must be text, got {describe(name)}")
    if not re.fullmatch(r"[A-Za-z_$][\w$]*", name, re.ASCII) or name in RESERVED:
        raise ValueError(
            f"{name!r} cannot name a JavaScript function; use letters, digits and underscores, such as 'f_{identifier(name)}'"
        )
    given, filled = ("shared", "shared_out") if program.n_lanes else ("inputs", "outputs")
    inputs = [Argument(given, program.n_shared - len(numbers)), Argument("numbers", len(numbers), tuple(numbers))]
    rows = sum(is_row for is_row, _ in program.outputs)
    values = len(program.outputs) - rows - len(guards) - gradient
    outputs = [Argument(filled, values), Argument(filled, gradient, offset=values, accumulated=True)]
    printer = Printer(program, JavaScript(name), inputs, outputs, guards)
    parameters = "shared, lanes, count, shared_out, rows_out" if program.n_lanes else "inputs, outputs"
    lines = [
        *about.splitlines(),
        f"{given}: Float64Array of {inputs[0].size}. {filled}: Float64Array of {values + gradient}, filled.",
    ]
    if program.n_lanes:
        lines.append(f"lanes: Float64Array of count × {program.n_lanes}, sample after sample.")
        lines.append(f"rows_out: Float64Array of count × {rows}, sample after sample, filled.")
    head = [
        "/**",
        *[f" * {line.replace('*/', '* /')}" for line in lines],
        " */",
        f"function {name}({parameters}) {{",
        '  "use strict";',
    ]
    helpers = [line for helper in printer.helpers.values() for line in helper]
    source = "\n".join([*head, *helpers, *_memory(printer, name), *printer.lines, "}", ""])
    return source.replace("</", "<\\/").replace("<!--", "<\\!--")  # within a page, a label must not end the script


def _memory(printer: Printer, name: str) -> list[str]:
    """Arrays that outlive a call, as a property of the function."""
    arrays = {
        array: f"new Float64Array({_array(map(printer.language.number, values))})"
        for array, values in printer.memory.used_numbers.items()
    }
    if printer.memory.tables.size:
        arrays["tab"] = f"new Int32Array({_array(map(str, printer.memory.tables.array().tolist()))})"
    if not printer.is_straight:
        program = printer.program
        arrays |= {
            array: f"new Float64Array({size})"
            for array, size in (("s", printer.memory.computed), ("r", program.rows_size))
            if size
        }
    if not arrays:
        return []
    made = ",\n".join(f"    {array}: {text}" for array, text in arrays.items())
    return [f"  const {{ {', '.join(arrays)} }} = ({name}.memory ??= {{\n{made},\n  }});"]


def _array(texts: "map[str]") -> str:
    """Numbers in brackets, broken into lines."""
    lines, line = [], ""
    for text in texts:
        if len(line) + len(text) > 110:
            lines.append(line.rstrip())
            line = ""
        line += f"{text}, "
    lines.append(line.rstrip(", "))
    return "[" + "\n      ".join(lines) + "]"
