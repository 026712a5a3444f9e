"""Learning rates that change, gradients cut, penalties, parts that stay: against PyTorch, and compiled against eager."""

import math
from collections.abc import Callable
from typing import Any

import pytest

import nn
from autograd.compiler import engines
from nn import schedules
from nn.clipping import Clip
from nn.losses import penalty
from nn.schedules import Schedule

X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.5]]
Y = [0, 1, 1, 0, 1]
QUIET: dict[str, Any] = {"progress": False, "loss": "bce"}
needs_llvm = pytest.mark.skipif(not engines.is_installed("llvm"), reason="needs llvmlite")


def model_of() -> nn.MLP:
    return nn.MLP(2, [4, 1], activation="tanh", seed=0)


def trained(engine: str = "eager", optimizer: Any = "adam", **settings: Any) -> tuple[nn.MLP, nn.History]:
    model = model_of()
    chosen = optimizer(model) if callable(optimizer) else optimizer
    return model, nn.fit(model, X, Y, optimizer=chosen, engine=engine, **(QUIET | {"epochs": 6} | settings))


SCHEDULES: dict[str, tuple[Schedule, Callable[[Any, Any], Any]]] = {
    "cosine": (schedules.cosine(0.1, 20), lambda torch, o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=20)),
    "step": (schedules.stepwise(0.1, 6, 0.3), lambda torch, o: torch.optim.lr_scheduler.StepLR(o, step_size=6, gamma=0.3)),
    "warm-up": (
        schedules.warm_up(0.1, 8),
        lambda torch, o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 8, end_factor=1.0, total_iters=7),
    ),
}


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_the_rates_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = SCHEDULES[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = theirs(torch, optimizer)
    for step in range(1, 21):
        expected = optimizer.param_groups[0]["lr"]
        assert ours(step) == pytest.approx(expected, rel=1e-12, abs=1e-15), f"step {step}: got {ours(step)}, expected {expected}"
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("name", ["cosine", "step", "warm-up"])
def test_a_schedule_by_name_goes_over_all_steps(name: str) -> None:
    steps = 6 * 3
    named, _ = trained(lr=name, batch_size=2, seed=0)
    given, _ = trained(lr=schedules.SCHEDULES[name](0.01, steps), batch_size=2, seed=0)
    by_hand = model_of()
    adam = nn.Adam(by_hand.parameters())
    rates = [schedules.SCHEDULES[name](0.01, steps)(step) for step in range(1, steps + 1)]
    nn.fit(
        by_hand, X, Y, epochs=1, batch_size=2, seed=0, **QUIET,
        optimizer=nn.Adam(by_hand.parameters(), lr=lambda step: rates[step - 1]),
    )  # fmt: skip
    assert named.state_dict() == given.state_dict() != by_hand.state_dict() != model_of().state_dict()
    assert adam.rate(7) == adam.lr == 0.01


def steep(step: int) -> float:
    """A schedule that no recording could hold."""
    return 0.3 if step % 3 else 0.01


PENALTIES: list[dict[str, Any]] = [
    {"lr": "cosine"},
    {"lr": steep},
    {"clip": 0.05},
    {"l1": 0.01},
    {"l1": 0.01, "l2": 0.1, "clip": 1.0, "lr": "warm-up"},
]


@needs_llvm
@pytest.mark.parametrize("engine", ["llvm", "numpy"])
@pytest.mark.parametrize("settings", PENALTIES)
@pytest.mark.parametrize("batch_size", [None, 2])
def test_compiled_is_eager_to_the_bit(engine: str, settings: dict[str, Any], batch_size: int | None) -> None:
    (one, expected), (other, got) = (trained(e, batch_size=batch_size, seed=1, **settings) for e in ("eager", engine))
    assert got.loss == expected.loss
    assert other.state_dict() == one.state_dict()
    assert [p.grad for p in other.parameters()] == [p.grad for p in one.parameters()]


@needs_llvm
def test_clips_that_differ_share_no_code() -> None:
    runs = [trained("llvm", clip=clip)[0].state_dict() for clip in (0.01, 0.02, 0.01)]
    assert runs[0] == runs[2] != runs[1]


@needs_llvm
def test_a_schedule_goes_on_where_it_was() -> None:
    """Two fits with one optimizer are one fit, in stretches or not; and lr is the rate of the last step."""
    runs = []
    for parts in ([6], [2, 4]):
        for engine in ("eager", "llvm"):
            model = model_of()
            adam = nn.Adam(model.parameters(), lr=schedules.cosine(0.1, 6))
            for epochs in parts:
                nn.fit(model, X, Y, optimizer=adam, epochs=epochs, engine=engine, **QUIET)
            runs.append((model.state_dict(), adam.lr))
    assert all(run == runs[0] for run in runs)
    assert runs[0][1] == schedules.cosine(0.1, 6)(6)


@pytest.mark.parametrize("limit", [0.5, 5.0, 50.0])
def test_the_cut_is_torchs(limit: float) -> None:
    torch = pytest.importorskip("torch")
    gradients = [3.0, -4.0, 12.0, 0.0]
    parameter = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    parameter.grad = torch.tensor(gradients, dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([parameter], limit)
    assert Clip(limit).scaled(gradients) == pytest.approx(parameter.grad.tolist(), rel=1e-6)  # torch divides by the norm + 1e-6
    assert math.hypot(*Clip(limit).scaled(gradients)) == pytest.approx(min(limit, 13.0), rel=1e-15)
    assert Clip(limit).scaled([0.0, 0.0]) == [0.0, 0.0]


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.01)])
def test_penalties_are_torchs(l1: float, l2: float) -> None:
    torch = pytest.importorskip("torch")
    model = model_of()
    model.parameters()[3].data = -0.0
    numbers = torch.tensor([p.data for p in model.parameters()], dtype=torch.float64, requires_grad=True)
    expected = l2 * (numbers**2).sum() + l1 * numbers.abs().sum()
    expected.backward()
    got = penalty(l2, model.parameters(), l1)
    got.backward()
    assert got.data == pytest.approx(expected.item(), rel=1e-14)
    assert [p.grad for p in model.parameters()] == pytest.approx(numbers.grad.tolist(), rel=1e-15, abs=0.0)


