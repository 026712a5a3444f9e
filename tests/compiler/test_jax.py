"""Programs as JAX functions: values and gradients of every op and of random graphs, under jit, vmap, grad and over devices."""

import math
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, ops
from autograd.compiler.packs import build
from autograd.compiler.targets.jax import jax_function
from autograd.derivatives import adjoint_graph
from nn.exchange.recorded import recorded
from tests.compiler.runs import eager, program_of
from tests.compiler.said import ARITIES_SAID, cases_said
from tests.compiler.wild import EXACT_BINARY, EXACT_UNARY, SPECIAL
from tests.nn.test_exchange_c import MODELS, NO_WORDS, OTHERS, examples, listed, rows
from tests.random_graphs import random_program
from tests.trust.bits import graph_of

jax: Any = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy


def assert_close(name: str, got: Any, expected: Any) -> None:
    a, b = np.asarray(got), np.asarray(expected)
    size = np.maximum(1.0, np.abs(np.where(np.isfinite(b), b, 0.0)).max(axis=-1, keepdims=True))
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= 1e-12 * size)
    assert same.all(), f"{name}: got {a[~same][:3]}, expected {b[~same][:3]}"


@pytest.mark.parametrize("arity", ARITIES_SAID)
def test_every_op(arity: int) -> None:
    cases = cases_said(arity)
    program = program_of([graph_of(case) for case in cases], [0.3 + 0.1 * i for i in range(arity)], "shared")
    points = [point for case in cases for point in case.core_points(3)]
    got = np.asarray(jax.jit(jax_function(program))(jnp.array(points))).reshape(len(points), len(cases), 1 + arity)
    for k, case in enumerate(cases):
        inside = [i for i, point in enumerate(points) if all(d.in_core(x) for d, x in zip(case.domain, point, strict=True))]
        assert_close(case.name, got[inside, k], [eager(graph_of(case), points[i]) for i in inside])


@pytest.mark.parametrize("op", [*EXACT_UNARY, *EXACT_BINARY], ids=lambda op: op.name)
def test_arithmetic_and_choices_at_edges(op: Any) -> None:
    """XLA on CPUs takes subnormals for 0, so these are left out."""
    normal = [x for x in SPECIAL if x == 0.0 or not abs(x) < 1e-290]
    arity = 2 if op in EXACT_BINARY else 1
    leaves = [Value(0.5) for _ in range(arity)]
    function = jax.jit(jax_function(build([op(*leaves)], leaves)))
    points = [[x] for x in normal] if arity == 1 else [[x, y] for x in normal for y in normal]
    points = [point for point in points if op(*point) == 0.0 or not abs(op(*point)) < 1e-290]
    assert_close(op.name, function(jnp.array(points)), [[op(*point)] for point in points])


def test_random_graphs_under_vmap() -> None:
    for seed in range(4):
        program = random_program(seed, 8)
        result, leaves = program.record()
        function = jax.jit(jax.vmap(jax_function(build([result, *adjoint_graph(result, leaves)], leaves))))
        points = [[x + 1e-3 * k for x in program.inputs] for k in range(3)]
        assert_close(f"graph {seed}", function(jnp.array(points)), [eager(program.run, point) for point in points])


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_models(name: str) -> None:
    """The scores of every kind of layer, for a batch, and of some their derivatives as JAX takes them."""
    model = (MODELS | OTHERS)[name]
    found = recorded(model)
    function = jax_function(found.program())
    batch = jnp.array([[*row, *found.numbers()] for row in examples(model, 3)])
    assert_close(name, jax.jit(function)(batch), listed(model.predict(examples(model, 3))))
    if name not in ("images", "norms"):  # each takes XLA some seconds
        return
    slopes = jax.jit(jax.grad(lambda z: function(z).sum()))(batch[0])[len(found.inputs) :]
    model.zero_grad()
    scores = model(examples(model, 1)[0])
    autograd.sum(scores if isinstance(scores, list) else [scores]).backward()
    assert_close(f"gradient of {name}", slopes, [p.grad for p in model.parameters()])


def test_a_hundred_thousand_weights() -> None:
    model, X = nn.MLP(300, [300, 34], activation="tanh", seed=0), rows(300, 2)
    found = recorded(model)
    batch = jnp.array([[*row, *found.numbers()] for row in X])
    assert_close("scores", jax.jit(jax_function(found.program()))(batch), model.predict(X))


