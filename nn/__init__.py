"""Neural networks on autograd's Values: neurons, layers, MLPs, losses, optimizers, data sets, training and keeping weights.

    >>> import nn
    >>> data = nn.xor()
    >>> model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    >>> adam = nn.Adam(model.parameters(), lr=0.1)
    >>> history = nn.fit(model, data.X, data.y, loss="bce", optimizer=adam, epochs=60, progress=False)
    >>> model.accuracy(data.X, data.y)
    1.0

``module`` is a network's parameters, ``layers`` its neurons (with ``activations`` and ``initial`` weights), ``conv`` convolutions and
pools, ``norm`` normalising layers and ``batch`` the one that looks at a batch, ``noise`` layers that draw random numbers (``drawing`` says
when), ``sequences`` embeddings, recurrent cells and attention, ``tying`` shared weights.

``training`` is ``fit``: ``samples`` reads X and y, ``frames`` those of other libraries, ``classes`` labels, ``weighing`` weights, and
``reading`` all of it together, ``settings`` numbers that say how; ``task`` is what is minimised, ``losses``, ``optim``, ``schedules``
and ``clipping`` its parts; ``loop`` goes through the epochs, and ``engines`` chooses what computes: ``compiled``, ``recorded`` and
``recording`` the whole loop in native code; ``batchwise`` batch after batch, compiled by the ``ways`` of samples or ``whole``, with
``variants`` for each; ``solvers`` with their ``objective``; ``steps`` a loop of your own. ``stopping`` says when it ends, ``history``
what it saw, ``progress`` shows it. ``estimators`` are scikit-learn's.

``data`` are data sets, ``weights`` is the file format, ``loading`` builds what it holds; ``python -m nn`` is the command line.
``exchange`` writes models for other languages and libraries, and reads theirs. Pictures are in ``viz``.
"""

from typing import TYPE_CHECKING, Any

import autograd

if getattr(autograd, "__distribution__", None) != "chalkgrad":
    raise ImportError(
        f"nn belongs to chalkgrad, but 'import autograd' finds another package at {getattr(autograd, '__file__', None)} (HIPS's "
        "autograd has the same name). The two cannot share an environment: make one with 'python -m venv .venv' and install "
        "chalkgrad there"
    )

from nn import schedules
from nn.batch import BatchNorm
from nn.conv import AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool2d, Unflatten
from nn.data import Dataset, circles, digits, iris, moons, spiral, xor
from nn.drawing import drawing, key
from nn.exchange.c import export_c
from nn.exchange.javascript import export_js
from nn.exchange.onnx import export_onnx
from nn.exchange.sklearn import from_sklearn
from nn.exchange.torch import from_torch, to_torch
from nn.history import History
from nn.layers import MLP, Layer, Neuron, Sequential
from nn.loading import load
from nn.losses import bce, cross_entropy, half_sse, hinge, mse
from nn.module import Module
from nn.naming import name_parameters
from nn.noise import Dropout, GaussianNoise, NormalSample
from nn.norm import LayerNorm, RMSNorm
from nn.optim import SGD, Adam, AdamW, Optimizer
from nn.sequences import GRU, Embedding, Recurrent, attention
from nn.steps import Steps
from nn.training import fit
from nn.tying import tie
from nn.weights import WeightsError

if TYPE_CHECKING:
    from nn.estimators import NetClassifier as NetClassifier
    from nn.estimators import NetRegressor as NetRegressor
else:

    def __getattr__(name: str) -> Any:
        """The scikit-learn estimators: imported when they are asked for, since scikit-learn is an extra."""
        if name not in ("NetClassifier", "NetRegressor"):
            raise AttributeError(f"module 'nn' has no attribute {name!r}")
        try:
            from nn import estimators
        except ImportError as error:
            raise ImportError(f'{name} needs scikit-learn: pip install "chalkgrad[data]"') from error
        return getattr(estimators, name)


__all__ = [
    "GRU",
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "BatchNorm",
    "Conv1d",
    "Conv2d",
    "Dataset",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "History",
    "Layer",
    "LayerNorm",
    "MaxPool2d",
    "Module",
    "Neuron",
    "NormalSample",
    "Optimizer",
    "RMSNorm",
    "Recurrent",
    "Sequential",
    "Steps",
    "Unflatten",
    "WeightsError",
    "attention",
    "bce",
    "circles",
    "cross_entropy",
    "digits",
    "drawing",
    "export_c",
    "export_js",
    "export_onnx",
    "fit",
    "from_sklearn",
    "from_torch",
    "half_sse",
    "hinge",
    "iris",
    "key",
    "load",
    "moons",
    "mse",
    "name_parameters",
    "schedules",
    "spiral",
    "tie",
    "to_torch",
    "xor",
]
