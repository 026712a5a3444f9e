"""A program as C: a header and a source with functions of numbers; no malloc, no global state, ``math.h`` alone.

Every name that another file can see, or that the preprocessor knows, begins with the module's, so that any number of them link together.
Numbers and tables are ``static const``; ``NAME_PROGMEM``, ``NAME_NUMBER`` and ``NAME_INDEX`` may be defined before the source is compiled
for a machine that keeps such things where plain reads do not reach.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

from autograd.compiler.program import Program
from autograd.compiler.targets.c import C, checked_dtype, checked_function
from autograd.compiler.targets.c_language import Argument, Rows
from autograd.compiler.targets.c_like import Printer


@final
@dataclass(frozen=True)
class Function:
    """One function of a module: its declaration, its definition, what it needs, and its memory in bytes."""

    declaration: str
    definition: tuple[str, ...]
    helpers: tuple[tuple[str, tuple[str, ...]], ...]
    numbers: tuple[tuple[str, tuple[float, ...]], ...]
    flash: int
    stack: int


def function(
    program: Program,
    name: str,
    inputs: Sequence[Argument],
    outputs: Sequence[Argument | Rows],
    *,
    module: str,
    dtype: str = "double",
    guards: Sequence[tuple[bool, str]] = (),
    returned: str = "",
) -> Function:
    """The program as a function of these arrays. Inputs with ``values`` are numbers of the module, under their name.

    An output called ``returned`` is one number that the function returns; one with the name of an input changes that array. An
    input ``rate_`` is one number and no array: the parameter is ``rate``. With ``guards`` it returns 0, or the number of the first
    condition that is not met.
    """
    language = C(module, dtype)
    printer = Printer(program, language, inputs, outputs, guards)
    kind, size = dtype, 4 if dtype == "float" else 8
    own = {array: numbers for array, numbers in printer.memory.used_numbers.items() if array == "k"}
    lines: list[str] = (
        [f"static const {kind} {module.upper()}_PROGMEM {_listed('k', map(language.number, own['k']))}"] if own else []
    )
    width = 0
    if printer.memory.tables.size:
        table = printer.memory.tables.array()
        index, width = _smallest(int(table.min()), int(table.max()))
        lines.append(f"static const {index} {module.upper()}_PROGMEM {_listed('tab', map(str, table.tolist()))}")
    arrays = [] if printer.is_straight else [("s", printer.memory.computed), ("r", program.rows_size)]
    arrays += [(returned, 1)] if returned else []
    lines += [f"{kind} {array}[{length}];" for array, length in arrays if length]
    single = [argument.name.removesuffix("_") for argument in inputs if argument.name.endswith("_")]
    lines += [f"const {kind} {number}_[1] = {{{number}}};" for number in single]
    body = [*["  " + line.replace("\n", "\n  ") for line in lines], *printer.lines]
    parameters, unused = _parameters(program, inputs, outputs, kind, returned, "\n".join(body))
    answer = f"  return {returned}[0];" if returned else "  return 0;" if guards else ""
    head = f"{'int' if guards else kind if returned else 'void'} {name}({', '.join(parameters)})"
    return Function(
        declaration=f"{head};",
        definition=(f"{head} {{", *body, *unused, *([answer] if answer else []), "}"),
        helpers=tuple((key, tuple(text)) for key, text in printer.helpers.items()),
        numbers=tuple((array, numbers) for array, numbers in printer.memory.used_numbers.items() if array != "k"),
        flash=sum(map(len, own.values())) * size + printer.memory.tables.size * width,
        stack=size * sum(length for _, length in arrays),
    )


def _smallest(low: int, high: int) -> tuple[str, int]:
    """The smallest type of whole numbers that holds these, and its bytes."""
    if low >= 0 and high < 2**16:
        return "unsigned short", 2
    return ("short", 2) if low >= -(2**15) and high < 2**15 else ("int", 4)


def _parameters(
    program: Program, inputs: Sequence[Argument], outputs: Sequence[Argument | Rows], kind: str, returned: str, body: str
) -> tuple[list[str], list[str]]:
    """The parameters, and statements that say which of them the function does not look at."""
    changed = {argument.name for argument in outputs}
    taken: dict[str, str] = {}
    for given in inputs:
        if given.values is None and given.size:
            name, changes = given.name.removesuffix("_"), "" if given.name in changed else "const "
            taken[name] = f"{kind} {name}" if given.name.endswith("_") else f"{changes}{kind} {name}[{given.size}]"
    if program.n_lanes:
        taken |= {"lanes": f"const {kind} lanes[]", "count": "int count"}
    sizes: dict[str, int] = {}
    for argument in outputs:
        sizes[argument.name] = max(sizes.get(argument.name, 0), argument.end)
    filled = {array: f"{kind} {array}[{size}]" for array, size in sizes.items() if size and array != returned}
    if program.n_lanes:
        filled["rows_out"] = f"{kind} rows_out[]"
    parameters = filled | taken if changed & set(taken) else taken | filled
    unused = [f"  (void){array};" for array in parameters if not re.search(rf"\b{array}\b", body)]
    return list(parameters.values()), unused


def module(
    name: str,
    functions: Iterable[tuple[Function, str]],
    *,
    dtype: str = "double",
    about: str = "",
    declarations: str = "",
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """A header and a source, by file name, with these functions and the comment for each; ``declarations`` join the header.

    With them ``more`` files that include the header. All of them compile with this header only.
    """
    functions = list(functions)
    language, upper = C(name, dtype), name.upper()
    numbers = {array: values for each, _ in functions for array, values in each.numbers}
    helpers = {key: text for each, _ in functions for key, text in each.helpers}
    flash = sum(len(values) for values in numbers.values()) * (4 if dtype == "float" else 8) + sum(
        each.flash for each, _ in functions
    )
    sizes = f"Numbers and tables: {flash} bytes. Working memory on the stack: at most {max([each.stack for each, _ in functions])} bytes."
    guard = f"CHALKGRAD_{upper}_H"
    declared = [line for each, comment in functions for line in (_comment(comment), each.declaration, "")]
    header = [
        _comment(f"{about}\n{sizes}".strip()),
        *(f"#ifndef {guard}", f"#define {guard}", "", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""),
        *([declarations, ""] if declarations else []),
        *declared,
        *("#ifdef __cplusplus", "}", "#endif", "", "#endif", ""),
    ]
    macros = {"PROGMEM": "", "NUMBER(array, index)": " ((array)[index])", "INDEX(array, index)": " ((array)[index])"}
    body = [
        f"static const {dtype} {upper}_PROGMEM {_listed(array, map(language.number, values))}\n"
        for array, values in numbers.items()
    ]
    body += [line for text in helpers.values() for line in text]
    body += [line for each, _ in functions for line in (*each.definition, "")]
    words = ["#include <stdint.h>"] if any("uint32_t" in line for line in body) else []
    source = [f'#include "{name}.h"', "", "#include <math.h>", *words, ""]
    for macro, meaning in macros.items():
        plain = f"{upper}_{macro.partition('(')[0]}"
        if any(plain in line for line in body):
            source += [f"#ifndef {plain}", f"#define {upper}_{macro}{meaning}", "#endif", ""]
    return _bound({f"{name}.h": "\n".join(header), f"{name}.c": "\n".join([*source, *body]), **(more or {})}, name)


def _bound(files: dict[str, str], name: str) -> dict[str, str]:
    """The files, each source with a check that the header was made with it: in another one the sizes of arrays may differ."""
    header, macro = f"{name}.h", f"{name.upper()}_EXPORT"
    number = f"0x{hashlib.sha256(''.join(files.values()).encode()).hexdigest()[:8]}UL"
    include, guard = f'#include "{header}"\n', f"#define CHALKGRAD_{name.upper()}_H\n"
    bound = {header: files[header].replace(guard, f"{guard}#define {macro} {number}\n", 1)}
    for file, text in files.items():
        if file != header:
            check = f'#if {macro} != {number}\n#error "{file} and {header} are of two exports: export again"\n#endif\n'
            bound[file] = text.replace(include, include + check, 1)
    return bound


def c(
    program: Program,
    name: str,
    *,
    numbers: Sequence[float] = (),
    guards: Sequence[tuple[bool, str]] = (),
    gradient: int = 0,
    dtype: str = "double",
    about: str = "",
) -> dict[str, str]:
    """The texts of ``name.h`` and ``name.c`` with one function that computes the program, by file name.

    The function takes and fills arrays as that of ``javascript`` does: ``name(inputs, outputs)`` or, of a program with lanes,
    ``name(shared, lanes, count, shared_out, rows_out)``. With ``guards`` it returns 0 if all are met, else the number of the first
    that is not (from 1 on; the header says where in Python they stand). ValueError for a name that C or C++ cannot have, or has, and for
    another ``dtype`` than "double" and "float", TypeError for an op whose value is a Python function of floats.
    """
    given, filled = ("shared", "shared_out") if program.n_lanes else ("inputs", "outputs")
    inputs = [
        Argument(given, program.n_shared - len(numbers)),
        Argument(f"{checked_function(name)}_numbers", len(numbers), tuple(numbers)),
    ]
    values = sum(not is_row for is_row, _ in program.outputs) - len(guards) - gradient
    outputs = [Argument(filled, values), Argument(filled, gradient, offset=values, accumulated=True)]
    made = function(program, name, inputs, outputs, module=name, dtype=checked_dtype(dtype), guards=guards)
    lines = [f"{number}: the condition at {site} is not {answer}." for number, (answer, site) in enumerate(guards, start=1)]
    return module(name, [(made, "\n".join([about, *(["Returns 0, or"] if lines else []), *lines]))], dtype=dtype)


def _comment(text: str) -> str:
    """Lines as one comment that nothing in them ends; backslashes at the end and trigraphs mean nothing there."""
    lines = text.replace("*/", "* /").replace("/*", "/ *").strip().splitlines()
    return "/* " + "\n * ".join(line.rstrip() for line in lines) + " */"


def _listed(array: str, texts: Iterable[str]) -> str:
    """The declaration of an array with these numbers, broken into lines."""
    items = list(texts)
    lines, line = [], ""
    for text in items:
        if len(line) + len(text) > 110:
            lines.append(line.rstrip())
            line = ""
        line += f"{text}, "
    lines.append(line.rstrip(", "))
    return f"{array}[{len(items)}] = {{\n  " + "\n  ".join(lines) + "\n};"
