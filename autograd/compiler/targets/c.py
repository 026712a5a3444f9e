"""How C says things: C99 that is C++ too, with the functions of ``math.h``; ``c_module`` makes files of it.

In double, compiled without contraction (``-ffp-contract=off``), functions have the bits of the eager engine where the C library is the
same. Two things keep a compiler from choosing other bits on its own: functions of constants are computed here, and the exponent of
``pow`` is out of its sight (it would write ``x * x`` for ``pow(x, 2.0)``, which rounds otherwise once in some thousand times). In float
the functions are those of float, with an ``f`` at the end; ``nextafterf`` steps from float to float.
"""

import math
import re
from collections.abc import Sequence
from typing import final

import numpy as np

from autograd import ops
from autograd.compiler.kernels import LIBM
from autograd.compiler.targets import threefry
from autograd.compiler.targets.c_language import Language, Writer, identifier
from autograd.ops import Op, describe

_RESERVED = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast constexpr continue decltype
default delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace
new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict return short signed sizeof
static static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename union unsigned using
virtual void volatile wchar_t while xor xor_eq main errno math stdint stdio
"""
RESERVED = frozenset(_RESERVED.split())
# Functions of math.h, as they stand and with f or l at the end; what else it and stdint.h define; functions that compilers know.
_MATH = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp10 exp2 expm1 fabs fdim floor fma fmax fmin fmod frexp
gamma hypot ilogb j0 j1 jn ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow
remainder remquo rint round scalb scalbln scalbn significand sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn
"""
_KNOWN = """
drem finite fpclassify isfinite isgreater isgreaterequal isinf isless islessequal islessgreater isnan isnormal isunordered lgamma_r signbit
signgam abort abs alloca bcmp bcopy bzero calloc exit ffs fprintf fputc fputs free fwrite imaxabs index isalnum isalpha isascii isblank
iscntrl isdigit isgraph islower isprint ispunct isspace isupper isxdigit labs llabs malloc memchr memcmp memcpy memmove memset printf putc
putchar puts realloc rindex scanf snprintf sprintf sscanf strcat strchr strcmp strcpy strlen strncat strncmp strncpy strstr toascii tolower
toupper vfprintf vprintf vscanf vsnprintf vsprintf
"""
LIBRARY = frozenset([name + end for name in _MATH.split() for end in ("", "f", "l")] + _KNOWN.split())
_MACROS = re.compile(
    r"NAN|INFINITY|(HUGE|FP|M|MATH|INT|UINT|U?INT\d+)_\w*|PTRDIFF_M\w+|SIZE_MAX|WCHAR_M\w+|WINT_M\w+|SIG_ATOMIC_M\w+|\w+_t"
)
# Functions of math.h. Its Γ is not quite Python's: within 20 ulp.
_NAMES = {
    **LIBM,
    **{op: op.name for op in (ops.sqrt, ops.floor, ops.rint, ops.fma, ops.lgamma)},
    ops.absolute: "fabs",
    ops.gamma: "tgamma",
}
DTYPES = ("double", "float")


def checked_name(name: str) -> str:
    """The name; ValueError, with one that would do, if it cannot begin the names of a C module. TypeError if it is no text."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a C module must be text, got {describe(name)}")
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or "__" in name or name in RESERVED:
        raise ValueError(
            f"{name!r} cannot name a C module; use letters, digits and single underscores, such as 'm_{identifier(name)}'"
        )
    return name


def checked_function(name: str) -> str:
    """The name; ValueError, with one that would do, if no function of a C module can be called so, or one of the library is."""
    if checked_name(name) in LIBRARY or _MACROS.fullmatch(name):
        raise ValueError(f"{name!r} means something in the C library; use another name for the function, such as 'm_{name}'")
    return name


def checked_dtype(dtype: str) -> str:
    """The type of numbers; ValueError for any but double and float."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be 'double' or 'float', got {dtype!r}")
    return dtype


@final
class C(Language):
    """How C says things, for one module and one type of numbers."""

    counter = "int "
    condition = "const int "
    equal, unequal = "==", "!="

    def __init__(self, module: str, dtype: str) -> None:
        self.module, self.dtype = module, dtype
        self.constant, self.variable = f"const {dtype} ", f"{dtype} "
        self._suffix = "f" if dtype == "float" else ""
        self._refused = 0

    def number(self, x: float) -> str:
        """The shortest text that reads as this number, in its type."""
        if self.dtype == "float":
            with np.errstate(over="ignore"):
                rounded = np.float32(x)
            x, text = float(rounded), str(rounded)
        else:
            text = repr(x)
        if math.isinf(x):
            return "INFINITY" if x > 0.0 else "-INFINITY"
        return "NAN" if x != x else text + self._suffix

    def call(self, op: Op, operands: Sequence[str], printer: Writer) -> str | None:
        """A function of math.h."""
        name = _NAMES.get(op)
        if name is None:
            return None
        function = name + self._suffix
        if name == "pow":
            lines = [
                f"const volatile {self.dtype} exponent = b; /* else pow(a, 2.0) becomes a * a */",
                f"return {function}(a, exponent);",
            ]
            function = printer.helper("power", ["a", "b"], lines)
        return f"{function}({', '.join(operands)})"

    def remainder(self, a: str, b: str) -> str:
        """C's fmod."""
        return f"fmod{self._suffix}({a}, {b})"

    def drawn(self) -> list[str]:
        """Words are of stdint.h's kind. TypeError in float, which does not hold them."""
        if self.dtype == "float":
            raise TypeError(
                "random numbers are made from whole numbers of 32 bits, which a float does not hold: use dtype='double'"
            )
        are_words = threefry.check("==", "&&", "floor")
        lines = threefry.statements("uint32_t ", ">>", lambda x: f"(uint32_t)({x})", lambda x: f"(double)({x})")
        return [f"if (!({are_words})) return NAN;", *lines]

    def refuse(self, guard: tuple[bool, str]) -> str:
        """The number of the guard, from 1 on."""
        self._refused += 1
        return f"return {self._refused}"

    def place(self, index: str, count: str, printer: Writer) -> str:
        """As an index."""
        return f"(int){super().place(index, count, printer)}"

    def element(self, array: str, index: str, *, is_static: bool) -> str:
        """Numbers and tables that are part of the code may lie in memory of another kind."""
        if not is_static:
            return f"{array}[{index}]"
        return f"{self.module.upper()}_{'INDEX' if array == 'tab' else 'NUMBER'}({array}, {index})"

    def name(self, name: str) -> str:
        """Helpers are static functions of the module."""
        return f"{self.module}_{name}"

    def function(self, name: str, operands: Sequence[str], lines: Sequence[str]) -> list[str]:
        """A static function."""
        parameters = ", ".join(f"{self.dtype} {operand}" for operand in operands)
        return [f"static {self.dtype} {name}({parameters}) {{", *[f"  {line}" for line in lines], "}", ""]
