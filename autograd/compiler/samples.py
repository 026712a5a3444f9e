"""A compiled function on arrays of samples: those that take the same way through it are computed side by side.

Glossary::

    way       the answers that a recording's guards gave, each with the source line that asked: a variant is one way
    code      how many of a variant's guards a sample answers as the variant does, up to the first that it answers differently; a row
              of the variant's program. All guards: the sample's way is that of the variant. Else the code says at which fork of the
              tree of ways the sample leaves, and the ways known from there on come next, or a new recording
    group     samples that are known to take the same beginning of a way

The guards of a long way run once for all samples, and not once for each way: of a loop that ends after 1 to 100 rounds the longest way
known tells each sample's number of rounds.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from autograd.compiler.executors import Array
from autograd.compiler.forms import Form
from autograd.compiler.recordings import TOTAL, Function, Recordings
from autograd.compiler.sweeps import BLOCK, cores, one_lane, summed, sweep, taken
from autograd.compiler.variants import KNOWN, LANES, Variant, Way
from autograd.trees import Tree, is_array
from autograd.value import Value

# So many samples are sorted by way at once: for a million by Newton's iteration that takes 14 instead of 30 ms.
PART = 2**17
# So many samples are worth a look before all others. Where such a share of them takes one way, all are sent there: that takes the time
# of the way's program for all and of what is asked for by the others, instead of the other way round.
LOOK, MOST = 1024, 0.55
# Of so many samples with so few codes it takes half as long to look for each code as to sort them.
MANY, FEW = 4096, 16
# So many samples are answered again after a call that recorded ways, so that the programs for these are compiled before the next call.
AGAIN = 4096
Fork = tuple[str, bool, Any]
Places = npt.NDArray[np.intp]


def answer(made: Recordings, function: Function | None, what: str, forms: tuple[Form, ...], given: Sequence[Any]) -> Tree:
    """What is asked for, at every sample; ``given`` are numbers and arrays that broadcast."""
    shape = np.broadcast_shapes(*map(np.shape, given))
    if any([form is None and is_array(x) for form, x in zip(forms, given, strict=False)]):
        note = (
            "An array counts as samples of one number. If it is one vector (or samples of vectors, along the last axis), name that "
            "parameter: autograd.compile(function, vectors='x')"
        )
    else:
        note = ""
    lanes = [one_lane(x, shape) for x in given]
    call = _Call(made, function, what, forms, shape, lanes, note)
    variant, rows = call.in_parts() if call.is_worth_parts() else call.answered()
    if call.count > AGAIN and call.has_recorded():
        _Call(made, function, what, forms, (AGAIN,), [lane[:AGAIN] for lane in lanes], note).answered()
    return variant.answer(what, iter([row.reshape(shape) for row in rows]), len(shape))


def groups(
    made: Recordings, function: Function | None, forms: tuple[Form, ...], lanes: Sequence[Array]
) -> Iterator[tuple[Variant, Places]]:
    """Each way that is taken, with the places of the samples that take it; a lane holds one of the arguments' numbers of every sample."""
    call = _Call(made, function, "way", forms, (len(lanes[0]),), list(lanes), "")
    waiting: list[tuple[Way, Places]] = [((), np.arange(call.count))]
    while waiting:
        beginning, places = waiting.pop(call.next_of(waiting))
        variant = call.known_or_recorded(beginning, places)
        if variant.way == beginning:
            yield variant, places
            continue
        codes, _ = call.run(variant, "way", LANES, places)
        assert codes is not None
        waiting.extend([(way, places[chosen]) for way, chosen in call.parted(variant, beginning, codes)])


def total(
    made: Recordings, function: Function | None, forms: tuple[Form, ...], given: Sequence[Any]
) -> tuple[float, list[tuple[Value, float]]]:
    """The sum of the results at all samples, and what each captured Value receives of its derivatives, perhaps in parts."""
    shape = np.broadcast_shapes(*map(np.shape, given))
    lanes = [one_lane(x, shape) for x in given]
    value, received = 0.0, list[tuple[Value, float]]()
    for variant, places in groups(made, function, forms, lanes) if len(lanes[0]) else ():
        executor = made.executor(variant, TOTAL, KNOWN)
        shared = np.append(variant.shared_inputs(), 1.0)
        *slopes, sum_of_way, _ = summed(executor, shared, lanes, places, made.settings.threads).tolist()
        value += sum_of_way
        received += zip(variant.moving, slopes, strict=True)
    return value, received


