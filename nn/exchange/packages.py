"""Packages of others, imported when they are asked for."""

from importlib import import_module
from typing import Any


def needed(package: str, taker: str, install: str) -> Any:
    """The package; ImportError that says who needs it and how to install it."""
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(f"{taker} needs {package.partition('.')[0]}: pip install {install}") from error