def test_an_index_that_is_data() -> None:
    """nan where it is none; its derivative goes to what is taken."""
    function = autograd.compile(lambda i, x: autograd.take([x, x * x, autograd.log(x)], i)).jax(1.0, 2.0)
    got = jax.jit(function)(jnp.array([[i, 3.0] for i in (0.0, 1.0, 2.0, 3.0, -1.0, 0.5, math.nan)]))[:, 0]
    assert_close("values", got, [3.0, 9.0, math.log(3.0), *[math.nan] * 4])
    slopes = jax.jit(jax.vmap(jax.grad(lambda z: function(z)[0])))(jnp.array([[i, 3.0] for i in (0.0, 1.0, 2.0)]))
    assert_close("slopes", slopes, [[0.0, 1.0], [0.0, 6.0], [0.0, 1.0 / 3.0]])
    found = recorded(OTHERS["words"])
    rows = jnp.array([[*row, *found.numbers()] for row in NO_WORDS])
    assert jnp.isnan(jax.jit(jax_function(found.program()))(rows)).all()


def network(width: int = 16) -> tuple[Any, Any, list[float]]:
    """Our step for a 2-16-16-1 network's loss, and the same loss written with arrays."""
    rng = np.random.default_rng(0)
    shapes = [(2, width), (width, width), (width, 1)]
    numbers = [rng.normal(size=n * m + m) / np.sqrt(n) for n, m in shapes]
    flat = [float(x) for each in numbers for x in each]
    leaves = [Value(x) for x in flat]
    h: list[Any] = [Value(0.5), Value(-1.0)]
    inputs, at = list(h), 0
    for k, (n, m) in enumerate(shapes):
        ws = [leaves[at + j * n : at + (j + 1) * n] for j in range(m)]
        bs = leaves[at + n * m : at + n * m + m]
        at += n * m + m
        h = [autograd.dot(w, h, b) for w, b in zip(ws, bs, strict=True)]
        h = [autograd.tanh(a) for a in h] if k < 2 else h
    loss = (h[0] - 1.0) ** 2
    program = build([loss, *adjoint_graph(loss, leaves)], [*leaves, *inputs])

    def with_arrays(z: Any) -> Any:
        x, start = z[len(flat) :], 0
        for k, (n, m) in enumerate(shapes):
            x = z[start : start + n * m].reshape(m, n) @ x + z[start + n * m : start + n * m + m]
            start += n * m + m
            x = jnp.tanh(x) if k < 2 else x
        return (x[0] - 1.0) ** 2

    return program, with_arrays, [*flat, 0.5, -1.0]


def test_a_networks_gradient_is_that_of_jax() -> None:
    program, with_arrays, z = network()
    got = jax.jit(jax_function(program))(jnp.array(z))
    value, slope = jax.jit(jax.value_and_grad(with_arrays))(jnp.array(z))
    assert_close("value and gradient", got, [value, *slope[:-2]])
    ours = jax.jit(jax.grad(lambda z: jax_function(program)(z)[0]))(jnp.array(z))
    assert_close("jax.grad of ours", ours, slope)
    seen = jax.jit(jax_function(program)).lower(jnp.array(z)).as_text().count("\n")
    wide, _, wide_z = network(32)
    assert jax.jit(jax_function(wide)).lower(jnp.array(wide_z)).as_text().count("\n") == seen, "as many operations as packs"


def test_compiling_takes_no_longer_than_three_times_that_of_arrays() -> None:
    program, with_arrays, z = network()
    x = jnp.array(z)

    def seconds(function: Any) -> float:
        start = time.perf_counter()
        jax.jit(function).lower(x).compile()
        return time.perf_counter() - start

    ours, theirs = [], []
    for k in range(3):
        fresh = jax_function(program)
        ours.append(seconds(lambda z, k=k, fresh=fresh: fresh(z) + 0.0 * k))
        theirs.append(seconds(lambda z, k=k: jnp.append(*jax.value_and_grad(lambda y: with_arrays(y) + 0.0 * k)(z))))
    assert min(ours) < 3.0 * min(theirs), (ours, theirs)


