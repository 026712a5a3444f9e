"""The command line: what it prints and writes, how it ends, and that its recipes learn what they claim."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nn
from nn.__main__ import RECIPES, main, small_graph
from nn.data import DATASETS

ROOT = Path(__file__).parents[2]
FILES = ["boundary.svg", "graph.svg", "loss.svg", "model.safetensors"]


def test_a_run_prints_and_writes_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["xor", "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        "data       xor: 4 samples, none held out; 2 features, 2 classes",
        "model      MLP 2-4-1, tanh, 17 parameters",
        "training   bce, adam with lr 0.1, 150 epochs, batches of 4",
    ]
    assert "accuracy   train 100.0% of 4\n" in out
    assert all(str(tmp_path / name) in out for name in FILES)
    assert re.search(r"epoch 150/150  loss 0\.\d+  accuracy 100\.0%", err)
    assert out.splitlines()[-1] == f"           {tmp_path / 'report.html'} (everything on one page)"
    assert sorted(os.listdir(tmp_path)) == sorted([*FILES, "report.html"])
    assert all((tmp_path / name).read_text(encoding="utf-8").rstrip().endswith("</svg>") for name in FILES[:3])
    data = nn.xor()
    assert nn.load(tmp_path / "model.safetensors").accuracy(data.X, data.y) == 1.0


def test_options_reach_the_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = "--hidden 3 2 --activation relu --optimizer sgd --lr 0.25 --epochs 2 --batch-size 50 --seed 7"
    assert main(["moons", *options.split(), "--out", str(tmp_path / "a" / "b")]) == 0
    out = capsys.readouterr().out
    assert "moons: 150 samples, 50 held out" in out
    assert "MLP 2-3-2-1, relu, 20 parameters" in out
    assert "bce, sgd with lr 0.25, 2 epochs, batches of 50" in out
    assert re.search(r"accuracy   train \d+\.\d% of 150, held-out \d+\.\d% of 50", out)
    assert repr(nn.load(tmp_path / "a" / "b" / "model.safetensors").layers[1]) == "Layer of [ReLUNeuron(3), ReLUNeuron(3)]"


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        assert main(["xor", "--epochs", "3", "--out", str(tmp_path / name)]) == 0
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["iris", "--epochs", "1"]) == 0
    assert "boundary.svg" not in os.listdir(tmp_path / "runs" / "iris")


def test_without_matplotlib(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["xor", "--epochs", "1", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert re.search(r'\(no loss.svg: .*pip install "chalkgrad\[plots\]"\)', out)
    assert sorted(os.listdir(tmp_path)) == ["graph.svg", "model.safetensors", "report.html"]


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_graph_is_small_and_has_gradients(name: str) -> None:
    recipe = RECIPES[name]
    data = DATASETS[name](**recipe.draw)
    outputs = len(data.classes) if len(data.classes) > 2 else 1
    root, _ = small_graph(nn.MLP(len(data.features), [*recipe.hidden, outputs], activation="tanh", seed=0), data)
    assert root.grad == 1.0
    assert any(v.grad for v in root._prev)


# --- Errors --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("mnist", "unknown data set 'mnist': expected one of xor, moons, circles, spiral, iris, digits"),
        ("moons --activation rely", "unknown activation 'rely': expected one of linear, relu"),
        ("moons --optimizer adan", "unknown optimizer 'adan': expected one of sgd, adam, adamw"),
        ("moons --lr -1", "lr must be a finite number of at least 0, got -1.0"),
        ("moons --lr nan", "lr must be a finite number of at least 0, got nan"),
        ("moons --lr fast", "argument --lr: expected a number or one of cosine, step, warm-up, got 'fast'"),
        ("moons --epochs 0", "epochs must be a whole number of at least 1, got 0"),
        ("moons --batch-size 0", "batch_size must be a whole number of at least 1, got 0"),
        ("moons --dropout 1", "p is the share of inputs that are dropped, from 0 up to but not including 1, got float (1.0)"),
        ("xor --dropout 0.2 --optimizer lbfgs", "but the model draws random numbers: use 'adam' for it"),
        ("xor --patience 3", "patience=3 waits for the validation loss"),
        ("xor --validation 2", "validation as a share of the samples must lie between 0 and 1, got 2.0"),
        ("xor --clip -1", "clip, the largest norm of the gradient, must be a finite number above 0, got -1.0"),
        ("xor --l1 -1", "l1 must be a finite number of at least 0, got -1.0"),
        ("xor --optimizer lm", 'optimizer="lm" needs a sum of squares, loss="mse" or "half_sse" without l1'),
        ("xor --optimizer lbfgs --batch-size 2", "takes all samples at once and finds its own steps: leave out batch_size"),
        ("moons --hidden 0", "nouts[0] must be a whole number of at least 1, got 0"),
        ("--hidden 16 16 moons", "must be a whole number, got 'moons'; DATASET stands before --hidden"),
        ("moons --colour", "unrecognized arguments: --colour"),
        ("xor --out {file}/below", "Not a directory"),
        ("moons --lr 1e200 --optimizer sgd --activation relu", "try a smaller lr than 1e+200"),
    ],
)
def test_errors_are_one_line(arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    words = [word.format(file=tmp_path / "file") for word in arguments.split()]
    try:
        code = main([*words, "--out", str(tmp_path / "out")] if "--out" not in words else words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    last = capsys.readouterr().err.strip("\n").splitlines()[-1]
    assert code == 2
    assert message in last
    assert "Traceback" not in last


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--optimizer", "lbfgs", "--l2", "1e-4", "--epochs", "30"], "bce, lbfgs, 30 epochs\n"),
        (["--dropout", "0.2", "--epochs", "5"], "MLP 2-4-1, tanh, 17 parameters, dropout 0.2\n"),
        (["--lr", "cosine", "--epochs", "5"], "bce, adam with lr cosine, 5 epochs, batches of 4\n"),
        (["--clip", "1", "--l1", "1e-4", "--balanced", "--validation", "0.25", "--patience", "2", "--epochs", "9"], "9 epochs"),
    ],
)
def test_ways_to_train(options: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "lbfgs" in options:
        pytest.importorskip("scipy")
    assert main(["xor", *options, "--out", str(tmp_path)]) == 0
    assert says in capsys.readouterr().out
    assert (tmp_path / "model.safetensors").exists()


def test_without_scikit_learn(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["digits", "--out", str(tmp_path)]) == 2
    assert 'pip install "chalkgrad[data]"' in capsys.readouterr().err


def test_help_reads_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(name in out for name in RECIPES)
    assert "examples:" in out and "python -m nn spiral --hidden 24 24" in out


# --- Ctrl-C --------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_and_saves(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nn", "moons", "--epochs", "100000", "--out", str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_default_interrupt
    )
    try:
        assert process.stderr is not None
        shown = ""
        while "loss" not in shown:  # the progress bar of the first epochs
            shown += process.stderr.read(1)
            assert process.poll() is None, shown
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert re.search(r"Interrupted after \d+ of 100000 epochs: the model keeps the weights of epoch \d+", err), err
    assert re.search(r"accuracy   train \d+\.\d% of 150, held-out", out)
    assert "model.safetensors" in out
    assert len(nn.load(tmp_path / "model.safetensors").parameters()) == 337


def _default_interrupt() -> None:
    """A shell that runs us in the background makes its children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# --- What the recipes claim ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "seeds", "train", "held_out"),
    [
        ("xor", range(10), 1.0, None),
        ("moons", [0], 0.98, 0.9),
        ("circles", [0], 0.98, 0.9),
        ("spiral", [0], 0.98, 0.9),
        ("iris", [0, 1], 0.93, 0.93),
    ],
)
def test_recipes_learn(name: str, seeds: list[int], train: float, held_out: float | None) -> None:
    if name == "iris":
        pytest.importorskip("sklearn")
    recipe = RECIPES[name]
    for seed in seeds:
        data = DATASETS[name](seed=seed, **recipe.draw)
        outputs = len(data.classes) if len(data.classes) > 2 else 1
        model = nn.MLP(len(data.features), [*recipe.hidden, outputs], activation="tanh", seed=seed)
        nn.fit(
            model, data.X, data.y, loss="cross_entropy" if outputs > 1 else "bce",
            optimizer=nn.Adam(model.parameters(), recipe.lr), epochs=recipe.epochs, batch_size=recipe.batch_size, seed=seed,
            progress=False,
        )  # fmt: skip
        assert model.accuracy(data.X, data.y) >= train, seed
        assert held_out is None or model.accuracy(data.X_held_out, data.y_held_out) >= held_out, seed
