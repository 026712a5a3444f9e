"""Ctrl-C in a finalizer is neither forgotten nor told as an error that nobody can do anything about."""

import signal
import sys
import time

import pytest

from nn import __main__ as command
from nn.interrupting import interrupt_again, nothing_forgotten


@pytest.fixture(autouse=True)
def heard():
    """Ctrl-C answered as usual, also where the tests were begun in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Leaving:
    """Something in whose finalizer an error is raised, as Ctrl-C is at that moment."""

    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def let_go(error):
    made = Leaving(error)
    del made


@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["at the end of the block", "in the middle"])
def test_ctrl_c_comes_again(seconds, capsys):
    finished = []
    with pytest.raises(KeyboardInterrupt), nothing_forgotten():
        let_go(KeyboardInterrupt())
        time.sleep(seconds)
        finished.append(seconds)
    assert finished == ([] if seconds else [0.0])
    assert capsys.readouterr().err == ""


def test_what_a_module_has_come_again_comes_before_the_end():
    with pytest.raises(KeyboardInterrupt), nothing_forgotten():
        interrupt_again()


def test_other_errors_are_told_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_value))
    before, error = sys.unraisablehook, ValueError("of another kind")
    with nothing_forgotten():
        let_go(error)
    assert told == [error]
    assert sys.unraisablehook is before


def test_the_command_says_one_line(monkeypatch, capsys):
    monkeypatch.setattr(command, "_command", lambda arguments: let_go(KeyboardInterrupt()) or 0)
    assert command.main([]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"
