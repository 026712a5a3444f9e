"""Neural networks on autograd's Values: neurons, layers, MLPs, losses, optimizers, data sets, training and keeping weights.

    >>> import nn
    >>> data = nn.xor()
    >>> model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    >>> adam = nn.Adam(model.parameters(), lr=0.1)
    >>> history = nn.fit(model, data.X, data.y, loss="bce", optimizer=adam, epochs=60, progress=False)
    >>> model.accuracy(data.X, data.y)
    1.0

``samples`` reads X and y; ``module`` is a network's parameters, ``layers`` its neurons, ``conv`` convolutions and pools, ``tying``
shared weights; ``losses``, ``optim``, ``data`` and ``training`` are what they say; ``weights`` is the file format, ``loading``
builds what it holds; ``python -m nn`` is the command line. Pictures are in ``viz``.
"""

import autograd

if getattr(autograd, "__distribution__", None) != "chalkgrad":
    raise ImportError(
        f"nn belongs to chalkgrad, but 'import autograd' finds another package at {getattr(autograd, '__file__', None)} (HIPS's "
        "autograd has the same name). The two cannot share an environment: make one with 'python -m venv .venv' and install "
        "chalkgrad there"
    )

from nn.conv import AvgPool2d, Conv1d, Conv2d, Flatten, MaxPool2d, Unflatten
from nn.data import Dataset, circles, digits, iris, moons, spiral, xor
from nn.layers import MLP, Layer, Neuron, Sequential
from nn.loading import load
from nn.losses import bce, cross_entropy, half_sse, hinge, mse
from nn.module import Module
from nn.optim import SGD, Adam, AdamW, Optimizer
from nn.training import History, fit
from nn.tying import tie
from nn.weights import WeightsError

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "Dataset",
    "Flatten",
    "History",
    "Layer",
    "MaxPool2d",
    "Module",
    "Neuron",
    "Optimizer",
    "Sequential",
    "Unflatten",
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
    "tie",
    "xor",
]
