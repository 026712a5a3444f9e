"""Samples that part ways: plain Python with loops and branches, compiled on arrays, against JAX's ``vmap`` of ``while_loop``.

Glossary::

    Newton     the square root of a million numbers by Newton's iteration until it has converged, and its derivative
    escape     2·10⁵ points of the plane under z² + c until they are far away, at most 100 rounds: |z|² and its slopes by c
    distance   the package vincenty from PyPI, lifted: on the ellipsoid, for a million pairs of places, value and gradient
    barrier    a call option that is void once the price has fallen below a barrier: 10⁵ paths of 50 dates, five sensitivities

The functions are written for any kind of number: those of ``math`` in the plain loop, Values when they are recorded. Every contender has
one core: ours and JAX would take all, a plain loop cannot. The times are those of the second call, where it is not said otherwise.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import autograd
from benchmarks.calls import seconds_each
from benchmarks.harness import Contender, Row

ROUNDS, DATES = 100, 50
SIZES = {"newton": 1_000_000, "escape": 200_000, "distance": 1_000_000, "barrier": 100_000}


def newton(a: Any) -> Any:
    """The square root of a."""
    x = 0.5 * (1.0 + a)
    while abs(x * x - a) > 1e-12 * a:
        x = 0.5 * (x + a / x)
    return x


def escape(cx: Any, cy: Any) -> Any:
    """|z|² when z has left the disc of radius 2, or after all rounds."""
    x, y = cx, cy
    for _ in range(ROUNDS):
        if x * x + y * y > 4.0:
            break
        x, y = x * x - y * y + cx, 2.0 * x * y + cy
    return x * x + y * y


def barrier(price: Any, strike: Any, rate: Any, volatility: Any, years: Any, normals: Any) -> Any:
    """What the option is worth today along one path of normal numbers."""
    step = years / DATES
    drift, spread = (rate - 0.5 * volatility * volatility) * step, volatility * autograd.sqrt(step)
    for normal in normals:
        price = price * autograd.exp(drift + spread * normal)
        if price < 90.0:
            return 0.0 * price
    return autograd.relu(price - strike) * autograd.exp(-rate * years)


def points(name: str) -> list[Any]:
    """The arguments, arrays for many samples."""
    import numpy as np

    rng, n = np.random.default_rng(0), SIZES[name]
    if name == "newton":
        return [np.exp(rng.uniform(-7.0, 7.0, n))]
    if name == "escape":
        return [rng.uniform(-2.0, 1.0, n), rng.uniform(-1.5, 1.5, n)]
    if name == "distance":
        return [rng.uniform(low, high, n) for low, high in ((25, 50), (-125, -70), (35, 60), (-10, 30))]
    return [100.0, 105.0, 0.02, 0.3, 1.0, rng.normal(size=(n, DATES))]


def compiled(name: str) -> Any:
    """The compiled function."""
    functions: dict[str, Callable[..., Any]] = {"newton": newton, "escape": escape}
    if name == "distance":
        inverse = autograd.lift("vincenty").vincenty
        return autograd.compile(lambda a, b, c, d: inverse((a, b), (c, d)))
    if name == "barrier":
        return autograd.compile(barrier, vectors="normals", by=("price", "strike", "rate", "volatility", "years"))
    return autograd.compile(functions[name])


def on_one_core() -> None:
    """Keep this process to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def seconds_of(call: Callable[[], object]) -> float:
    """Seconds for one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def second_call(name: str) -> float:
    """Seconds for value and gradient of all samples in the second call: the first has recorded and compiled."""
    on_one_core()
    f, args = compiled(name), points(name)
    f.value_and_grad(*args)
    return seconds_of(lambda: f.value_and_grad(*args))


def first_call(name: str) -> float:
    """Seconds for the first call, with recording and compiling."""
    on_one_core()
    autograd.compile(lambda x: x * 2.0)(1.0)  # the packages imported
    f, args = compiled(name), points(name)
    return seconds_of(lambda: f.value_and_grad(*args))


def plain_loop() -> float:
    """The least seconds for the distances alone in plain Python, from a thousandth of the samples."""
    on_one_core()
    from vincenty import vincenty

    rows = list(zip(*[x.tolist() for x in points("distance")], strict=True))[::1000]

    def loop() -> None:
        for a, b, c, d in rows:
            vincenty((a, b), (c, d))

    return seconds_each(loop, 1, rounds=20) * 1000


def jax_s(name: str) -> float:
    """Seconds for JAX in the second call, from NumPy arrays to NumPy arrays."""
    on_one_core()
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    lax = jax.lax

    def root(a: Any) -> Any:
        return lax.while_loop(lambda x: jnp.abs(x * x - a) > 1e-12 * a, lambda x: 0.5 * (x + a / x), 0.5 * (1.0 + a))

    def escaped(cx: Any, cy: Any) -> Any:
        def goes_on(state: Any) -> Any:
            n, x, y = state
            return (n < ROUNDS) & (x * x + y * y <= 4.0)

        def moved(state: Any) -> Any:
            n, x, y = state
            return n + 1, x * x - y * y + cx, 2.0 * x * y + cy

        _, x, y = lax.while_loop(goes_on, moved, (0, cx, cy))
        return x * x + y * y

    def worth(price: Any, strike: Any, rate: Any, volatility: Any, years: Any, normals: Any) -> Any:
        step = years / DATES
        drift, spread = (rate - 0.5 * volatility * volatility) * step, volatility * jnp.sqrt(step)

        def dated(state: Any, normal: Any) -> Any:
            price, alive = state
            price = price * jnp.exp(drift + spread * normal)
            return (price, alive & (price >= 90.0)), None

        (price, alive), _ = lax.scan(dated, (price, True), normals)
        return jnp.where(alive, jnp.maximum(price - strike, 0.0) * jnp.exp(-rate * years), 0.0)

    derived = {
        "newton": jax.vmap(lambda a: jax.jvp(root, (a,), (1.0,))),
        "escape": jax.vmap(lambda *c: (escaped(*c), jax.jacfwd(escaped, argnums=(0, 1))(*c))),
        "barrier": jax.vmap(jax.value_and_grad(worth, argnums=(0, 1, 2, 3, 4)), in_axes=(None,) * 5 + (0,)),
    }
    f, args = jax.jit(derived[name]), points(name)
    jax.tree.map(np.asarray, f(*args))
    return seconds_of(lambda: jax.tree.map(np.asarray, f(*args)))


def _row(name: str, title: str, bar: float) -> Row:
    return Row(title, "s", Contender("chalkgrad", second_call, (name,)), Contender("JAX", jax_s, (name,), "jax"), bar=bar)


def _first(name: str, title: str) -> Row:
    return Row(title, "s", Contender("chalkgrad", first_call, (name,)), bar=2.0)


ROWS = [
    _row("newton", "Newton's square root, 10⁶ samples, value and gradient", 1.0),
    _first("newton", "the same, first call"),
    _row("escape", "escape in at most 100 rounds, 2·10⁵ samples, value and gradient", 1.0),
    _first("escape", "the same, first call"),
    Row(
        "vincenty of PyPI, lifted, 10⁶ samples, value and gradient",
        "s",
        Contender("chalkgrad", second_call, ("distance",), "vincenty"),
        Contender("plain Python, value", plain_loop, (), "vincenty"),
        bar=1 / 20,
    ),
    _row("barrier", "barrier option, 10⁵ paths of 50 dates, value and gradient", 1.0),
]