def test_guards_captured_numbers_and_float() -> None:
    w = Value(2.0)
    f = autograd.compile(lambda x, y: w * x * y if x > 0.0 else x - y)
    function = f.jax(1.0, 3.0, what="value_and_grad")
    assert np.array_equal(function(jnp.array([[1.0, 3.0], [-1.0, 3.0]])), [[6.0, 6.0, 2.0], [np.nan] * 3], equal_nan=True)
    assert function(jnp.array([1.0, 3.0], dtype=jnp.float32)).dtype == jnp.float32
    z = Value(0.5)
    assert jax.jit(jax_function(build([ops.rint(z)], [z])))(jnp.array([2.6], dtype=jnp.float32)).tolist() == [3.0]
    with pytest.raises(ValueError, match=r"last axis has 2 numbers, got the shape \(3,\)"):
        function(jnp.zeros(3))
    x = Value(3.0)
    assert autograd.compile(x * x).jax()(jnp.array([5.0])).tolist() == [25.0, 10.0]
    assert jax_function(build([x, Value._record(ops.positive, [x]), autograd.value.constant(4.0)], [x]))(
        jnp.ones((2, 1))
    ).shape == (2, 3)


def test_an_op_of_python_floats_is_refused_by_name() -> None:
    import math

    x = Value(2.0)
    with pytest.raises(TypeError, match="'own' is computed by a Python function"):
        autograd.compile(autograd.Op("own", lambda a: math.lgamma(a), lambda g, y, a: (None,))(x)).jax()(jnp.array([2.0]))


DEVICES = """
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec as P
from tests.compiler.test_jax import network
from autograd.compiler.targets.jax import jax_function
program, _, z = network()
function = jax.jit(jax_function(program))
assert len(jax.devices()) == 2
mesh = Mesh(np.array(jax.devices()), ("batch",))
shard_map = jax.shard_map if hasattr(jax, "shard_map") else __import__("jax.experimental.shard_map", fromlist=["x"]).shard_map
batch = jnp.array([[*z[:-2], 0.1 * i, 1.0 - 0.2 * i] for i in range(8)])
mean = lambda rows: jax.lax.pmean(function(rows).mean(axis=0), "batch")
got = jax.jit(shard_map(mean, mesh=mesh, in_specs=P("batch"), out_specs=P()))(batch)
assert np.abs(got - function(batch).mean(axis=0)).max() < 1e-12
print("done")
"""


def test_over_the_devices_of_a_mesh() -> None:
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", DEVICES],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("done"), done.stderr[-2000:]


def test_the_readmes_training_over_the_devices_of_a_mesh() -> None:
    pytest.importorskip("optax")
    root = Path(__file__).parents[2]
    (lines,) = [
        block for block in re.findall(r"```python\n(.*?)```", (root / "README.md").read_text("utf-8"), re.S) if "optax" in block
    ]
    lines += "assert len(jax.devices()) == 2 and model.accuracy(data.X, data.y) > 0.95, model.accuracy(data.X, data.y)\n"
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", lines], env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


PROCESSES = """
import sys
import jax, numpy as np
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.config.update("jax_enable_x64", True)
jax.distributed.initialize(f"127.0.0.1:{sys.argv[2]}", num_processes=2, process_id=int(sys.argv[1]))
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from tests.compiler.test_jax import network
from autograd.compiler.targets.jax import jax_function
program, _, z = network()
function = jax_function(program)
mesh = Mesh(np.array(jax.devices()), ("batch",))
rows = np.array([[*z[:-2], 0.1 * i, 1.0 - 0.2 * i] for i in range(8)])
batch = jax.make_array_from_callback(rows.shape, NamedSharding(mesh, P("batch")), lambda index: rows[index])
mean = lambda part: jax.lax.pmean(function(part).mean(axis=0), "batch")
got = jax.jit(jax.shard_map(mean, mesh=mesh, in_specs=P("batch"), out_specs=P()))(batch).addressable_shards[0].data
assert np.abs(np.asarray(got) - np.asarray(jax.jit(function)(rows)).mean(axis=0)).max() < 1e-12
print("done", jax.process_count())
"""


@pytest.mark.skipif(not hasattr(jax, "shard_map"), reason="an older JAX")
def test_over_two_processes() -> None:
    with socket.socket() as held:  # as long as it is, nobody else gets the port; gRPC shares it
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        _two_processes(str(held.getsockname()[1]))


def _two_processes(port: str) -> None:
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESSES, str(rank), port],
            env=environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in started:
            out, errors = process.communicate(timeout=240)
            assert out.strip().endswith("done 2"), errors[-2000:]
    finally:
        for process in started:
            process.kill()
            process.wait()
