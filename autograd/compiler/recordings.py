"""The recordings of a function (``variants``), and the programs made from them."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from autograd.backward import order_behind, propagate
from autograd.compiler import engines
from autograd.compiler.adjoints import gradient
from autograd.compiler.arguments import Argument, settle
from autograd.compiler.families import Families, Place
from autograd.compiler.forms import Form, closed, opened, size
from autograd.compiler.kept import kept
from autograd.compiler.normal import Graph
from autograd.compiler.packs import packed
from autograd.compiler.program import Program
from autograd.compiler.recorded import FEW, Recorded, refuse_by_hand
from autograd.compiler.recording import Guard, collector_resting, recording, refuse_types
from autograd.compiler.surroundings import Surroundings
from autograd.compiler.training import Batch, batch_program
from autograd.compiler.variants import KNOWN, LANES, ONE, Variant
from autograd.derivatives import adjoint_graph
from autograd.modes import call_site, no_grad
from autograd.ops import dot
from autograd.trees import Tree
from autograd.value import LEAF, Condition, Value, constant

Function = Callable[..., Tree]
# What is asked: of the last of a function's numbers the derivatives by the captured Values, and beside it the others.
BESIDE = "backward beside others"
# The sum over samples in lanes, and its derivatives by the captured Values.
TOTAL = "total and gradient"
# So many ways are compiled for speed alone, further ones so that they are soon there.
FEW_WAYS = 8
_NO_LANES = np.empty((0, 1))


def _shown(x: float) -> str:
    """All that counts of a number: its bits, but for those of nan and the sign of 0, which is lost when a ``grad`` of 0 takes it in."""
    return repr(x + 0.0)


@contextmanager
def elsewhere(known: Variant | None) -> Iterator[None]:
    """A context in which an op of the user's may raise behind a known variant's guards: its way is not the one to take then."""
    try:
        yield
    except Exception:
        if known is None or not known.guards:
            raise


@final
@dataclass(frozen=True)
class Settings:
    """How a function is compiled, as ``autograd.compile`` says; ``by`` holds for each parameter whether to differentiate by it, the
    last standing for all that follow: without any, by all."""

    engine: str
    fast: bool
    threads: int | None
    paths: int
    by: tuple[bool, ...] = ()


@final
class Recordings:
    """All recordings of one function (for a method: and one instance), by the form of the arguments."""

    def __init__(self, name: str, settings: Settings, fixed: frozenset[Value] = frozenset()) -> None:
        self.name, self.settings, self.fixed = name, settings, fixed
        self.variants: dict[tuple[Form, ...], list[Variant]] = {}
        self.surroundings: Surroundings | None = None
        self.families = Families()
        self.lock = threading.RLock()
        self.calls: dict[str, dict[tuple[type, ...], Function]] = {what: {} for what in ("value", "value_and_grad", "grad")}

    def known(self, what: str, forms: tuple[Form, ...]) -> list[Variant]:
        """The variants for arguments of these forms that can answer for one sample."""
        return [variant for variant in self.variants.get(forms, ()) if variant.can_answer(what, ONE)]

    def chosen(self, count: int) -> list[int]:
        """Which of so many arguments to differentiate by."""
        by = self.settings.by
        return [i for i in range(count) if not by or by[min(i, len(by) - 1)]]

    def refresh(self) -> None:
        """Forget everything if what the function takes from outside has changed since it was recorded."""
        if self.surroundings is not None and not self.surroundings.same():
            self.variants.clear()
            self.families = Families()
            for known in self.calls.values():
                known.clear()
            self.surroundings = None

    # --- Recording ---

    def record(self, function: Function | None, forms: tuple[Form, ...], point: Sequence[float]) -> Variant:
        """The function recorded at a point; numbers beyond those of the arguments play no part."""
        if function is None:
            raise ValueError(
                f"{self.name} came here without its Python source (it could not be pickled) and this call needs a new recording; "
                "call it once in this way, with such arguments, before pickling, or define it in a module"
            )
        if self.surroundings is None:
            self.surroundings = Surroundings(function)
        point = point[: sum(map(size, forms))]
        variables: list[Value] = [Argument(x) for x in point]
        guards: list[Guard] = []
        form, results, used = _recorded(function, forms, variables, guards)
        refuse_by_hand(used, {v.op for v in used})
        self._check(function, forms, point, results)
        if self.surroundings.asks_types:
            refuse_types(self.name, results, _recorded(function, forms, [Value(x) for x in point], [])[1])
        self.surroundings.settle()
        own = set(variables)
        captured = sorted([v for v in used if v.op is LEAF and v not in own], key=self.fixed.__contains__)
        variant = Variant(forms, form, variables, captured, results, guards, self.chosen(len(forms)))
        variant.fixed = len(self.fixed.intersection(captured))
        self.variants.setdefault(forms, []).append(variant)
        return variant

    def _check(self, function: Function, forms: tuple[Form, ...], point: Sequence[float], results: Sequence[Value]) -> None:
        """TypeError if the function, called with the plain numbers, gives others than were recorded: it does more than compute."""
        numbers: list[Any] = []
        try:
            with no_grad():
                opened(function(*_filled(forms, point)), numbers)
                plain = [_result(y).data for y in numbers]
        except Exception:  # Python's floats raise where IEEE-754 has an answer, and have no methods such as exp
            return
        for number, result in zip(plain, results, strict=False):
            if not (
                math.isclose(number, result.data, rel_tol=1e-6, abs_tol=1e-9) or (number != number and result.data != result.data)
            ):
                raise TypeError(
                    f"{self.name} gives {number!r} for plain numbers and {result.data!r} when it is recorded: it draws random "
                    "numbers, counts its calls, looks at types or uses a number as a key; such a function cannot be compiled"
                )

    def way_at(
        self, function: Function | None, what: str, forms: tuple[Form, ...], point: Sequence[float]
    ) -> tuple[Variant, list[float]]:
        """The variant that holds at a point, and the numbers that it answers."""
        for known in [*self.known(what, forms), None]:
            variant = known or self.record(function, forms, point)
            executor = self.executor(variant, what, ONE)
            with elsewhere(known):
                outputs, _ = executor.evaluate(np.append(point, variant.shared_inputs()), _NO_LANES)
                numbers = outputs.tolist()
                n = len(variant.guards)
                if known is None or variant.holds(numbers[:n]):
                    break
        return variant, numbers[n:]

    # --- Programs ---

    def executor(self, variant: Variant, what: str, layout: str) -> Any:
        """What computes the variant's conditions, then what is asked for; for samples in lanes their code instead of the conditions."""
        key = (what, layout)
        if key not in variant.executors:
            place = self._place(variant, layout)
            found = None if place is None else self._derived(variant, place, what, layout)
            if found is not None:
                variant.derived.add(key)
            else:
                among_many = len(self.variants.get(variant.arguments, ())) > FEW_WAYS
                program = self.program(variant, what, layout)
                found = engines.executor(program, engine=self.settings.engine, fast=self.settings.fast, among_many=among_many)
                if place is not None:
                    self.families.add(place, key, found)
            variant.executors[key] = found
        return variant.executors[key]

    def _place(self, variant: Variant, layout: str) -> Place | None:
        """The variant's place in a family, where its programs are made for such."""
        return None if layout == ONE or self.settings.engine != "llvm" else variant.place

    def program(self, variant: Variant, what: str, layout: str) -> Program:
        """What computes that, with its packs."""
        key = (what, layout)
        if key in variant.executors and key not in variant.derived:
            program: Program = variant.executors[key].program
            return program
        if what == TOTAL:
            (result,) = self._outputs(variant, what)
            given, learning = (tuple(variant.captured), tuple(variant.variables)), len(variant.moving)
            return batch_program(Batch(*given, result, constant(0.0), None, None, learning=learning))
        first = self._first(variant, layout)
        outputs = self._outputs(variant, what)
        inputs = [*variant.variables, *(variant.directions if what == "hvp" else ())]
        shared, lanes = ([*inputs, *variant.captured], []) if layout == ONE else (variant.captured, inputs)
        by = {"value_and_grad": variant.chosen, "backward": variant.moving, BESIDE: variant.moving}.get(what, [])
        with collector_resting():
            one_by_one = self._place(variant, layout) is not None
            return _program(variant.graphs, first, outputs, shared, lanes, by, one_by_one=one_by_one)

    def _first(self, variant: Variant, layout: str) -> list[Value]:
        """What is computed beside what is asked for: the conditions of one sample, what tells the way of many, nothing where it is known.

        Native code counts the guards itself, round after round of a loop. For NumPy that were as many packs as guards, and as dear as
        all others together: it is given them all.
        """
        if layout == KNOWN or not variant.guards:
            return []
        if layout == ONE:
            return [guard.condition for guard in variant.guards]
        return [variant.code()] if self.settings.engine == "llvm" else variant.held()

    def _derived(self, variant: Variant, place: Place, what: str, layout: str) -> Any:
        """An executor between those of others of the variant's family, if it gives the recorded point the eager engine's numbers."""
        found = self.families.between(place, (what, layout)) if what in ("way", "value", "value_and_grad") else None
        if found is None:
            return None
        point = np.array([[v._data] for v in variant.variables])
        shared, rows = found.evaluate(variant.shared_inputs(), point)
        numbers, columns = iter(shared.tolist()), iter(rows[:, 0].tolist())
        got = [next(columns) if is_row else next(numbers) for is_row, _ in found.program.outputs]
        return found if list(map(_shown, got)) == list(map(_shown, self._eagerly(variant, what, layout))) else None

    def _eagerly(self, variant: Variant, what: str, layout: str) -> list[float]:
        """What the program gives at the recorded point."""
        numbers = [float(len(variant.guards))] if layout == LANES else []
        numbers += [v._data for v in self._outputs(variant, what)]
        if what == "value_and_grad":
            adjoints = propagate(variant.results[0], 1.0)
            numbers += [adjoints.get(v, 0.0) for v in variant.chosen]
        return numbers

    def _outputs(self, variant: Variant, what: str) -> list[Value]:
        """What is asked for, as Values; of value and gradient the value, of the way alone nothing more."""
        if what == "way":
            return []
        if what in ("value", BESIDE):
            return variant.results
        if variant.result is not None:
            kind = "array" if variant.result[0] == "array" else variant.result[0].__name__
            raise TypeError(f"{what} needs a function that returns one number, {self.name} returns a {kind}")
        if what in ("backward", TOTAL):
            return variant.results
        if not variant.by:
            raise TypeError(f"{self.name} is to be differentiated by an argument that was not given")
        if what == "value_and_grad":
            return variant.results
        xs = variant.chosen
        slopes = adjoint_graph(variant.results[0], xs, anywhere=True)
        if what == "hvp":
            variant.directions = [Value(1.0) for _ in xs]
            return adjoint_graph(dot(slopes, variant.directions), xs, anywhere=True)
        return [v for slope in slopes for v in adjoint_graph(slope, xs, anywhere=True)]

    # --- Travelling ---

    def packed(self) -> dict[str, Any]:
        """What was recorded, as data."""
        recorded = {
            forms: [
                (
                    variant.result,
                    [(guard.answer, guard.site, guard.fact) for guard in variant.guards],
                    [v.data for v in variant.captured],
                    len(variant.variables),
                    {key: self.program(variant, *key) for key in variant.executors},
                )
                for variant in found
            ]
            for forms, found in self.variants.items()
        }
        numbers = None if self.surroundings is None else self.surroundings.numbers()
        return {"name": self.name, "settings": self.settings, "recorded": recorded, "numbers": numbers}

    @classmethod
    def unpacked(cls, state: dict[str, Any], function: Function | None) -> "Recordings":
        """What travelled, ready to run; nothing of it if the numbers that the function takes from outside are others here."""
        settings = state["settings"]
        if not engines.is_installed(settings.engine):
            settings = replace(settings, engine=engines.chosen("auto"))
        made = cls(state["name"], settings)
        if function is not None and state["recorded"]:
            made.surroundings = Surroundings(function)
            if repr(made.surroundings.numbers()) != repr(state["numbers"]):
                return made
        for forms, found in state["recorded"].items():
            made.variants[forms] = [made._arrived(forms, *parts) for parts in found]
        return made

    def _arrived(self, forms: Any, result: Form, guards: Any, captured: Any, count: int, programs: Any) -> Variant:
        conditions = [Guard(constant(0.0), *each) for each in guards]
        inputs = [Value(x) for x in captured]
        by = self.chosen(len(forms))
        variant = Variant(forms, result, [constant(0.0)] * count, inputs, [], conditions, by, has_travelled=True)
        for key, program in programs.items():
            variant.executors[key] = engines.executor(program, engine=self.settings.engine, fast=self.settings.fast)
        return variant


