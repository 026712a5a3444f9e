"""What a thread has switched on around the recording of ops: recording off, anomaly detection, simplification, listening, counting.

``value`` asks here at every op; nothing else does.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any, final

_PACKAGE = os.path.dirname(__file__)  # pathlib would lengthen the import of autograd by a tenth


@final
class Mode:
    """What a thread has switched on: recording off, anomaly detection, simplification, a tally of ops, and listeners.

    ``on_branch`` hears of every condition that is turned into a plain bool, ``on_read`` of every ``data`` that is read, ``on_key`` why a
    number is refused as a key: what a compiler must not freeze.
    """

    SETTINGS = ("anomaly", "on_branch", "on_key", "on_read", "recording", "simplify", "tally")
    __slots__ = (*SETTINGS, "outer")

    def __init__(self, outer: "Mode | None" = None) -> None:
        self.outer = outer
        self.recording = True
        self.anomaly = False
        self.simplify = False
        self.on_branch: Callable[[Any], None] | None = None
        self.on_read: Callable[[Any], None] | None = None
        self.on_key: Callable[[str], None] | None = None
        self.tally: Any = None  # see numerical.Tally

    def alters(self) -> bool:
        """Whether an op does more, or less, than record itself."""
        return self.anomaly or self.simplify or not self.recording or self.tally is not None


# Thread → its mode. Empty in ordinary work, so that what listens is asked for by one truth test.
modes: dict[int, Mode] = {}
# The modes in which an op does more than record itself. Empty too while a compiler only listens: it records at the speed of eager
# passes, a function of 170,000 nodes in a fifth of the time.
altering: dict[int, Mode] = {}


def _enter(thread: int, mode: Mode | None) -> None:
    """Make it the thread's mode; None is the ordinary one."""
    for table, belongs in ((modes, mode is not None), (altering, mode is not None and mode.alters())):
        if belongs and mode is not None:
            table[thread] = mode
        else:
            table.pop(thread, None)


def _leave(thread: int, mode: Mode) -> None:
    """Make what was before it the thread's mode again, if this or one within it is that now.

    It is not where Ctrl-C on the threshold of leaving has left two at once: the inner one's ``with`` then ends when the traceback goes.
    """
    present = here = modes.get(thread)
    while here is not None and here is not mode:
        here = here.outer
    _enter(thread, present if here is None else mode.outer)


@contextlib.contextmanager
def switched(**settings: object) -> Iterator[Mode]:
    """This thread's mode with some settings changed, for the length of a ``with``, however Ctrl-C ends it."""
    thread = threading.get_ident()
    outer = modes.get(thread)
    inner = Mode(outer)
    for name in Mode.SETTINGS:
        setattr(inner, name, settings.get(name, getattr(outer or inner, name)))
    try:
        _enter(thread, inner)
        yield inner
    finally:
        try:
            _leave(thread, inner)
        except BaseException:  # Ctrl-C in the middle of it
            _leave(thread, inner)
            raise


def no_grad() -> contextlib.AbstractContextManager[Mode]:
    """A context (or decorator) in which ops record nothing: their results are leaves.

    >>> from autograd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.data, y._prev
    (9.0, ())
    """
    return switched(recording=False)


def recording() -> contextlib.AbstractContextManager[object]:
    """A context in which ops are recorded even inside ``no_grad``: a function cannot be differentiated otherwise."""
    mode = modes.get(threading.get_ident())
    return contextlib.nullcontext() if mode is None or mode.recording else switched(recording=True)


def detect_anomaly() -> contextlib.AbstractContextManager[Mode]:
    """A context (or decorator) in which the first nan or inf raises FloatingPointError, forward or backward.

    The error names the op, its operands, their labels and the source line. An op whose operands are already nan or inf is not to
    blame and passes. Where a derivative that is not 0 ends at a rounding (``//``, ``round(v, n)`` …), a RuntimeWarning names the node.

    >>> from autograd import Value, detect_anomaly
    >>> with detect_anomaly():
    ...     Value(0.0, label="x").log()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FloatingPointError: log(x=0.0) gave -inf at <doctest ...
    """
    return switched(anomaly=True)


def is_recorded() -> bool:
    """Whether this thread runs a function that a compiler records."""
    mode = modes.get(threading.get_ident())
    return mode is not None and mode.on_read is not None


def are_finite(numbers: Iterable[float]) -> bool:
    """Whether none of the numbers is nan or inf."""
    return all(x - x == 0.0 for x in numbers)


def call_site() -> str:
    """File, line and text of the innermost frame outside this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return "an unknown place"
    import linecache  # only needed to report an anomaly

    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" + (f": {line}" if line else "")
