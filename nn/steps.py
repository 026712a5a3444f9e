"""The step of a training loop that people write themselves: a loss over parameters, its gradient and the optimizer's update."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, final

from autograd import Value
from autograd.ops import describe
from nn.compiled import chosen_engine, recorded_update, state_of, write_back
from nn.optim import Optimizer

if TYPE_CHECKING:
    from autograd.compiler.steps import NativeSteps


@final
class Steps:
    """A context in which calling it takes a step: ``step(*args)`` returns ``loss(*args)``, a float, and moves the parameters.

    ``loss`` is a function of numbers, or of lists of them, that uses the optimizer's parameters and returns one Value; a step is
    what ``zero_grad()``, ``loss(*args).backward()`` and ``optimizer.step()`` do, to the bit, with the rate that ``optimizer.lr`` has
    then. With the ``fast`` extra it is one native call. The loss is recorded and compiled once for each structure of its arguments
    (how long the lists are, how they are nested) and once for each way through its ``if``s on numbers; a number that is used as an
    index is data with ``autograd.take``.

    Within the context the parameters live in native memory: ``data`` and ``grad`` of the Values and the optimizer's state are
    brought up to date by ``write_back()`` and at the end, also when an exception ends it. What was assigned to them meanwhile is
    lost. TypeError where the loss cannot be recorded (it reads ``data``, draws random numbers); ``engine="eager"`` steps in plain
    Python, as does ``"auto"`` without the extra. ``fast`` gives up bits for speed.

    >>> import nn
    >>> from autograd import Value
    >>> w = Value(0.0)
    >>> def loss(xs):
    ...     return sum((w - x) ** 2 for x in xs) / len(xs)
    >>> with nn.Steps(loss, nn.SGD([w], lr=0.25)) as step:
    ...     losses = [step(xs) for xs in ([1.0, 3.0], [2.0, 2.0, 2.0], [2.0])]
    >>> losses, w.data
    ([5.0, 1.0, 0.25], 1.75)
    """

    def __init__(self, loss: Callable[..., Any], optimizer: Optimizer, *, engine: str = "auto", fast: bool = False) -> None:
        self.loss, self.optimizer, self.engine = loss, optimizer, chosen_engine(engine)
        if self.engine == "numpy":
            raise ValueError("Steps takes engine='auto', 'llvm' or 'eager': NumPy's would be no faster than eager Python")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"Steps needs an optimizer such as nn.Adam(parameters), got {describe(optimizer)}")
        if type(optimizer).step is not Optimizer.step and self.engine == "llvm":
            raise TypeError(
                f"{type(optimizer).__name__} has a step() of its own, which native code does not call; use engine='eager'"
            )
        self._fast, self._is_open = fast, False
        self._native: NativeSteps | None = None

    def __enter__(self) -> Self:
        if self._is_open:
            raise RuntimeError("these steps are being taken already")
        if self.engine == "llvm":
            self._native = self._native or self._compiled()
            self._read(self._native)
        self._is_open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.write_back()
        self._is_open = False

    def __call__(self, *args: Any) -> float:
        """The loss at these arguments, before the step."""
        if not self._is_open:
            raise RuntimeError("steps are taken inside a context: with nn.Steps(loss, optimizer) as step: …")
        if self._native is not None:
            self.optimizer.lr = self.optimizer.rate(self._native.steps + 1)
            return self._native.step(args, self.optimizer.lr)
        self.optimizer.zero_grad()
        error = self.loss(*args)
        if not isinstance(error, Value):
            raise TypeError(f"the loss must give a Value, got {type(error).__name__}")
        error.backward()
        self.optimizer.step()
        return float(error.data)

    def _compiled(self) -> "NativeSteps":
        from autograd.compiler.steps import NativeSteps

        return NativeSteps(self.loss, self.optimizer.params, recorded_update(self.optimizer), fast=self._fast)

    def _read(self, native: "NativeSteps") -> None:
        """Bring the memory up to date."""
        params, optimizer = self.optimizer.params, self.optimizer
        native.rows[:, : len(params)] = [[p.data for p in params], *state_of(optimizer), [p.grad for p in params]]
        native.steps = optimizer.steps

    def write_back(self) -> None:
        """Bring the Values and the optimizer up to date."""
        native, optimizer = self._native, self.optimizer
        if native is None:
            return
        rows = native.rows[:, : len(optimizer.params)]
        write_back(optimizer, rows[0], rows[1:-1], rows[-1], native.steps)