# --- Parts that stay -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["eager", pytest.param("llvm", marks=needs_llvm)])
def test_only_what_is_trainable_learns(engine: str) -> None:
    model, other = model_of(), model_of()
    before = model.state_dict()
    bias = model.layers[0].neurons[0].b
    nn.fit(model, X, Y, trainable=[bias, model.layers[1]], epochs=4, engine=engine, **QUIET)
    after = model.state_dict()
    assert after["layers.0.weight"] == before["layers.0.weight"] and after["layers.1.weight"] != before["layers.1.weight"]
    assert after["layers.0.bias"][1:] == before["layers.0.bias"][1:] != after["layers.0.bias"][:1]  # type: ignore[index]
    adam = nn.Adam([other.layers[0].neurons[0].b, *other.layers[1].parameters()])
    nn.fit(other, X, Y, optimizer=adam, epochs=4, engine=engine, **QUIET)
    assert other.state_dict() == after


@needs_llvm
def test_what_stays_costs_no_work_in_compiled_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler import training
    from autograd.compiler.targets.llvm import training as native

    sizes: list[int] = []
    programs = training.batch_program
    monkeypatch.setattr(
        native, "batch_program", lambda *a, **k: sizes.append(programs(*a, **k).normal_nodes) or programs(*a, **k)
    )
    whole, last = nn.MLP(2, [9, 9, 1], activation="tanh", seed=0), nn.MLP(2, [9, 9, 1], activation="tanh", seed=0)
    forward = training.sample_program([last([1.0, 2.0])], last.parameters(), []).normal_nodes
    nn.fit(whole, X, Y, epochs=1, engine="llvm", **QUIET)
    nn.fit(last, X, Y, epochs=1, engine="llvm", trainable=last.layers[-1], **QUIET)
    assert sizes[1] - forward < 0.2 * (sizes[0] - forward), sizes


# --- What is refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": "cosinus"}, "unknown schedule lr='cosinus': expected one of cosine, step, warm-up, a rate, or a function"),
        ({"lr": lambda step: None}, "the schedule gave None for step 1: expected a number, the learning rate"),
        ({"lr": lambda step: -0.1}, "the learning rate of step 1 must be a finite number of at least 0, got -0.1"),
        ({"lr": math.nan}, "lr must be a finite number of at least 0, got nan"),
        ({"lr": [0.1]}, "lr must be a number or a function of the step, got list"),
        ({"optimizer": lambda m: nn.SGD(m.parameters()), "lr": 0.1}, r"lr goes with the name of an optimizer; SGD\(lr=0.1"),
        ({"optimizer": lambda m: nn.SGD(m.parameters()), "trainable": []}, "trainable goes with the name of an optimizer"),
        ({"optimizer": lambda m: nn.SGD(m.parameters(), lr="cosine")}, "schedules by name are for nn.fit; here give a function"),
        ({"clip": 0.0}, "clip, the largest norm of the gradient, must be a finite number above 0, got 0.0"),
        ({"clip": -1}, "clip, the largest norm of the gradient, must be a finite number above 0, got -1"),
        ({"clip": "1"}, r"clip needs a real number, got str \('1'\)"),
        ({"l1": -1.0}, "l1 must be a finite number of at least 0, got -1.0"),
        ({"l2": math.nan}, "l2 must be a finite number of at least 0, got nan"),
        ({"l1": None}, "l1 needs a real number, got NoneType"),
        ({"lr": lambda step: "0.1"}, "the schedule gave '0.1' for step 1: expected a number, the learning rate"),
        ({"lr": lambda step: math.inf}, "the learning rate of step 1 must be a finite number of at least 0, got inf"),
        ({"optimizer": lambda m: nn.Adam}, r"optimizer must be a name, such as 'adam', or an optimizer, .*, got <class"),
        ({"epochs": True}, "epochs must be a whole number of at least 1, got True"),
        ({"batch_size": "2"}, "batch_size must be a whole number of at least 1, got '2'"),
        ({"callbacks": [1]}, r"callbacks\[0\] must be a function of the epoch and the history, got int"),
        ({"callbacks": print}, "callbacks must be a list of functions, got builtin_function_or_method"),
        ({"trainable": []}, "trainable must hold layers or parameters of this model, got none$"),
        (
            {"trainable": [nn.Layer(2, 2)]},
            r"trainable must hold layers or parameters of this model, got 6 parameter\(s\) that are not its",
        ),
        ({"trainable": ["layers.0"]}, r"trainable\[0\] must be a layer or a parameter of the model, got str"),
    ],
)
def test_bad_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        trained(**change)


def test_a_schedule_that_goes_astray_is_named() -> None:
    for engine in ("eager", "llvm") if engines.is_installed("llvm") else ("eager",):
        with pytest.raises(ValueError, match="the learning rate of step 3 must be a finite number of at least 0, got nan"):
            trained(engine, lr=lambda step: math.nan if step == 3 else 0.1)