def _recorded(
    function: Function, forms: tuple[Form, ...], variables: Sequence[Value], guards: list[Guard]
) -> tuple[Form, list[Value], list[Value]]:
    """The form of what the function gives, its results, and all that these and the guards that are added rest on."""

    def on_branch(condition: Value) -> None:
        guards.append(Guard(condition, condition._data != 0.0, call_site(), condition.fact))

    with collector_resting(), recording(on_branch) as outcome:
        numbers: list[Any] = []
        form = opened(function(*_filled(forms, variables)), numbers)
        results = [_result(y) for y in numbers]
        outcome += [*results, *[guard.condition for guard in guards]]
    settle(variables)
    return form, results, order_behind(outcome, set())


def _program(
    graphs: dict[tuple[Any, ...], Graph],
    first: Sequence[Value],
    outputs: Sequence[Value],
    shared: Sequence[Value],
    lanes: Sequence[Value],
    by: Sequence[Value],
    *,
    one_by_one: bool,
) -> Program:
    """The program of what comes first, of the outputs, and of the gradient of the last of them by some inputs.

    The normal form of a small recording is kept for the program that is asked for next: value and gradient after the value.
    """
    # The last comes first where it is differentiated: the order of accumulation is that of its graph alone.
    values = [*(reversed(outputs) if by else outputs), *first]
    key = (*values, len(lanes))
    known = graphs.pop(key, None)
    recorded = Recorded(values, [*shared, *lanes]) if known is None else known.recorded
    number = {v: i for i, v in enumerate([*shared, *lanes])}
    xs = [number[v] for v in by]

    def made() -> Program:
        graph = known or Graph(values, shared, lanes, recorded)
        if known is None and graph.size <= FEW:
            graphs[key], graph = graph, graph.copy()
        places = [graph.place(v) for v in [*first, *outputs]]
        slopes = gradient(graph, places[-1], xs) if xs else ()
        return packed(graph, [*places, *slopes], one_by_one=one_by_one)

    counts = f"{len(first)} and {len(outputs)} outputs, {len(lanes)} lanes"
    return kept(recorded, f"{counts}, gradient by {xs}, one by one {one_by_one}", made)


def _filled(forms: tuple[Form, ...], numbers: Sequence[Any]) -> list[Tree]:
    rest = iter(numbers)
    return [closed(form, rest) for form in forms]


def _result(y: Any) -> Value:
    if isinstance(y, Condition):
        return y.node
    return y if isinstance(y, Value) else constant(y, "the result of a compiled function")
