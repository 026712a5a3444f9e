"""Random expressions made of the rows of the table: the same program runs over floats, Values and mpmath numbers.

Seeded: ``random_program(7, 40)`` is the same program in every run and on every machine. Programs use constants, share nodes and
apply every op of the table; operands are kept in the ops' cores, so that values stay moderate. Kinks, poles and nan are not
visited here.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mpmath import mp

import autograd as ag
from autograd import Value
from tests.cases import BY_NAME, CASES, Case, Domain

# Everything with a derivative that an oracle can know.
SMOOTH_CASES = tuple(case for case in CASES if case.exact is not None)


@dataclass(frozen=True)
class Step:
    """A case applied to operands: an int is the index of an earlier number of the program, a float a constant."""

    case: Case
    operands: tuple[int | float, ...]


@dataclass(frozen=True)
class Program:
    """Inputs and steps; the result is the sum of every number that no step uses."""

    inputs: tuple[float, ...]
    steps: tuple[Step, ...]

    def numbers(self, inputs: Sequence[Any], *, exact: bool = False) -> list[Any]:
        """The inputs and what each step makes of them; with ``exact`` by the mpmath functions of the table."""
        known = list(inputs)
        for step in self.steps:
            f = step.case.exact if exact else step.case.f
            constant: Callable[[float], Any] = mp.mpf if exact else float
            assert f is not None
            known.append(f(*[known[i] if isinstance(i, int) else constant(i) for i in step.operands]))
        return known

    def run(self, inputs: Sequence[Any]) -> Any:
        """The result over floats or Values."""
        return ag.sum(self._unused(self.numbers(inputs)))

    def exact(self, *inputs: Any) -> Any:
        """The result over mpmath numbers."""
        return mp.fsum(self._unused(self.numbers(inputs, exact=True)))

    def record(self) -> tuple[Value, list[Value]]:
        """The result and the inputs as Values."""
        inputs = [Value(x, label=f"x{i}") for i, x in enumerate(self.inputs)]
        return self.run(inputs), inputs

    def _unused(self, numbers: list[Any]) -> list[Any]:
        used = {i for step in self.steps for i in step.operands if isinstance(i, int)}
        return [x for i, x in enumerate(numbers) if i not in used]

    def code(self) -> str:
        """The program as Python that runs."""
        steps = [f"    Step(BY_NAME[{step.case.name!r}], {step.operands!r})," for step in self.steps]
        head = ["from tests.cases import BY_NAME", "from tests.random_graphs import Program, Step"]
        return "\n".join([*head, f"p = Program({self.inputs!r}, (", *steps, "))", "y, xs = p.record()", "y.backward()"])

    def __str__(self) -> str:
        lines = [f"x{i} = {x!r}" for i, x in enumerate(self.inputs)]
        for n, step in enumerate(self.steps, len(self.inputs)):
            shown = [f"x{i}" if isinstance(i, int) else repr(i) for i in step.operands]
            lines.append(f"x{n} = {step.case.name}({', '.join(shown)})")
        return "\n".join(lines)


def random_program(seed: int, size: int, inputs: int = 4, cases: Sequence[Case] = SMOOTH_CASES) -> Program:
    """A program of at least ``size`` steps; a fifth of the operands, but not all of a step, are constants, the others earlier numbers."""
    rng = random.Random(seed)
    steps: list[Step] = []
    numbers = [rng.uniform(-2.0, 2.0) for _ in range(inputs)]
    start = tuple(numbers)

    def apply(case: Case, *operands: int | float) -> int:
        steps.append(Step(case, operands))
        numbers.append(case.f(*[numbers[i] if isinstance(i, int) else i for i in operands]))
        return len(numbers) - 1

    def operand(domain: Domain, is_recorded: bool) -> int | float:
        if not is_recorded and rng.random() < 0.2:
            return domain.sample_core(rng)
        i = rng.choice(
            [k for k, x in enumerate(numbers) if abs(x) < 30.0]
        )  # σ of more is 1 for floats, on which floor would jump
        if domain.in_core(numbers[i]):
            return i
        low, high = domain.core
        squashed = apply(BY_NAME["sigmoid"], i)
        return apply(BY_NAME["add"], apply(BY_NAME["multiply"], squashed, high - low), low)

    while len(steps) < size:
        case = rng.choice(cases)
        recorded = rng.randrange(len(case.domain))
        apply(case, *[operand(domain, i == recorded) for i, domain in enumerate(case.domain)])
    return Program(start, tuple(steps))


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A shortest program that still fails and is made of this one by leaving out steps that no other step uses."""
    while True:
        used = {i for step in program.steps for i in step.operands if isinstance(i, int)}
        free = [n for n in range(len(program.steps)) if n + len(program.inputs) not in used]
        shorter = next((q for n in reversed(free) for q in [_without(program, n)] if q.steps and fails(q)), None)
        if shorter is None:
            return program
        program = shorter


def _without(program: Program, number: int) -> Program:
    """The program without one of its steps; later numbers move up."""
    place = number + len(program.inputs)

    def moved(i: int | float) -> int | float:
        return i - 1 if isinstance(i, int) and i > place else i

    rest = [step for n, step in enumerate(program.steps) if n != number]
    return Program(program.inputs, tuple(Step(step.case, tuple(map(moved, step.operands))) for step in rest))
