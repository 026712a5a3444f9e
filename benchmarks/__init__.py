"""The claims about speed and memory, measured side by side with the alternatives: ``python -m benchmarks``.

``harness`` measures, ``report`` prints; every other module is a theme: a table ``ROWS`` of claims and the functions that measure
them. A new theme is a module named in ``THEMES``. Nothing here is asserted by a test: times belong to a machine and a day, and
only the ratios of one run are claimed.
"""

THEMES = (
    "two_moons",
    "training",
    "names",
    "solvers",
    "compiling",
    "calls",
    "ways",
    "memory",
    "depth",
    "start",
    "playground",
    "drawing",
)
