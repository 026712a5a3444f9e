"""Ctrl-C where Python would say and forget it: in what runs when an object goes, a ``__del__`` or a weak reference's callback."""

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_SOON = 0.01  # seconds
_NAME = "Ctrl-C again"


def interrupt_again() -> None:
    """Ctrl-C once more, a moment later."""
    timer = threading.Timer(_SOON, _thread.interrupt_main)
    timer.daemon, timer.name = True, _NAME
    with suppress(RuntimeError):  # no threads: Python is about to leave, or lives in a browser
        timer.start()


@contextmanager
def nothing_forgotten() -> Iterator[None]:
    """A block in which Ctrl-C that Python would forget comes again, and before whose end all that is to come again has come."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            interrupt_again()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
        for thread in threading.enumerate():
            if thread.name == _NAME:
                thread.join()
