"""grad, value_and_grad, jacobian, hessian, hvp: shapes, nesting, mistakes; numbers against closed forms and mpmath."""

import math

import pytest
from mpmath import mp

import autograd as ag
from autograd import Value, check_gradients, grad, hessian, hvp, jacobian, value_and_grad
from tests.autograd.oracles import exact_gradient, exact_hessian, ulps

A = [[2.0, -1.0, 0.5], [-1.0, 3.0, 0.25], [0.5, 0.25, 1.0]]


def quadratic(x):  # type: ignore[no-untyped-def]
    """½ xᵀAx."""
    return 0.5 * ag.sum([a * x[i] * x[j] for i, row in enumerate(A) for j, a in enumerate(row)])


def rosenbrock(x):  # type: ignore[no-untyped-def]
    return 100.0 * (x[1] - x[0] * x[0]) ** 2 + (1.0 - x[0]) ** 2


# --- Shapes --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (lambda x: x * x, (3.0,), 6.0),
        (lambda x, y: x * y, (3.0, 5.0), (5.0, 3.0)),
        (lambda x: x[0] * x[1], ([3.0, 5.0],), [5.0, 3.0]),
        (lambda x: x[0] * x[1], ((3.0, 5.0),), (5.0, 3.0)),
        (lambda x: x[0][0] * x[1][1], ([[3.0, 1.0], [2.0, 5.0]],), [[5.0, 0.0], [0.0, 3.0]]),
        (lambda w, b: ag.dot(w, [1.0, 2.0], b), ([3.0, 4.0], 5), ([1.0, 2.0], 1.0)),
        (lambda x: 7.0, (3.0,), 0.0),
        (lambda x: x > 1, (3.0,), 0.0),
        (lambda x: x[0] * 1, ([3, []],), [1.0, []]),
    ],
)
def test_grad_has_the_shape_of_the_arguments(f, at, expected) -> None:  # type: ignore[no-untyped-def]
    assert grad(f)(*at) == expected
    assert value_and_grad(f)(*at)[1] == expected
    assert type(value_and_grad(f)(*at)[0]) is float


def test_grad_over_values_has_the_shape_of_xs() -> None:
    x, y, unused = Value(3.0), Value(5.0), Value(7.0)
    z = x * y
    slopes = grad(z, [x, (y, unused)])
    assert type(slopes[1]) is tuple
    assert [slopes[0].data, slopes[1][0].data, slopes[1][1].data] == [5.0, 3.0, 0.0]
    assert grad(z, z).data == 1.0
    assert grad(z, x).data == 5.0


def test_grad_by_a_node_in_between() -> None:
    x = Value(3.0)
    middle = x * x
    y = middle * middle
    assert [v.data for v in grad(y, [middle, x])] == [18.0, 108.0]


# --- Numbers -------------------------------------------------------------------------------------------------------------------


def test_higher_derivatives_of_a_power() -> None:
    f, expected = (lambda x: x**5), [5 * 16.0, 20 * 8.0, 60 * 4.0, 120 * 2.0, 120.0, 0.0]
    for e in expected:
        f = grad(f)
        assert f(2.0) == e


@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (ag.tanh, mp.tanh),
        (ag.sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
        (ag.sin, mp.sin),
        (lambda x: ag.exp(ag.sin(x)) / x, lambda x: mp.exp(mp.sin(x)) / x),
        (lambda x: x**x, lambda x: x**x),
        (lambda x: ag.sqrt(1 + x * x), lambda x: mp.sqrt(1 + x * x)),
        (lambda x: ag.log(x) * ag.atan(x), lambda x: mp.log(x) * mp.atan(x)),
    ],
)
def test_derivatives_of_orders_1_to_4(f, exact) -> None:  # type: ignore[no-untyped-def]
    for order in range(1, 5):
        f = grad(f)
        for x in (0.3, 0.7, 1.9):
            with mp.workprec(2000):
                expected = float(mp.diff(exact, mp.mpf(x), order))
            at = f"order {order} at {x}: got {f(x)!r}, expected {expected!r}"
            assert abs(f(x) - expected) <= 1e-13 * max(1.0, abs(expected)), at


def test_hessian_of_a_quadratic_form_is_its_matrix() -> None:
    assert hessian(quadratic)([0.3, -0.7, 1.1]) == A
    x, v = [0.3, -0.7, 1.1], [1.0, 2.0, -1.0]
    assert hvp(quadratic)(x, v) == pytest.approx([math.fsum(a * e for a, e in zip(row, v, strict=True)) for row in A], rel=1e-15)


