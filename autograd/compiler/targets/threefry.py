"""The op ``uniform`` of ``ops.drawing`` as each target spells it: on arrays of words, in LLVM IR, and in languages of C's kind.

The words come as floats. Adding 2⁵² to a whole number below it leaves the number in the lowest bits, and a 1 before 52 bits makes them a
float between 1 and 2: so words become bits and bits a number without a conversion, which vectors of older processors lack.
"""

from collections.abc import Callable, Sequence
from typing import Any

from autograd.compiler.targets.llvm.text import Text, double
from autograd.ops.drawing import PARITY, ROTATIONS, ROUNDS, WORD

LIFT = 2.0**52
# Whole numbers of the low word that are dropped, and what takes the middle of the interval: (1 + m·2⁻⁵²) − this = (m + ½)·2⁻⁵².
DROPPED, TOP = 12, 1.0 - 2.0**-53


def on_arrays(np: Any, *words: Any) -> Any:
    """The op for arrays of NumPy, or of a library that has its names."""
    are_words = np.asarray(True)
    for w in words:
        are_words = are_words & (w >= 0.0) & (w < float(WORD)) & (np.floor(w) == w)
    c0, c1, k0, k1 = [np.where(are_words, w, 0.0).astype(np.uint32) for w in words]
    keys = (k0, k1, np.uint32(PARITY) ^ k0 ^ k1)
    a, b = c0 + k0, c1 + k1
    for i in range(ROUNDS):
        turn = ROTATIONS[i % 8]
        a = a + b
        b = ((b << np.uint32(turn)) | (b >> np.uint32(32 - turn))) ^ a
        if i % 4 == 3:
            n = i // 4 + 1
            a, b = a + keys[n % 3], b + keys[(n + 1) % 3] + np.uint32(n)
    number = (a.astype(float) * 2.0**20 + (b >> np.uint32(DROPPED)).astype(float) + 0.5) * 2.0**-52
    return np.where(are_words, number, np.nan)


def in_llvm(text: Text, width: int, words: Sequence[str]) -> str:
    """The register of a random number, or of a vector of so many, written into the text; width 1 means plain doubles."""

    def kind(of: str) -> str:
        return f"<{width} x {of}>" if width > 1 else of

    def splat(of: str, x: object) -> str:
        return f"<{', '.join([f'{of} {x}'] * width)}>" if width > 1 else str(x)

    doubles, ints, longs, bits = map(kind, ("double", "i32", "i64", "i1"))
    suffix, let = f"v{width}f64" if width > 1 else "f64", text.let

    def number(x: float) -> str:
        return splat("double", double(x))

    def add(a: str, b: str) -> str:
        return let(f"add {ints} {a}, {b}")

    def xor(a: str, b: str) -> str:
        return let(f"xor {ints} {a}, {b}")

    found, good = [], ""
    for x in words:
        whole = let(f"fcmp oeq {doubles} {let(f'call {doubles} @llvm.floor.{suffix}({doubles} {x})')}, {x}")
        low, high = (let(f"fcmp {how} {doubles} {x}, {number(bound)}") for how, bound in (("oge", 0.0), ("olt", float(WORD))))
        inside = let(f"and {bits} {whole}, {let(f'and {bits} {low}, {high}')}")
        good = let(f"and {bits} {good}, {inside}") if good else inside
        lifted = let(f"fadd {doubles} {x}, {number(LIFT)}")
        found.append(let(f"trunc {longs} {let(f'bitcast {doubles} {lifted} to {longs}')} to {ints}"))
    c0, c1, k0, k1 = found
    keys = (k0, k1, xor(xor(k0, k1), splat("i32", PARITY)))
    a, b = add(c0, k0), add(c1, k1)
    for i in range(ROUNDS):
        turn = ROTATIONS[i % 8]
        a = add(a, b)
        left, right = let(f"shl {ints} {b}, {splat('i32', turn)}"), let(f"lshr {ints} {b}, {splat('i32', 32 - turn)}")
        b = xor(let(f"or {ints} {left}, {right}"), a)
        if i % 4 == 3:
            n = i // 4 + 1
            a, b = add(a, keys[n % 3]), add(b, add(keys[(n + 1) % 3], splat("i32", n)))
    wide_a, wide_b = (let(f"zext {ints} {x} to {longs}") for x in (a, b))
    top = let(f"shl {longs} {wide_a}, {splat('i64', 32 - DROPPED)}")
    bottom = let(f"lshr {longs} {wide_b}, {splat('i64', DROPPED)}")
    mantissa = let(f"or {longs} {let(f'or {longs} {top}, {bottom}')}, {splat('i64', 0x3FF << 52)}")
    y = let(f"fsub {doubles} {let(f'bitcast {longs} {mantissa} to {doubles}')}, {number(TOP)}")
    return let(f"select {bits} {good}, {doubles} {y}, {doubles} {number(float('nan'))}")


def statements(declared: str, shift: str, word: Callable[[str], str], number: Callable[[str], str]) -> list[str]:
    """The lines of a function of numbers c0, c1, k0 and k1 that returns the op, in languages of C's kind.

    ``declared`` begins the declaration of words, ``shift`` moves them to the right and brings zeros in, ``word`` makes one of a number or
    of a sum of words, and ``number`` a number of one.
    """
    scale, unit = f"{2.0 ** (32 - DROPPED):.1f}", repr(2.0**-52)
    lines = [
        f"{declared}x = {word('k0')}, y = {word('k1')}, z = {PARITY} ^ x ^ y;",
        f"{declared}a = {word(word('c0') + ' + x')}, b = {word(word('c1') + ' + y')};",
    ]
    for i in range(ROUNDS):
        turn = ROTATIONS[i % 8]
        lines.append(f"a = {word('a + b')}; b = (b << {turn} | b {shift} {32 - turn}) ^ a;")
        if i % 4 == 3:
            n = i // 4 + 1
            first, second = "xyz"[n % 3], "xyz"[(n + 1) % 3]
            lines.append(f"a = {word(f'a + {first}')}; b = {word(f'b + {second} + {n}')};")
    return [*lines, f"return ({number('a')} * {scale} + {number(f'(b {shift} {DROPPED})')} + 0.5) * {unit};"]


def check(equal: str, conjunction: str, floor: str) -> str:
    """The condition that all four numbers are words."""
    bound = f"{float(WORD):.1f}"
    return f" {conjunction} ".join(
        [f"{x} >= 0.0 {conjunction} {x} < {bound} {conjunction} {floor}({x}) {equal} {x}" for x in ("c0", "c1", "k0", "k1")]
    )
