"""The command ``python -m nn export MODEL``: a saved model as C, JavaScript or ONNX."""

import argparse
from collections.abc import Callable
from pathlib import Path

from nn.loading import load


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model.safetensors that save wrote")
    parser.add_argument("--c", type=Path, metavar="FOLDER", help="write NAME.h, NAME.c and main.c")
    parser.add_argument("--js", type=Path, metavar="FOLDER", help="write predict.js, and a page that uses it")
    parser.add_argument("--onnx", type=Path, metavar="FILE", help="write an ONNX model (needs the extra onnx)")
    parser.add_argument("--name", default="model", metavar="NAME", help="what names in C begin with (default: model)")
    parser.add_argument(
        "--dtype", default="double", metavar="TYPE", help="numbers in C and ONNX: double or float (default: double)"
    )
    parser.add_argument("--gradient", action="store_true", help="C: the gradient of a loss too")
    parser.add_argument("--train", action="store_true", help="C: a step of gradient descent on weights in memory too")
    parser.add_argument("--loss", default="mse", metavar="NAME", help="the loss of --gradient and --train (default: mse)")
    parser.add_argument("--inputs", type=int, metavar="N", help="numbers in a row, where the first layer does not say")


def run(options: argparse.Namespace) -> int:
    """Write what was asked for, and say what was written."""
    from nn.exchange.c import export_c
    from nn.exchange.javascript import export_js
    from nn.exchange.onnx import export_onnx

    model = load(options.model)
    writers: list[Callable[[], list[Path]]] = []
    if options.c is not None:
        more = {"gradient": options.gradient, "train": options.train, "loss": options.loss}
        writers.append(lambda: export_c(model, options.c, name=options.name, dtype=options.dtype, inputs=options.inputs, **more))
    if options.js is not None:
        writers.append(lambda: export_js(model, options.js, inputs=options.inputs))
    if options.onnx is not None:
        writers.append(lambda: [export_onnx(model, options.onnx, dtype=options.dtype, inputs=options.inputs)])
    if not writers:
        raise ValueError("nothing to write: say --c FOLDER, --js FOLDER or --onnx FILE")
    for writer in writers:
        for path in writer():
            print(f"written    {path}")
    return 0