@final
class _Call:
    """One call with arrays."""

    def __init__(
        self,
        made: Recordings,
        function: Function | None,
        what: str,
        forms: tuple[Form, ...],
        shape: tuple[int, ...],
        lanes: list[Array],
        note: str,
    ) -> None:
        self.made, self.function, self.what, self.forms = made, function, what, forms
        self.shape, self.lanes, self.note = shape, lanes, note
        self.count = len(lanes[0])
        self.ways = len(made.variants.get(forms, ()))  # before this call
        self.first: Variant | None = None  # the one whose results' form all others must have
        self.start = 0  # of this part among all samples
        self.taken: set[int] = set()  # the variants that answer for some sample
        self.common: dict[Way, Variant | None] = {}  # by beginning the one that answers for most
        self.rows: list[Array] = []

    def has_recorded(self) -> bool:
        """Whether ways were found in this call beside others."""
        return max(self.ways, 1) < len(self.made.variants.get(self.forms, ()))

    def is_worth_parts(self) -> bool:
        """Whether samples are to be sorted by way in parts that stay in the caches, one core doing all."""
        ways = len(self.made.variants.get(self.forms, ()))
        is_one = (cores() if self.made.settings.threads is None else self.made.settings.threads) == 1
        return is_one and self.count > PART and 1 < ways <= PART // (2 * BLOCK)

    def in_parts(self) -> tuple[Variant, list[Array]]:
        """As ``answered``, part by part."""
        for start in range(0, self.count, PART):
            lanes = [lane[start : start + PART] for lane in self.lanes]
            part = _Call(self.made, self.function, self.what, self.forms, self.shape, lanes, self.note)
            part.start, part.taken, part.first, part.common = start, self.taken, self.first, self.common
            part.ways = self.ways
            part.rows = [row[start : start + PART] for row in self.rows]
            self.first, rows = part.answered()
            if not self.rows:
                self.rows = [np.empty(self.count) for _ in rows]
                for row, found in zip(self.rows, rows, strict=True):
                    row[:PART] = found
        assert self.first is not None
        return self.first, self.rows

    def answered(self) -> tuple[Variant, list[Array]]:
        """A variant, for the form of its results, and for each number of these a row with that of every sample."""
        everything = np.arange(self.count)
        if not self.count:
            variant = next(iter(self._known(())), None) or self._recorded([1.0] * len(self.lanes), None)
            return variant, self.run(variant, self.what, LANES, everything)[1]
        waiting: list[tuple[Way, Places]] = [((), everything)]
        while waiting:
            beginning, places = waiting.pop(self.next_of(waiting))
            waiting.extend(self._advance(beginning, places))
        if self.first is None:
            raise ValueError("no sample was answered")
        return self.first, self.rows

    def next_of(self, waiting: list[tuple[Way, Places]]) -> int:
        """Which group comes next: the two longest ways, then the shortest ones, for between them little has to be compiled."""
        lengths = [len(beginning) for beginning, _ in waiting]
        known = sorted([len(variant.way) for variant in self.made.variants.get(self.forms, ())])
        return lengths.index(max(lengths) if not known[1:] or max(lengths) >= known[-2] else min(lengths))

    def _advance(self, beginning: Way, places: Places) -> Iterator[tuple[Way, Places]]:
        """Answer those samples of a group whose way is known now; the others as smaller groups, with longer beginnings."""
        variant, what, layout = self._chosen(beginning, places)
        try:
            codes, rows = self.run(variant, what, layout, places)
        except Exception:
            if not variant.guards:
                raise
            self._one_by_one(places)  # an op of the user's raised, perhaps at a sample that does not come by there
            return
        if codes is None:
            self._take(variant, places, rows)
            return
        for way, chosen in self.parted(variant, beginning, codes):
            if way == variant.way and what == self.what:
                self._take(variant, _of(places, chosen, self.count), [row[chosen] for row in rows])
            else:
                yield way, _of(places, chosen, self.count)

    def parted(self, variant: Variant, beginning: Way, codes: Array) -> Iterator[tuple[Way, Any]]:
        """What the codes of a group with this beginning say: longer beginnings, and which of the group have them."""
        for code, chosen in _groups(codes):
            known = beginning[code] if code < len(beginning) else None
            if known is not None and not _excludes(known):
                raise TypeError(self._more_than_computing())
            yield variant.way if code == len(variant.way) else (*variant.way[:code], _turned(variant.way[code], known)), chosen

    def known_or_recorded(self, beginning: Way, places: Places) -> Variant:
        """The variant that tells most about a group."""
        known = self._known(beginning)
        variant = known[0] if known else self._recorded(self._point(places[0]), places[0])
        if not _begins(variant.way, beginning):
            raise TypeError(self._more_than_computing())
        return variant

    def _chosen(self, beginning: Way, places: Places) -> tuple[Variant, str, str]:
        """A variant for a group, and which of its programs tells most about it: what is asked for, or the way alone.

        Of samples whose way is known what is asked for is all that is left; a way that most take is tried with one program for both.
        """
        known = [(variant, self._program(variant, beginning)) for variant in self._known(beginning)]
        able = [(variant, *program) for variant, program in known if program is not None]
        if able and able[0][1] == "way" and len(places) > LOOK:
            if beginning not in self.common:
                self.common[beginning] = self._common([variant for variant, *_ in able], places[:LOOK])
            common = self.common[beginning]
            if common is not None:
                return common, self.what, LANES
        if able:
            return able[0]
        variant = self._recorded(self._point(places[0]), places[0])
        if not _begins(variant.way, beginning):
            raise TypeError(self._more_than_computing())
        program = self._program(variant, beginning)
        assert program is not None  # of a recording there is every program
        return variant, *program

    def _program(self, variant: Variant, beginning: Way) -> tuple[str, str] | None:
        """The program of a variant to run, None if it has travelled without one that helps."""
        whole, guarded, way = (self.what, KNOWN), (self.what, LANES), ("way", LANES)
        if variant.way == beginning:
            order = [whole, guarded]
        else:
            is_only = len(self.made.variants[self.forms]) == 1
            order = [guarded, way] if is_only else [way, guarded]
        return next((program for program in order if variant.can_answer(*program)), None)

    def _known(self, beginning: Way) -> list[Variant]:
        """The variants whose ways begin so, the longest first: its guards tell most. A whole way is that of one variant."""
        found = [variant for variant in self.made.variants.get(self.forms, ()) if _begins(variant.way, beginning)]
        return sorted(found, key=lambda variant: -len(variant.way))

    def _common(self, known: list[Variant], places: Places) -> Variant | None:
        """The variant that answers for most of these samples; none if they part, or ways are still being found."""
        longest = known[0]
        if len(self.made.variants[self.forms]) > self.ways:
            return None
        try:
            codes, _ = self.run(longest, "way", LANES, places)
        except Exception:  # an op of the user's
            return None
        assert codes is not None
        whole, counts = np.unique(codes, return_counts=True)
        if counts.max() < MOST * len(places):
            return None
        code = int(whole[counts.argmax()])
        way = longest.way if code == len(longest.way) else (*longest.way[:code], _turned(longest.way[code], None))
        return next((variant for variant in known if variant.way == way and variant.can_answer(self.what, LANES)), None)

    # --- Computing ---

    def run(self, variant: Variant, what: str, layout: str, places: Places) -> tuple[Array | None, list[Array]]:
        """The samples' codes, if the program has them, and a row for each number asked for."""
        executor = self.made.executor(variant, what, layout)
        lanes = self.lanes
        if len(places) < self.count:
            reads, nothing = variant.reads(what, layout), np.broadcast_to(np.array(0.0), places.shape)
            lanes = [taken(lane, places) if i in reads else nothing for i, lane in enumerate(self.lanes)]
        shared, found = sweep(executor, variant.shared_inputs(), lanes, self.made.settings.threads)
        numbers, arrays = iter(shared), iter(found)
        rows = [next(arrays) if is_row else np.full(len(places), next(numbers)) for is_row, _ in executor.program.outputs]
        if layout == KNOWN or not variant.guards:
            return None, rows
        first = len(rows) - variant.count(what)
        return _code(rows[:first], len(variant.guards)), rows[first:]

    def _take(self, variant: Variant, places: Places, rows: list[Array]) -> None:
        """Put the answers of some samples into their places."""
        self.taken.add(id(variant))
        if self.first is None:
            self.first = variant
            if len(places) == self.count:
                self.rows = rows
                return
            self.rows = [np.empty(self.count) for _ in rows]
        if variant.result != self.first.result:
            raise TypeError(
                f"{self.made.name} returns results of another form for sample {self._name(places[0])} than for others"
            )
        for row, part in zip(self.rows, rows, strict=True):
            if len(places) == self.count:
                row[:] = part
            else:
                row[places] = part

    def _one_by_one(self, places: Places) -> None:
        for place in places:
            with self._naming(place):
                variant, numbers = self.made.way_at(self.function, self.what, self.forms, self._point(place))
            self._take(variant, np.array([place]), [np.array([x]) for x in numbers])

    def _recorded(self, point: list[float], place: Any) -> Variant:
        """A new recording; what the function raises there names the sample."""
        if len(self.taken) >= self.made.settings.paths:
            raise ValueError(self._too_many())
        with self._naming(place):
            variant = self.made.record(self.function, self.forms, point)
        self.taken.add(id(variant))
        return variant

    # --- Words ---

    def _point(self, place: Any) -> list[float]:
        return [float(lane[place]) for lane in self.lanes]

    def _name(self, place: Any) -> str:
        index = [int(i) for i in np.unravel_index(self.start + place, self.shape)]
        return str(index[0] if len(index) == 1 else tuple(index))

    def _naming(self, place: Any) -> "_Naming":
        where = "" if place is None else f"This was at sample {self._name(place)}, with the numbers {self._point(place)}"
        return _Naming([note for note in (where, self.note) if note])

    def _more_than_computing(self) -> str:
        return f"{self.made.name} took another way for the same numbers: it does more than compute"

    def _too_many(self) -> str:
        ways = [variant.way for variant in self.made.variants.get(self.forms, ())]
        (line, _), *_ = Counter([site for way in ways for site, *_ in way]).most_common(1)
        return (
            f"the samples take more than {self.made.settings.paths} ways through {self.made.name}; they multiply at {line}. Choose between "
            f"numbers with autograd.where there, or allow more with autograd.compile(function, paths={2 * self.made.settings.paths})"
        )


