"""Native code that tests compile is kept in a folder of this run, not in the user's."""

import atexit
import os
import shutil
import tempfile

os.environ["CHALKGRAD_CACHE"] = tempfile.mkdtemp(prefix="chalkgrad-tests-")
atexit.register(shutil.rmtree, os.environ["CHALKGRAD_CACHE"], ignore_errors=True)
