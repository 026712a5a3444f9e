"""Files of weights: valid safetensors, whole or refused. Whatever else happens to them: ``tests.trust``."""

import hashlib
import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nn
from autograd import Value

ROOT = Path(__file__).parents[2]


def model_of(seed: int = 0) -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=seed)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    model_of().save(path)
    return path


def rewritten(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file with a changed header."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


# --- Round trips ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda s: nn.MLP(2, [3, 1], activation=["gelu", "sigmoid"], seed=s),
        lambda s: nn.Layer(2, 3, False, seed=s),
        lambda s: nn.Neuron(4, seed=s),
    ],
)
def test_a_module_comes_back_the_same(make: Callable[[int], Any], tmp_path: Path) -> None:
    model, other = make(0), make(1)
    model.save(tmp_path / "w")
    other.load(tmp_path / "w")
    again = nn.load(tmp_path / "w")
    assert model.state_dict() == other.state_dict() == again.state_dict()
    assert repr(again) == repr(model)
    assert again.architecture() == model.architecture()


def test_every_bit_of_a_number_comes_back(tmp_path: Path) -> None:
    numbers = [-0.0, 5e-324, -2.2e-308, 1.7976931348623157e308, 0.1, math.pi, 1 / 3]
    model = nn.Neuron(6, seed=0)
    for p, number in zip(model.parameters(), numbers, strict=True):
        p.data = number
    model.save(tmp_path / "w")
    assert [repr(p.data) for p in nn.load(tmp_path / "w").parameters()] == [repr(x) for x in numbers]


def test_modules_of_ones_own(tmp_path: Path) -> None:
    class Line(nn.Module):
        def __init__(self, slope: float) -> None:
            self.slope, self.table = Value(slope), [[Value(1.0), Value(2.0)], [Value(3.0), Value(slope)]]

        def __call__(self, x: Any) -> Any:
            return self.slope * x

    path, other = tmp_path / "w", Line(0.0)
    Line(5.0).save(path)
    other.load(path)
    assert other.state_dict() == {"slope": 5.0, "table": [[1.0, 2.0], [3.0, 5.0]]}
    with pytest.raises(nn.WeightsError, match="records no architecture; build the model"):
        nn.load(path)
    nn.MLP(1, [2, 1], activation=lambda a: a.tanh()).save(path)
    with pytest.raises(nn.WeightsError, match="records no architecture"):
        nn.load(path)


