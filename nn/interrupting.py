"""Ctrl-C where Python would say and forget it: in what runs when an object goes, a ``__del__`` or a weak reference's callback."""

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SOON = 0.01  # seconds


def interrupt_again() -> threading.Thread:
    """Ctrl-C once more, a moment later; the thread that brings it."""
    timer = threading.Timer(_SOON, _thread.interrupt_main)
    timer.daemon = True
    with suppress(RuntimeError):  # no threads: Python is about to leave, or lives in a browser
        timer.start()
    return timer


@contextmanager
def nothing_forgotten() -> Iterator[None]:
    """A block in which Ctrl-C that Python would forget comes again, before the block ends."""
    coming: list[threading.Thread] = []
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            coming.append(interrupt_again())
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
        for thread in coming:
            with suppress(RuntimeError):  # it could not be started
                thread.join()
