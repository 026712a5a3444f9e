"""Mistakes of the first hour with the package, each with what is said: what was given, and what would work."""

import copy
import json
import math
import pickle
from collections.abc import Callable

import pytest

import autograd
import nn
import viz
from autograd import Value

X, Y = [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], [0, 1, 1, 0]


def v() -> Value:
    return Value(2.0, label="v")


def model() -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=0)


def fit(X: object, y: object, **settings: object) -> nn.History:
    return nn.fit(model(), X, y, **{"epochs": 1, "progress": False, **settings})  # type: ignore[arg-type]


def changed_in_place() -> nn.MLP:
    net = model()
    net.layers[0].neurons[0].w[1] += 1.0
    return net


def without_grad() -> None:
    x = v()
    x.grad = None  # type: ignore[assignment]
    (x * x).backward()


MISTAKES: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    # --- Numbers ---
    "math.sin": (lambda: math.sin(v()), TypeError, r"lose its gradient: read .data, or .* x\.exp\(\).*from autograd import math"),
    "float": (lambda: float(v()), TypeError, "read .data"),
    "a list's index": (lambda: [1, 2, 3][v()], TypeError, r"int\(x\) makes it one"),  # type: ignore[call-overload]
    "a list's factor": (lambda: [1] * v(), TypeError, "needs a real number, got list .* one Value for each element"),
    "text": (lambda: "a" + v(), TypeError, r"needs a real number, got str \('a'\); convert text with float"),
    "nothing": (lambda: v() + None, TypeError, "needs a real number, got NoneType"),
    "a Value of text": (lambda: Value("2"), TypeError, r"got str \('2'\); convert text with float"),
    "a Value of a list": (lambda: Value([1.0]), TypeError, "one Value for each element"),
    "a Value of a Value": (lambda: Value(v()), TypeError, r"use \+x .* or x.detach\(\)"),
    "data of a Value": (lambda: setattr(v(), "data", v()), TypeError, r"Value.data needs a real number, got Value"),
    "no grad": (without_grad, TypeError, r"the grad of v is NoneType \(None\).* set it to 0.0"),
    "JSON": (lambda: json.dumps(v()), TypeError, "Value is not JSON serializable"),
    "a copied graph": (lambda: copy.deepcopy(v() * 2), TypeError, r"result of multiply.* use .detach\(\)"),
    "a pickled graph": (lambda: pickle.dumps(v() * 2), TypeError, r"result of multiply.* use .detach\(\)"),
    "grad of a Value alone": (lambda: autograd.grad(v() * 2), TypeError, "needs the Values to differentiate by"),
    "grad of what gives nothing": (lambda: autograd.grad(lambda x: None)(1.0), TypeError, "the result .* got NoneType"),
    "compile of a number": (lambda: autograd.compile(3.0), TypeError, "needs a loss .* or a function, got float"),  # type: ignore[call-overload]
    # --- Samples ---
    "nested too deep": (lambda: fit([X], [0]), TypeError, r"X\[0\]\[0\] must be a number, got list .*: the row of a sample is flat"),
    "swapped": (lambda: fit(Y, X), ValueError, r"expects 2 input\(s\), got 1; .* X comes before y"),
    "one sample predicted": (lambda: model().predict(X[0]), ValueError, r"expects 2 input\(s\), got 1; .* \[\[…\]\] where it is alone"),
    "many samples called": (lambda: model()(X), TypeError, r"MLP takes one sample of 2 number\(s\), got rows: predict\(X\), or"),
    "Values": (lambda: fit([[v(), v()]], [0]), TypeError, r"X\[0\]\[0\] must be a number, got Value .*: give its .data"),
    "text of a CSV file": (lambda: fit([["0.5", "1"]], [0]), TypeError, r"X\[0\]\[0\] needs a real number, got str .*float"),
    "rows of a DictReader": (lambda: fit([{"a": 1.0}], [0]), TypeError, r"X\[0\] must be a row of numbers, got dict .*row.values"),
    "a set": (lambda: fit({(0, 1), (1, 0)}, [0, 1]), TypeError, "X must be a list, an array or a data frame, got set"),
    "a gap": (lambda: fit([[0.0, None]], [0]), TypeError, r"X\[0\]\[1\] needs a real number, got NoneType"),
    "nan": (lambda: fit([[0.0, math.nan]], [0]), ValueError, r"X\[0\]\[1\] is nan: expected a finite number; drop or fill"),
    "lengths": (lambda: fit(X, Y[:3]), ValueError, "same length, got 4 rows and 3 targets"),
    "no samples": (lambda: fit([], []), ValueError, "X is empty"),
    "class numbers from 1": (lambda: nn.fit(nn.MLP(2, [2]), X, [1, 2, 2, 1], loss="cross_entropy", epochs=1), ValueError, "0 to 1, got 2"),
    "words for three classes": (lambda: fit(X, ["a", "b", "c", "a"], loss="bce"), ValueError, "3 classes, .* 1 output"),
    "0 and 1 for hinge": (lambda: fit(X, Y, loss="hinge"), ValueError, r"-1 or 1, got 0.0; .* use bce, or 2\*y - 1"),
    # --- Settings ---
    "lr below 0": (lambda: fit(X, Y, lr=-1), ValueError, "lr must be .* at least 0, got -1"),
    "a huge lr": (lambda: fit(X, Y, lr=1e300, epochs=3), FloatingPointError, "try a smaller lr"),
    "no epochs": (lambda: fit(X, Y, epochs=0), ValueError, "epochs must be a whole number of at least 1, got 0"),
    "no batch": (lambda: fit(X, Y, batch_size=0), ValueError, "batch_size must be .* got 0"),
    "an activation misspelt": (lambda: nn.MLP(2, [1], activation="rleu"), ValueError, "unknown activation 'rleu': expected one of"),
    "a loss misspelt": (lambda: fit(X, Y, loss="mes"), ValueError, "unknown loss 'mes': expected one of mse"),
    "an optimizer's class": (lambda: fit(X, Y, optimizer=nn.Adam), TypeError, r"such as nn.Adam\(model.parameters\(\)\)"),
    "an optimizer of a model": (lambda: nn.SGD(model(), lr=0.1), TypeError, r"such as model.parameters\(\), got MLP"),  # type: ignore[arg-type]
    "one size for the layers": (lambda: nn.MLP(2, 3), TypeError, r"such as \[16, 16, 1\], got 3"),  # type: ignore[arg-type]
    # --- Weights and pictures ---
    "a weight changed in place": (lambda: changed_in_place().state_dict(), ValueError, r"weight.0.1 is the result of add, .* w\[1\].data"),
    "its optimizer": (lambda: nn.SGD([v() * 2], lr=0.1), ValueError, "result of multiply, not a leaf; .* write p.data -="),
    "a number drawn": (lambda: viz.draw(3.0), TypeError, "needs a Value or several, got float"),  # type: ignore[arg-type]
    "a model drawn": (lambda: viz.draw(model()), TypeError, "got MLP; viz.network draws a model"),  # type: ignore[arg-type]
    "a number as a network": (lambda: viz.network(3), ValueError, "a model with parameters, got int"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MISTAKES))
def test_what_is_said(name: str) -> None:
    make, error, said = MISTAKES[name]
    with pytest.raises(error, match=said):
        make()


def test_a_weight_changed_in_place_is_not_saved(tmp_path: object) -> None:
    """Nothing is written: a file without that weight could not be loaded."""
    path = f"{tmp_path}/model.safetensors"
    model().save(path)
    before = nn.load(path).state_dict()
    with pytest.raises(ValueError, match=r"layers\.0\.weight\.0\.1 is the result of add"):
        changed_in_place().save(path)
    assert nn.load(path).state_dict() == before