def test_rosenbrock() -> None:
    at = [-1.2, 1.0]
    exact_f = lambda a, b: 100 * (b - a * a) ** 2 + (1 - a) ** 2  # noqa: E731 -- the oracle beside its use
    for got, expected in zip(grad(rosenbrock)(at), exact_gradient(exact_f, tuple(at)), strict=True):
        assert ulps(got, expected) <= 8, f"got {got!r}, expected {expected}"
    rows = hessian(rosenbrock)(at)
    for row, exact_row in zip(rows, exact_hessian(exact_f, tuple(at)), strict=True):
        for got, expected in zip(row, exact_row, strict=True):
            assert ulps(got, expected) <= 8, f"got {got!r}, expected {expected}"
    product = hvp(rosenbrock)(at, [1.0, -2.0])
    assert product == pytest.approx([row[0] - 2.0 * row[1] for row in rows], rel=1e-14)
    check_gradients(rosenbrock, at)


def test_jacobian_of_polar_coordinates() -> None:
    r, t = 2.0, 0.7
    got = jacobian(lambda r, t: [r * ag.cos(t), r * ag.sin(t)])(r, t)
    assert got == [(math.cos(t), -(r * math.sin(t))), (math.sin(t), r * math.cos(t))]


def test_jacobian_with_constant_and_repeated_results() -> None:
    assert jacobian(lambda x: [x[0], 5.0, (x[1], x[1])])([2.0, 3.0]) == [[1.0, 0.0], [0.0, 0.0], ([0.0, 1.0], [0.0, 1.0])]


def test_hessian_of_several_arguments() -> None:
    assert hessian(lambda x, y: x * x * y)(3.0, 5.0) == ((10.0, 6.0), (6.0, 0.0))
    assert hvp(lambda x, y: x * x * y)(3.0, 5.0, (1.0, 2.0)) == (22.0, 6.0)


def test_perturbations_are_not_confused() -> None:
    """d/dx [x · d/dy (x + y)] is 1; an engine that mixes up the two variables says 2 (Siskind and Pearlmutter 2005)."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x * x * y * y)(x))(2.0) == pytest.approx(6 * 2.0**2)
    assert grad(lambda x: grad(lambda x: x * x)(x) * x)(3.0) == 12.0


def test_a_derivative_inside_another_hands_out_values() -> None:
    inside = []
    grad(lambda x: inside.append(grad(lambda y: y * y)(x)) or x)(3.0)
    assert type(inside[0]) is Value
    assert grad(lambda x: hessian(lambda y: y[0] ** 3 * y[1])([x, 2.0])[0][0])(5.0) == 12.0


def test_a_gradient_is_a_graph() -> None:
    x = Value(3.0)
    slope = grad(x**3, x)
    slope.backward()
    assert (slope.data, x.grad) == (27.0, 18.0)


def test_arguments_by_name_are_handed_on_as_they_are() -> None:
    def power(x, n=1, *, sign="+"):  # type: ignore[no-untyped-def]
        y = [x**n, 5.0 * x][n > 3]
        return y if sign == "+" else -y

    assert value_and_grad(power)(2.0, n=3) == (8.0, 12.0)
    assert grad(power)(2.0, n=3, sign="-") == -12.0
    assert (jacobian(power)(2.0, n=2), hessian(power)(2.0, n=3), hvp(power)(2.0, 10.0, n=3)) == (4.0, 12.0, 120.0)
    with pytest.raises(TypeError, match="at least one argument"):
        grad(power)(x=2.0)


# --- Mistakes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda: grad(3.0), TypeError, r"grad needs a function or a Value, got float \(3\.0\)"),
        (lambda: grad(lambda x: x, 2.0), TypeError, r"grad\(f\)\(x\)"),
        (lambda: grad(Value(1.0), 2.0), TypeError, r"needs the Values to differentiate by, got float \(2\.0\)"),
        (lambda: grad(Value(1.0), None), TypeError, "needs the Values to differentiate by, got NoneType"),
        (lambda: grad(lambda: 1.0)(), TypeError, "needs at least one argument"),
        (lambda: grad(lambda x: "x")(1.0), TypeError, "the result of a differentiated function needs a real number, got str"),
        (lambda: grad(lambda x: [x])(1.0), TypeError, "the result of a differentiated function needs a real number, got list"),
        (lambda: grad(lambda n: sum(range(n)))(3), TypeError, r"no index and no count by itself: int\(x\)"),
        (lambda: ag.compile(lambda n, x: sum(x for _ in range(n)))(2.0, 1.0), TypeError, r"int\(x\)"),
        (lambda: [1.0, 2.0][Value(1.0)], TypeError, r"autograd.take\(xs, x\)"),
        (lambda: grad(lambda x: x)("3"), TypeError, "needs a real number, got str"),
        (lambda: hvp(quadratic)([1.0, 2.0, 3.0], [1.0]), ValueError, "a vector with 3 numbers.*got 1"),
        (lambda: hvp(quadratic)([1.0, 2.0, 3.0], [1.0] * 4), ValueError, "a vector with 3 numbers.*got 4"),
        (lambda: check_gradients(lambda x: x, "1"), TypeError, "check_gradients needs a real number, got str"),
    ],
)
def test_mistakes_are_named(mistake, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message):
        mistake()
