"""Models as C on emulated microcontrollers: a Cortex-M3 with newlib, in double, and an ATmega1284P with AVR's library, in float."""

import math
import re
import shutil
import struct
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd.compiler.targets.c_module import c
from tests.compiler import compiled_c
from tests.compiler.runs import Graph, disagreements, eager, program_of
from tests.compiler.wild import wild_graph, wild_points
from tests.nn.test_exchange_c import MODELS, WORDS, examples, listed, rows

ARM_COMPILER, AVR_COMPILER = "arm-none-eabi-gcc", "avr-gcc"
on_arm = pytest.mark.skipif(
    not (shutil.which(ARM_COMPILER) and shutil.which("qemu-system-arm")), reason="no gcc-arm-none-eabi with qemu-system-arm"
)
on_avr = pytest.mark.skipif(not (shutil.which(AVR_COMPILER) and shutil.which("simavr")), reason="no gcc-avr with simavr")

# Prints the answers as the hexadecimal digits of their bytes, one number a line.
QUESTIONS = """
static void ask(void) {{
  static const {rows} FAR asked[] = {{{numbers}}};
  {dtype} x[{width}], y[{size}];
  unsigned int i, k, byte;
  for (i = 0; i < {count}; i++) {{
    for (k = 0; k < {width}; k++) x[k] = READ(asked, i * {width} + k);
    {function}(x, y);
    for (k = 0; k < {size}; k++) {{
      unsigned char bytes[sizeof *y];
      memcpy(bytes, y + k, sizeof bytes);
      for (byte = 0; byte < sizeof bytes; byte++) printf("%02x", bytes[byte]);
      printf("\\n");
    }}
  }}
}}
"""
ARM = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "it.h"
#define FAR
#define READ(array, i) (array)[i]
QUESTIONS
extern unsigned int stack_top;
extern void initialise_monitor_handles(void);
static void start(void) { initialise_monitor_handles(); ask(); exit(0); }
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {(void (*)(void))&stack_top, start};
int main(void) { return 0; }
"""
LAYOUT = """
MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 256K  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 64K }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.ARM.ex*) } > FLASH
  .data : { *(.data*) } > RAM
  .bss : { *(.bss*) *(COMMON) } > RAM
  end = .; _end = .; __end__ = .;
  __bss_start__ = ADDR(.bss); __bss_end__ = ADDR(.bss) + SIZEOF(.bss);
  stack_top = ORIGIN(RAM) + LENGTH(RAM); __stack = stack_top;
}
"""
AVR = """
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <stdio.h>
#include <string.h>
#include "it.h"
#define FAR PROGMEM
#define READ(array, i) pgm_read_float(&(array)[i])
QUESTIONS
static int put(char letter, FILE *file) {
  (void)file;
  while (!(UCSR0A & _BV(UDRE0))) {}
  UDR0 = letter;
  return 0;
}
static FILE serial = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);
int main(void) {
  UBRR0L = 8;
  UCSR0B = _BV(TXEN0);
  stdout = &serial;
  ask();
  cli();
  sleep_enable();
  sleep_cpu();
  return 0;
}
"""
# What makes numbers and tables stay in flash there.
PROGMEM = [
    *("-include", "avr/pgmspace.h", "-DIT_PROGMEM=PROGMEM"),
    *("-DIT_NUMBER(a,i)=pgm_read_float(&(a)[i])", "-DIT_INDEX(a,i)=pgm_read_word(&(a)[i])"),
]


def literal(x: float) -> str:
    return "NAN" if x != x else f"{'-' if x < 0 else ''}INFINITY" if math.isinf(x) else x.hex()


def questions(X: Sequence[Sequence[float]], size: int, function: str, dtype: str, rows: str = "float") -> str:
    numbers = ", ".join(literal(x) for row in X for x in row)
    return QUESTIONS.format(rows=rows, numbers=numbers, dtype=dtype, width=len(X[0]), size=size, count=len(X), function=function)


def answers(printed: str, size: int, dtype: str) -> Any:
    """The numbers [row, score] among what was printed."""
    digits, form = (16, "<d") if dtype == "double" else (8, "<f")
    found = [struct.unpack(form, bytes.fromhex(word))[0] for word in re.findall(rf"\b[0-9a-f]{{{digits}}}\b", printed)]
    return np.array(found).reshape(-1, size)


def on_cortex(folder: Path, asked: str) -> str:
    """What a Cortex-M3 prints."""
    (folder / "board.c").write_text(ARM.replace("QUESTIONS", asked))
    (folder / "board.ld").write_text(LAYOUT)
    target = ["-mcpu=cortex-m3", "-mthumb", "-std=c99", *compiled_c.BITS, "--specs=rdimon.specs", "-T", str(folder / "board.ld")]
    files = [str(folder / name) for name in ("board.c", "it.c")]
    compiled_c.run([ARM_COMPILER, *target, *files, "-o", str(folder / "board.elf"), "-lm"])
    machine = ["qemu-system-arm", "-machine", "lm3s6965evb", "-nographic", "-semihosting-config", "enable=on,target=native"]
    return compiled_c.run([*machine, "-kernel", str(folder / "board.elf")])


def on_atmega(folder: Path, asked: str, *flags: str) -> tuple[str, int]:
    """What an ATmega1284P prints, and how much of its RAM is taken before it begins."""
    (folder / "board.c").write_text(AVR.replace("QUESTIONS", asked))
    target = ["-mmcu=atmega1284p", "-std=c99", *compiled_c.WARNINGS, "-Os", *flags]
    files = [str(folder / name) for name in ("board.c", "it.c")]
    board = str(folder / "board.elf")
    compiled_c.run([AVR_COMPILER, *target, *files, "-o", board, "-lm"])
    sizes = compiled_c.run(["avr-size", board]).splitlines()[1].split()
    printed = compiled_c.run(["sh", "-c", f"simavr -m atmega1284p -f 16000000 '{board}' 2>&1"], stdin=subprocess.DEVNULL)
    return printed.replace("\x1b[32m", " "), int(sizes[1]) + int(sizes[2])


@pytest.fixture(scope="module")
def digits() -> tuple[Any, list[list[float]]]:
    """A network for digits, and the rows it has not seen."""
    pytest.importorskip("sklearn")
    data = nn.digits(seed=0)
    model = nn.MLP(64, [16, 10], activation="tanh", seed=0)
    nn.fit(model, data.X, data.y, loss="cross_entropy", epochs=3, batch_size=16, seed=0, progress=False)
    assert (np.array(data.X_held_out, dtype=np.float32) == np.array(data.X_held_out)).all()
    return model, data.X_held_out


def exact_in_float(X: Sequence[Sequence[float]]) -> list[list[float]]:
    return np.array(X, dtype=np.float32).astype(float).tolist()  # type: ignore[no-any-return]


# --- Cortex-M ------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which(ARM_COMPILER), reason="gcc-arm-none-eabi is not installed")
def test_a_small_network_is_small_on_arm(tmp_path: Path) -> None:
    """2-16-16-1 in float: at most 1.5 kB of numbers and 3 kB of code."""
    nn.export_c(MODELS["moons"], tmp_path, name="moons", dtype="float")
    target = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft", "-std=c99", *compiled_c.WARNINGS, "-Os"]
    compiled_c.run([ARM_COMPILER, *target, "-c", str(tmp_path / "moons.c"), "-o", str(tmp_path / "moons.o")])
    sections = compiled_c.run(["arm-none-eabi-size", "-A", str(tmp_path / "moons.o")])
    sizes = {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", sections, re.MULTILINE)}
    code = sum(size for name, size in sizes.items() if name.startswith(".text"))
    numbers = sum(size for name, size in sizes.items() if name.startswith((".rodata", ".data", ".bss")))
    assert numbers <= 1536 and 0 < code <= 3072, sizes
    assert sum(size for name, size in sizes.items() if name.startswith((".data", ".bss"))) == 0, "no state"


@on_arm
def test_random_graphs_have_eagers_bits_on_a_cortex(tmp_path: Path) -> None:
    """Values and gradients of graphs that need no C library, at nan, ±inf, ±0 and subnormals."""
    graphs: list[Graph] = [partial(wild_graph, seed, exact=True) for seed in range(25)]
    points, size = wild_points(1, 4, 10), 25 * 5
    compiled_c.written(tmp_path, c(program_of(graphs, [0.5, -1.25, 2.0, -0.1], "shared"), "it"))
    got = answers(on_cortex(tmp_path, questions(points, size, "it", "double", "double")), size, "double")
    accumulated = got.reshape(len(points), 25, 5) + np.array([-0.0, 0.0, 0.0, 0.0, 0.0])
    expected = [[eager(graph, point) for graph in graphs] for point in points]
    assert not disagreements("graph", expected, accumulated.tolist(), points)[:5]


@on_arm
@pytest.mark.parametrize("name", ["moons", "images", "words", "digits"])
def test_models_on_a_cortex(name: str, digits: Any, tmp_path: Path) -> None:
    """With newlib's functions instead of this machine's: the same classes, scores within 64 ulp of the largest."""
    model, X = digits if name == "digits" else (WORDS if name == "words" else MODELS[name], [])
    X = X or exact_in_float(examples(model, 20))
    nn.export_c(model, tmp_path, name="it")
    expected = np.array(listed(model.predict(X)))
    size = expected.shape[1]
    got = answers(on_cortex(tmp_path, questions(X, size, "it_predict", "double")), size, "double")
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= 64 * math.ulp(max(1.0, np.abs(expected).max()))
    assert (got.argmax(axis=1) == expected.argmax(axis=1)).all()


# --- AVR -----------------------------------------------------------------------------------------------------------------------


def stated_error(folder: Path) -> float:
    found = re.search(r"Largest error of a score against Python's double on \d+ rows: (\S+)", (folder / "it.h").read_text())
    assert found
    return float(found[1])


@on_avr
@pytest.mark.parametrize("where", ["in RAM", "in flash"])
def test_a_small_network_on_an_avr(where: str, tmp_path: Path) -> None:
    """2-16-16-1 in float, within the error that its header states; numbers in flash by the hook for PROGMEM."""
    model, X = MODELS["moons"], exact_in_float(rows(2, 20))
    nn.export_c(model, tmp_path, name="it", dtype="float", rows=X)
    printed, ram = on_atmega(tmp_path, questions(X, 1, "it_predict", "float"), *(PROGMEM if where == "in flash" else ()))
    error = np.abs(answers(printed, 1, "float") - np.array(listed(model.predict(X)))).max()
    assert 0.0 < error <= stated_error(tmp_path) < 1e-5
    assert ram < 64 if where == "in flash" else 1300 < ram < 1600


@on_avr
def test_digits_and_words_on_an_avr(digits: Any, tmp_path: Path) -> None:
    """4.8 kB of weights in flash, tables too: the classes of the first 60 digits; an embedding's rows."""
    for name, (model, X) in {"digits": (digits[0], digits[1][:60]), "words": (WORDS, examples(WORDS, 20))}.items():
        folder = tmp_path / name
        nn.export_c(model, folder, name="it", dtype="float", rows=X)
        expected = np.array(model.predict(X))
        size = expected.shape[1]
        printed, _ = on_atmega(folder, questions(X, size, "it_predict", "float"), *PROGMEM)
        got = answers(printed, size, "float")
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() <= stated_error(folder) < 1e-4, name
        assert (got.argmax(axis=1) == expected.argmax(axis=1)).all(), name


@on_avr
def test_double_on_an_avr(tmp_path: Path) -> None:
    """From GCC 10 on, where double can have 64 bits."""
    wide = subprocess.run([AVR_COMPILER, "-mdouble=64", "-E", "-x", "c", "/dev/null"], capture_output=True, check=False)
    if wide.returncode:
        pytest.skip("this avr-gcc has no double of 64 bits (-mdouble=64)")
    model, X = MODELS["moons"], exact_in_float(rows(2, 20))
    nn.export_c(model, tmp_path, name="it")
    printed, _ = on_atmega(tmp_path, questions(X, 1, "it_predict", "double"), "-mdouble=64")
    expected = np.array(listed(model.predict(X)))
    assert np.abs(answers(printed, 1, "double") - expected).max() <= 64 * math.ulp(1.0)