@final
class _Naming:
    """A context that adds notes to an exception."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, Exception):
            for note in self.notes:
                error.add_note(note)


def _code(rows: Sequence[Array], guards: int) -> Array:
    """The samples' codes, of which a program gives either these themselves or for each guard whether it has its answer."""
    if len(rows) < guards:
        return rows[0]
    code: Array = np.logical_and.accumulate([row != 0.0 for row in rows]).sum(axis=0, dtype=float)
    return code


def _turned(fork: Fork, known: Fork | None) -> Fork:
    """The other answer at the same place: of what a number was read as, that it is none of the ints known not to be it."""
    site, holds, fact = fork
    if fact is None:
        return site, not holds, None
    return site, False, (*(known[2] if known else ()), fact)


def _excludes(fork: Fork) -> bool:
    return type(fork[2]) is tuple


def _begins(way: Way, beginning: Way) -> bool:
    """Whether a way begins so; the last fork of a beginning may say what a number was not read as."""
    if not beginning or not _excludes(beginning[-1]):
        return way[: len(beginning)] == beginning
    n = len(beginning) - 1
    if len(way) <= n or way[:n] != beginning[:n]:
        return False
    (site, holds, fact), (said, _, excluded) = way[n], beginning[n]
    return site == said and holds and fact not in excluded


def _of(places: Places, chosen: Any, count: int) -> Places:
    """The chosen ones of these places, which may be all there are."""
    found: Places = chosen if len(places) == count and not isinstance(chosen, slice) else places[chosen]
    return found


def _groups(codes: Array) -> Iterator[tuple[int, Any]]:
    """Each code with the samples that have it."""
    most = codes.max()
    whole = codes.astype(np.int8 if most < 2**7 else np.int16 if most < 2**15 else np.int64)
    if (whole == whole[0]).all():
        yield int(whole[0]), slice(None)
        return
    if len(whole) >= MANY:
        # Counting the codes takes as long as looking for three.
        found = range(int(most) + 1) if most < FEW else np.flatnonzero(np.bincount(whole, minlength=1)).tolist()
        if len(found) <= FEW:
            yield from [(code, places) for code in found if len(places := np.flatnonzero(whole == code))]
            return
    order = np.argsort(whole, kind="stable")  # by counting, for 16 bits
    ordered = whole[order]
    starts = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist()]
    for start, stop in zip(starts, [*starts[1:], len(ordered)], strict=True):
        yield int(ordered[start]), order[start:stop]
