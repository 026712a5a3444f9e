"""Neural networks on autograd's Values: neurons, layers, MLPs, losses, optimizers, data sets, training and keeping weights.

    >>> import nn
    >>> data = nn.xor()
    >>> model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    >>> adam = nn.Adam(model.parameters(), lr=0.1)
    >>> history = nn.fit(model, data.X, data.y, loss="bce", optimizer=adam, epochs=60, progress=False)
    >>> model.accuracy(data.X, data.y)
    1.0

``samples`` reads X and y; ``module`` is a network's parameters, ``layers`` its neurons; ``losses``, ``optim``, ``data`` and
``training`` are what they say; ``weights`` is the file format; ``python -m nn`` is the command line. Pictures are in ``viz``.
"""

import autograd

if getattr(autograd, "__distribution__", None) != "chalkgrad":
    raise ImportError(
        f"nn belongs to chalkgrad, but 'import autograd' finds another package at {getattr(autograd, '__file__', None)} (HIPS's "
        "autograd has the same name). The two cannot share an environment: make one with 'python -m venv .venv' and install "
        "chalkgrad there"
    )

from nn.data import Dataset, circles, digits, iris, moons, spiral, xor
from nn.layers import MLP, Layer, Neuron, load
from nn.losses import bce, cross_entropy, half_sse, hinge, mse
from nn.module import Module
from nn.optim import SGD, Adam, AdamW, Optimizer
from nn.training import History, fit
from nn.weights import WeightsError

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "Dataset",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Optimizer",
    "WeightsError",
    "bce",
    "circles",
    "cross_entropy",
    "digits",
    "fit",
    "half_sse",
    "hinge",
    "iris",
    "load",
    "moons",
    "mse",
    "spiral",
    "xor",
]
