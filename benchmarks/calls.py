"""Compiled functions called: what a call costs, and what a million samples cost.

Glossary::

    call      a function of one number, or the gradient by 50, again and again with other numbers
    paths     the price of a European call option and its sensitivities, as the mean over a million random paths and its gradient
    samples   the price of a European call option by Black and Scholes at a million points, five inputs each, as NumPy arrays in and out
"""

import time
from collections.abc import Callable
from typing import Any

import autograd
from benchmarks.harness import Contender, Row

CALLS, SAMPLES = 20_000, 1_000_000


def seconds_each(call: Callable[[], object], repetitions: int, rounds: int = 5) -> float:
    """The least mean time of a call among some rounds, after one that records and compiles."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repetitions):
            call()
        times.append((time.perf_counter() - start) / repetitions)
    return min(times)


def curve(x: Any) -> Any:
    """A scalar function."""
    return x * x * 3.0 + x / (1.0 + x * x)


def bowl(xs: Any) -> Any:
    """A function of several numbers."""
    return sum([x * x * 0.5 for x in xs])


def scalar_call() -> float:
    """Seconds for a compiled function of one float."""
    f = autograd.compile(curve)
    return seconds_each(lambda: f(1.5), CALLS)


def scalar_call_jax() -> float:
    """The same with JAX, waiting for the number."""
    import jax

    jax.config.update("jax_enable_x64", True)
    f = jax.jit(curve)
    return seconds_each(lambda: f(1.5).block_until_ready(), CALLS)


def gradient_call(kind: str) -> float:
    """Seconds for the gradient by 50 numbers in a list, or in an array."""
    import numpy as np

    numbers = [0.1 * i for i in range(50)]
    f = autograd.compile(bowl, vectors="xs")
    x = numbers if kind == "list" else np.array(numbers)
    return seconds_each(lambda: f.grad(x), CALLS)


def gradient_call_jax() -> float:
    """The same with JAX, from an array of its own to one."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(x * x * 0.5)))
    x = jnp.array([0.1 * i for i in range(50)])
    return seconds_each(lambda: gradient(x).block_until_ready(), CALLS)


def black_scholes(functions: Any, price: Any, strike: Any, years: Any, rate: Any, volatility: Any) -> Any:
    """The price of a European call option (Black and Scholes 1973), with the functions of a library."""
    spread = volatility * functions.sqrt(years)
    d1 = (functions.log(price / strike) + (rate + 0.5 * volatility * volatility) * years) / spread
    d2 = d1 - spread

    def normal(d: Any) -> Any:
        return 0.5 * (1.0 + functions.erf(d * 0.7071067811865476))

    return price * normal(d1) - strike * functions.exp(-rate * years) * normal(d2)


def options() -> list[Any]:
    """A million options: price, strike, years, rate, volatility."""
    import numpy as np

    rng = np.random.default_rng(0)
    ranges = [(50.0, 150.0), (50.0, 150.0), (0.1, 2.0), (0.0, 0.1), (0.1, 0.5)]
    return [rng.uniform(low, high, SAMPLES) for low, high in ranges]


def samples(what: str, fast: bool) -> float:
    """Seconds for all options: "value", or "value_and_grad"."""
    f = autograd.compile(lambda *args: black_scholes(autograd, *args), fast=fast)
    args = options()
    return seconds_each(lambda: f.value_and_grad(*args) if what == "value_and_grad" else f(*args), 3)


def samples_jax(what: str) -> float:
    """The same with JAX, from NumPy arrays to NumPy arrays."""
    import types

    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    functions = types.SimpleNamespace(sqrt=jnp.sqrt, log=jnp.log, exp=jnp.exp, erf=jax.scipy.special.erf)

    def price(*args: Any) -> Any:
        return black_scholes(functions, *args)

    derived = jax.vmap(jax.value_and_grad(price, argnums=(0, 1, 2, 3, 4))) if what == "value_and_grad" else price
    f = jax.jit(derived)
    args = options()
    return seconds_each(lambda: jax.tree.map(np.asarray, f(*args)), 3)


# Price, strike, rate, volatility, years.
OPTION = (100.0, 105.0, 0.03, 0.2, 1.5)


def payoff(functions: Any, price: Any, strike: Any, rate: Any, volatility: Any, years: Any, z: Any) -> Any:
    """What the option pays at the end of a path with the normal number z, discounted."""
    growth = (rate - 0.5 * volatility * volatility) * years + volatility * functions.sqrt(years) * z
    return functions.exp(-rate * years) * functions.relu(price * functions.exp(growth) - strike)


def paths() -> float:
    """Seconds for price and five sensitivities, drawn and added up."""
    import numpy as np

    from autograd.random import Key, normal

    option = [autograd.Value(x) for x in OPTION]
    f = autograd.compile(lambda path: payoff(autograd, *option, normal(Key(7, sample=path))), fast=True)
    numbers = np.arange(float(SAMPLES))

    def means() -> list[float]:
        for v in option:
            v.grad = 0.0
        price = f.backward(numbers)
        return [x / SAMPLES for x in (price, *[v.grad for v in option])]

    return seconds_each(means, 3)


def paths_jax() -> float:
    """The same with JAX, drawing anew each time."""
    import types

    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    functions = types.SimpleNamespace(sqrt=jnp.sqrt, exp=jnp.exp, relu=lambda x: jnp.maximum(x, 0.0))

    def mean(numbers: Any, key: Any) -> Any:
        return jnp.mean(payoff(functions, *numbers, jax.random.normal(key, (SAMPLES,))))

    f, key, numbers = jax.jit(jax.value_and_grad(mean)), jax.random.key(7), jnp.array(OPTION)
    return seconds_each(lambda: jax.block_until_ready(f(numbers, key)), 3)


_JAX_CALL = Contender("JAX", scalar_call_jax, needs="jax")
_JAX_GRADIENT = Contender("JAX", gradient_call_jax, needs="jax")


def _samples(what: str, fast: bool, bar: float | None) -> Row:
    title = f"10⁶ options, {'value and gradient' if what == 'value_and_grad' else 'value'}, {'fast' if fast else 'strict'}"
    return Row(title, "s", Contender("chalkgrad", samples, (what, fast)), Contender("JAX", samples_jax, (what,), "jax"), bar=bar)


ROWS = [
    Row("call: a function of one number", "s", Contender("chalkgrad", scalar_call), _JAX_CALL, bar=0.8),
    Row(
        "call: the gradient by 50 numbers, a list", "s", Contender("chalkgrad", gradient_call, ("list",)), _JAX_GRADIENT, bar=1.5
    ),
    Row(
        "call: the gradient by 50 numbers, an array",
        "s",
        Contender("chalkgrad", gradient_call, ("array",)),
        _JAX_GRADIENT,
        bar=0.8,
    ),
    _samples("value", fast=False, bar=0.8),
    _samples("value_and_grad", fast=False, bar=0.7),
    _samples("value", fast=True, bar=0.8),
    _samples("value_and_grad", fast=True, bar=0.7),
    Row(
        "10⁶ random paths: price and sensitivities, fast",
        "s",
        Contender("chalkgrad", paths),
        Contender("JAX", paths_jax, needs="jax"),
        bar=1.0,
    ),
]
