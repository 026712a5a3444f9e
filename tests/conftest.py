"""Native code that tests compile is kept in a folder of this run, shared by its processes, not in the user's."""

import atexit
import os
import re
import shutil
import tempfile
from typing import Any

if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit the folder
    os.environ["CHALKGRAD_CACHE"] = tempfile.mkdtemp(prefix="chalkgrad-tests-")
    atexit.register(shutil.rmtree, os.environ["CHALKGRAD_CACHE"], ignore_errors=True)


def pytest_make_parametrize_id(config: Any, val: Any, argname: str) -> str | None:
    """Functions and settings by what they say, without the address in memory that tells processes apart."""
    return re.sub(r" at 0x\w+", "", str(val)) if isinstance(val, dict) or " at 0x" in repr(val) else None
