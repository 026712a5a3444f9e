"""A program as a pure function of JAX arrays, for ``jit``, ``vmap``, ``grad`` and accelerators.

The function holds nothing but numbers and tables. Places in regular steps are slices, others gathers, so that XLA sees few and large
operations: as many as there are packs.
"""

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from autograd import ops
from autograd.compiler.program import Program
from autograd.compiler.targets import threefry
from autograd.compiler.targets.arrays import ArrayTarget, Places, outputs_of
from autograd.ops import Op

_NAMES: dict[Op, str] = {
    **{
        op: op.name
        for op in (ops.add, ops.subtract, ops.multiply, ops.divide, ops.negative, ops.sqrt, ops.floor, ops.exp, ops.expm1)
    },
    **{
        op: op.name
        for op in (ops.log, ops.log1p, ops.log2, ops.log10, ops.sin, ops.cos, ops.tan, ops.sinh, ops.cosh, ops.tanh, ops.cbrt)
    },
    **{op: f"arc{op.name[1:]}" for op in (ops.asin, ops.acos, ops.atan, ops.atan2, ops.asinh, ops.acosh, ops.atanh)},
    **{op: op.name for op in (ops.greater, ops.greater_equal, ops.less, ops.less_equal)},
    ops.absolute: "abs",
    ops.rint: "rint",
    ops.power_both: "power",
    ops.nextafter: "nextafter",
}
# Adding a constant from this size on rounds to whole numbers. XLA would take (x + c) − c for x.
ROUNDS = 2.0**52


@final
class Jax(ArrayTarget):
    """How ``jax.numpy`` says things."""

    def __init__(self, dtype: Any) -> None:
        import jax

        self._np, self._erf, self._dtype = jax.numpy, jax.scipy.special, dtype
        self._barrier: Any = jax.lax.optimization_barrier

    def constant(self, numbers: Any) -> Any:
        """An array."""
        return self._np.asarray(np.array(numbers, dtype=float), dtype=self._dtype)

    def take(self, x: Any, places: Places) -> Any:
        """Slices where the places lie in regular steps, else a gather."""
        if places.ndim == 2 and len(places) > 1 and (np.diff(places, axis=1) == 1).all() and len(set(np.diff(places[:, 0]))) == 1:
            step, width = int(places[1, 0] - places[0, 0]), places.shape[1]
            stop = int(places[0, 0]) + step * len(places)
            if step >= width and stop <= x.shape[-1]:
                return x[..., int(places[0, 0]) : stop].reshape(*x.shape[:-1], len(places), step)[..., :width]
        if places.ndim == 1 and (np.diff(places) == 1).all():
            return x[..., int(places[0]) : int(places[-1]) + 1] if len(places) else x[..., :0]
        return x[..., places]

    def joined(self, parts: Sequence[Any]) -> Any:
        """A concatenation."""
        shape = self._np.broadcast_shapes(*[part.shape[:-1] for part in parts])
        return self._np.concatenate([self._np.broadcast_to(part, (*shape, part.shape[-1])) for part in parts], axis=-1)

    def total(self, x: Any) -> Any:
        """A sum."""
        return x.sum(axis=-1)

    def product(self, weights: Any, x: Any) -> Any:
        """A matrix product."""
        return x @ weights.T

    def apply(self, op: Op, operands: Sequence[Any]) -> Any:
        """A function of ``jax.numpy``."""
        jnp = self._np
        if op in _NAMES:
            result = getattr(jnp, _NAMES[op])(*operands)
            if op is ops.add and any(isinstance(x, float) and abs(x) >= ROUNDS for x in operands):
                return self._barrier(result)
            return result.astype(self._dtype) if result.dtype == bool else result
        if op is ops.erf or op is ops.erfc:
            return getattr(self._erf, op.name)(*operands)
        if op is ops.select:
            return jnp.where(jnp.not_equal(operands[0], 0.0), operands[1], operands[2])
        if op is ops.sign:
            return jnp.sign(operands[0]) + 0.0
        if op is ops.modulo:
            return self._modulo(*operands)
        if op is ops.uniform_op:
            return self._uniform(*operands)
        if op is ops.fma:
            return None
        truths = [jnp.not_equal(x, 0.0) for x in operands]
        found = {ops.both: jnp.logical_and, ops.either: jnp.logical_or, ops.negation: jnp.logical_not}[op](*truths)
        return found.astype(self._dtype)

    def _uniform(self, *words: Any) -> Any:
        """TypeError in another type than float64: it does not hold words."""
        if self._dtype != np.float64:
            raise TypeError(
                f"random numbers are made from whole numbers of 32 bits, which {self._dtype} does not hold: use float64"
            )
        return threefry.on_arrays(self._np, *words)

    def _modulo(self, a: Any, b: Any) -> Any:
        """Python's a % b: C's fmod, moved to the sign of b."""
        jnp = self._np
        r = jnp.fmod(a, b)
        moved = jnp.where((r < 0.0) != (b < 0.0), r + b, r)
        return jnp.where(r == 0.0, jnp.copysign(0.0, b), moved)


def jax_function(
    program: Program, *, numbers: Sequence[float] = (), guards: Sequence[tuple[bool, str]] = ()
) -> Callable[[Any], Any]:
    """A pure function from an array of the shared inputs to an array of the outputs, in the type of its argument; leading axes are samples.

    The last inputs may be ``numbers`` that become part of it. Where a guard (see ``javascript``) is not met, the outputs are nan.
    ImportError without JAX.
    """
    try:
        import jax.numpy as jnp
    except ImportError as error:
        raise ImportError("a function for JAX needs JAX: pip install jax") from error
    width = program.n_shared - len(numbers)

    def function(inputs: Any) -> Any:
        x = jnp.asarray(inputs)
        if x.ndim == 0 or x.shape[-1] != width:
            raise ValueError(f"this needs an array whose last axis has {width} numbers, got the shape {x.shape}")
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)
        found = outputs_of(program, x, Jax(x.dtype), numbers=numbers, guards=guards)
        return jnp.broadcast_to(found, (*x.shape[:-1], found.shape[-1]))

    return function
