"""Ctrl-C where the exception that Python makes of it would do harm or be lost: in the bindings of LLVM, and in callbacks of native code.

Python answers to Ctrl-C in the main thread, between two instructions, wherever these are. In a function that native code calls by way
of ctypes the exception is swallowed: of 120 at random moments of a compilation 23 were. In the bindings of LLVM it can come between
native code that takes an object over and the line that notes it, and then the object is freed twice.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

_Handler = Callable[[int, FrameType | None], Any]


def _handler() -> _Handler | None:
    """What answers to Ctrl-C in this thread; None if nothing does."""
    handler = signal.getsignal(signal.SIGINT)
    return handler if callable(handler) and threading.current_thread() is threading.main_thread() else None


@contextmanager
def _answered_by(handler: _Handler, before: _Handler) -> Iterator[None]:
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits for the end of the block."""
    handler = _handler()
    if handler is None:
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    try:
        with _answered_by(lambda *at: arrived.append(at), handler):
            yield
    finally:
        if arrived:
            handler(*arrived[0])


def run_heard(native: Callable[..., object], callback: CodeType, errors: list[BaseException], *arguments: object) -> None:
    """Run native code that calls Python. Ctrl-C on the threshold of the callback, before its ``try``, is added to the errors."""
    handler = _handler()
    if handler is None:
        native(*arguments)
        return

    def keep(signum: int, frame: FrameType | None) -> None:
        try:
            handler(signum, frame)
        except BaseException as error:
            if frame is None or frame.f_code is not callback:
                raise
            errors.append(error)

    with _answered_by(keep, handler):
        native(*arguments)
