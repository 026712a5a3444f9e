"""What model and loss compute, recorded once for each structure of their arguments and each way through their branches.

Glossary::

    structure   how numbers are nested: how long a row is, how many rows a batch has
    way, variant    see ``autograd.compiler.variants``; here is what a training asks of recordings besides
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, final

from autograd import Value
from autograd.compiler.forms import arguments
from autograd.compiler.recording import fingerprint
from autograd.compiler.recordings import Recordings, Settings
from autograd.compiler.variants import Variant

# With more ways than these through one structure, most of the time goes into compiling.
MOST_WAYS = 64


@final
class Variants:
    """The recordings of a function of numbers; derivatives by Values that are ``fixed`` are never taken."""

    def __init__(
        self, name: str, function: Callable[..., Any], *, engine: str, fast: bool, fixed: frozenset[Value] = frozenset()
    ) -> None:
        self.name, self.function, self.engine, self.fast, self.fixed = name, function, engine, fast, fixed
        self.made = self._nothing()

    def _nothing(self) -> Recordings:
        return Recordings(self.name, Settings(self.engine, self.fast, threads=1, paths=MOST_WAYS), self.fixed)

    def opened(self, args: Sequence[Any]) -> tuple[tuple[Any, ...], list[float]]:
        """The structure of some arguments, and their numbers."""
        return arguments(args, lambda _: False, self.name)

    def recorded(self) -> Iterator[Variant]:
        """What is known."""
        for found in self.made.variants.values():
            yield from found

    def refresh(self) -> None:
        """Forget all if something would be recorded differently now: callbacks may have changed what model and loss do."""
        if not all(map(self.is_current, self.recorded())):
            self.made = self._nothing()

    def is_current(self, variant: Variant) -> bool:
        """Whether the function would be recorded so again."""
        point = [v.data for v in variant.variables]
        again = self._nothing().record(self.function, variant.arguments, point)
        return again.way == variant.way and _form(again) == _form(variant)


def _form(variant: Variant) -> Any:
    """What was recorded, without its numbers."""
    conditions = [guard.condition for guard in variant.guards]
    return fingerprint([*variant.results, *conditions], [*variant.variables, *variant.captured])