def test_the_same_model_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    nn.load(saved).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_safetensors_reads_our_files(saved: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    found = numpy.load_file(saved)
    assert {name: tensor.tolist() for name, tensor in found.items()} == model_of().state_dict()
    assert {str(tensor.dtype) for tensor in found.values()} == {"float64"}
    with pytest.importorskip("safetensors").safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["parameters"] == "13"
    assert metadata["sha256"] == hashlib.sha256(saved.read_bytes()[-13 * 8 :]).hexdigest()
    assert json.loads(metadata["architecture"])["nouts"] == [3, 1]


def test_the_tensors_are_aligned(saved: Path) -> None:
    assert struct.unpack("<Q", saved.read_bytes()[:8])[0] % 8 == 0


def test_nan_and_inf_load_on_request_only(tmp_path: Path) -> None:
    model, path = nn.Neuron(2, seed=0), tmp_path / "w"
    model.w[1].data = math.inf
    model.save(path)
    with pytest.raises(nn.WeightsError, match=r"tensor 'w' holds inf; load with allow_nonfinite=True"):
        nn.load(path)
    assert nn.load(path, allow_nonfinite=True).w[1].data == math.inf


# --- Damage --------------------------------------------------------------------------------------------------------------------


def setting(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for key in parents:
            header = header[key]
        header[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (setting("layers.0.bias/dtype", "F32"), "expected an F64 tensor"),
        (setting("layers.0.bias/shape", [4]), "shape [4] at bytes"),
        (setting("layers.0.bias/shape", [-3]), "shape must be whole numbers"),
        (setting("layers.0.bias/shape", [True, 3]), "shape must be whole numbers"),
        (setting("layers.0.bias/shape", [10**80]), "at bytes"),
        (setting("layers.0.bias/data_offsets", [0, 24]), "at bytes 0 to 24"),
        (setting("layers.0.bias/data_offsets", [56, 80]), "at bytes 56 to 80"),
        (setting("layers.0.bias/data_offsets", [48]), "data_offsets must be two numbers"),
        (setting("layers.0.bias/extra", 1), "expected an F64 tensor with shape and data_offsets"),
        (setting("layers.0.bias", 7), "expected an F64 tensor"),
        (lambda header: header.pop("layers.1.bias"), "8 bytes after the last tensor"),
        (lambda header: header.update(other=header.pop("layers.1.bias")), "missing ['layers.1.bias'], not known ['other']"),
        (lambda header: header.pop("__metadata__"), "not written by chalkgrad"),
        (setting("__metadata__/format", "pt"), "not written by chalkgrad"),
        (setting("__metadata__/sha256", "0" * 64), "do not match their sha256"),
        (setting("__metadata__/sha256", None), "no text for 'sha256'"),
        (setting("__metadata__/parameters", "12"), "12 numbers of 8 bytes expected, got 104 bytes"),
        (setting("__metadata__/architecture", "{"), "the architecture is not JSON"),
        (setting("__metadata__/architecture", '{"class": "Layer"}'), "saved from another architecture"),
    ],
)
def test_headers_that_lie(saved: Path, change: Callable[[dict[str, Any]], None], reason: str) -> None:
    path = saved.with_name("damaged")
    path.write_bytes(rewritten(saved.read_bytes(), change))
    model = model_of(seed=9)
    before = model.state_dict()
    with pytest.raises(nn.WeightsError) as caught:
        model.load(path)
    assert reason in str(caught.value) and str(path) in str(caught.value)
    assert model.state_dict() == before


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ({"class": "Robot", "nin": 2}, "cannot be built"),
        ({"class": "MLP", "nin": 2, "nouts": [3, 1], "activation": "rely"}, "unknown activation 'rely'"),
        ({"class": "MLP", "nin": 2, "nouts": [10**9, 10**9]}, "parameters, the file 13"),
        ({"class": "MLP", "nin": 2, "nouts": [3, 1], "activation": ["relu", "linear"], "seed": 4}, "another architecture"),
        ({"class": "MLP", "nin": "2", "nouts": [3, 1]}, "cannot be built"),
        ([], "cannot be built"),
        (3, "cannot be built"),
    ],
)
def test_architectures_that_lie(saved: Path, architecture: Any, reason: str) -> None:
    path = saved.with_name("damaged")
    path.write_bytes(rewritten(saved.read_bytes(), setting("__metadata__/architecture", json.dumps(architecture))))
    with pytest.raises(nn.WeightsError, match=reason):
        nn.load(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated: 0 bytes"),
        (b"\x80\x04\x95 a pickle of old", "a header of"),
        (struct.pack("<Q", 2**40) + b"{}", "a header of 1099511627776 bytes"),
        (struct.pack("<Q", 4) + b'{"a"', "the header cannot be read"),
        (struct.pack("<Q", 2) + b"[]", "the header is not an object"),
        (struct.pack("<Q", 2) + b"\xff\xfe", "the header cannot be read"),
        (struct.pack("<Q", 14) + b'{"a":1,"a":12}', "a name occurs twice"),
        (struct.pack("<Q", 9) + b'{"a":NaN}', "NaN where a whole number belongs"),
        (struct.pack("<Q", 200_000) + b"[" * 200_000, "the header cannot be read"),
    ],
)
def test_foreign_files(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(nn.WeightsError, match=reason):
        nn.load(path)


def test_safetensors_of_others_are_refused_by_name(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    pytest.importorskip("safetensors.numpy").save_file({"w": numpy.zeros(3, dtype=numpy.float32)}, tmp_path / "w")
    with pytest.raises(nn.WeightsError, match="not written by chalkgrad"):
        nn.load(tmp_path / "w")


def test_another_architecture_is_refused(saved: Path) -> None:
    for other in (nn.MLP(2, [3, 1], activation="relu"), nn.MLP(2, [4, 1], activation="tanh"), nn.Neuron(12)):
        before = other.state_dict()
        with pytest.raises(nn.WeightsError, match="was saved from another architecture"):
            other.load(saved)
        assert other.state_dict() == before


def test_a_missing_file_is_pythons_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "none")


# --- Writing -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file(
    saved: Path, function: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    before = saved.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        with pytest.raises(type(error)):
            model_of(seed=5).save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        model_of().save(tmp_path / "none" / "w")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        model_of().save(tmp_path / "file" / "w")
    (tmp_path / "directory").mkdir()
    with pytest.raises(IsADirectoryError):
        model_of().save(tmp_path / "directory")
    assert sorted(os.listdir(tmp_path)) == ["directory", "file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            model_of().save(tmp_path / "w")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_stay(saved: Path) -> None:
    saved.chmod(0o640)
    link = saved.with_name("link")
    link.symlink_to(saved.name)
    model_of(seed=5).save(link)
    assert link.is_symlink()
    assert saved.stat().st_mode & 0o777 == 0o640
    assert nn.load(saved).state_dict() == model_of(seed=5).state_dict()


# --- What a killed save leaves -------------------------------------------------------------------------------------------------

SAVE_SLOWLY = """
import os, sys, time
import nn
from nn import weights

def slowly(descriptor):
    print("writing", flush=True)
    time.sleep(60)

weights.os.fsync = slowly
nn.MLP(2, [3, 1], seed=1).save(sys.argv[1])
"""


def half_written(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f".{path.name}.*.tmp"))


@pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")
def test_the_next_save_sweeps_what_a_killed_one_left_and_no_more(saved: Path) -> None:
    neighbour = saved.parent / ".model.safetensors.notes.tmp"
    neighbour.write_text("somebody's own")
    command = [sys.executable, "-c", SAVE_SLOWLY, str(saved)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
        try:
            assert writer.stdout and writer.stdout.readline() == "writing\n"
            (running,) = [path for path in half_written(saved) if path != neighbour]
            model_of().save(saved)
            assert running.exists(), "a save that is running was swept"
        finally:
            writer.kill()
    assert running.exists()
    model_of(2).save(saved.parent / "other.safetensors")
    assert running.exists(), "of another name"
    model_of(3).save(saved)
    assert half_written(saved) == [neighbour]
    assert nn.load(saved).state_dict() == model_of(3).state_dict()
