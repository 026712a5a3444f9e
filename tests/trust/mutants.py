"""The tests are tested by a tool: mutants that cosmic-ray makes of the engine's core, a sample of them, against the tests of the engine.

``python -m tests.trust.mutants 200`` (after ``pip install cosmic-ray``) tries so many, drawn by a seed, each in a copy of the repository,
and prints which survive. What was found is in ``mutants.md``.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import unified_diff
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[2]
MUTATED = ("autograd/ops/*.py", "autograd/value.py", "autograd/derivatives.py", "autograd/compiler/program.py")
# The quick ones first: most mutants do not come further. Then those of what is in the file.
QUICK = tuple(f"tests/autograd/test_{name}.py" for name in ("edges", "node", "derivatives", "graphs"))
OF_FILES = {
    "drawing.py": ("autograd/test_random.py",),
    "value.py": ("autograd/test_numpy.py", "autograd/test_protocol.py"),
    "derivatives.py": ("autograd/test_modes.py", "autograd/test_programs.py", "compiler/test_not_frozen.py"),
    "program.py": ("compiler/test_inside.py", "compiler/test_step.py", "compiler/test_functions.py"),
    "many.py": ("autograd/test_math.py", "autograd/test_rules.py", "autograd/test_take.py"),
}
OF_OPS = tuple(f"autograd/test_{name}.py" for name in ("math", "rules", "choosing", "inputs", "protocol"))
# Rows of the table of trust that those which are left must pass.
TRUST = (
    "edge table",
    "value of ops",
    "derivative of ops",
    "expressions of 40",
    "laws:",
    "bits: eager = numpy, points side by side",
)
# Floats have no bits, so that these fail wherever they run; the other two put names in that mean nothing there.
LEFT_OUT = ("_BitAnd", "_BitOr", "_BitXor", "_LShift", "_RShift", "_Invert", "VariableReplacer", "VariableInserter")
SECONDS = 900


class Mutant(NamedTuple):
    """A change that an operator of the tool makes to a file."""

    path: Path
    operator: str
    occurrence: int

    def sources(self) -> tuple[str, str]:
        """The file without and with it."""
        right = self.path.read_text(encoding="utf-8")
        return right, str(mutate_code(right, get_operator(self.operator)(), self.occurrence))

    def __str__(self) -> str:
        lines = list(unified_diff(*(source.splitlines() for source in self.sources()), n=0, lineterm=""))[2:]
        return "\n".join([f"{self.path.relative_to(ROOT)} {self.operator.removeprefix('core/')}", *lines])


def mutants() -> Iterator[Mutant]:
    """All that the tool makes of the core, in the order of the files."""
    for path in sorted(path for pattern in MUTATED for path in ROOT.glob(pattern)):
        nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
        for name in sorted(operator_names()):
            if not name.endswith(LEFT_OUT):
                operator = get_operator(name)()
                places = sum(1 for node in nodes for _ in operator.mutation_positions(node))
                yield from (Mutant(path, name, k) for k in range(places))


def tests_of(path: Path) -> list[str]:
    """The tests for a file."""
    return [*QUICK, *(f"tests/{name}" for name in OF_FILES.get(path.name, OF_OPS))]


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass in a copy of the repository with the mutant."""
    right, wrong = mutant.sources()
    place = copy / mutant.path.relative_to(ROOT)
    place.write_text(wrong, encoding="utf-8")
    python = [sys.executable, "-B", "-m"]
    commands = [
        [*python, "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests_of(mutant.path)],
        [*python, "tests.trust", *TRUST],
    ]
    # Nothing is taken from the cache of native code, whose keys do not know of mutants.
    settings = {**os.environ, "CHALKGRAD_CACHE": "", "PYTHONPATH": str(copy)}
    try:
        done = (subprocess.run(each, cwd=copy, capture_output=True, timeout=SECONDS, env=settings) for each in commands)
        return all(each.returncode == 0 for each in done)
    except subprocess.TimeoutExpired:
        return False
    finally:
        place.write_text(right, encoding="utf-8")


def main() -> int:
    """Try a sample of the mutants; exit status 1 if one survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust.mutants", description="A sample of mutants against the tests.")
    parser.add_argument("count", type=int, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    everyone = list(mutants())
    sample = random.Random(options.seed).sample(everyone, min(options.count, len(everyone)))
    survivors, tried = 0, 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.processes) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for k in range(options.processes):
            names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
            for name in filter(lambda name: (ROOT / name).is_file(), names):
                (Path(folder) / str(k) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, Path(folder) / str(k) / name)
            copies.put(Path(folder) / str(k))

        def tried_in_a_copy(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return survives(mutant, copy)
            finally:
                copies.put(copy)

        for mutant, is_alive in zip(sample, pool.map(tried_in_a_copy, sample), strict=True):
            tried, survivors = tried + 1, survivors + is_alive
            print(*([f"survives: {mutant}"] if is_alive else []), f"{tried - survivors} of {tried} killed", sep="\n", flush=True)
    print(f"{len(sample)} of {len(everyone)} mutants, {survivors} survive")
    return survivors > 0


if __name__ == "__main__":
    sys.exit(main())
