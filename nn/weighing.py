"""Weights of samples and classes: how much each sample counts in loss and accuracy.

A weight of 2 counts as the sample given twice, a weight of 0 as the sample left out. What is minimised is (1/n) Σ wᵢ lossᵢ with weights
of mean 1 over the whole training set, so that batches keep their sizes and the rate its meaning.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nn.samples import Samples, entries, is_number

ClassWeight = str | Mapping[Any, float]


def checked_weights(weights: Any, count: int, name: str = "sample_weight") -> list[float]:
    """The weights as floats; ValueError if they are not as many as the samples, negative, nan, inf, or all 0."""
    found = entries(weights, name)
    for i, weight in enumerate(found):
        if not is_number(weight):
            raise ValueError(f"{name}[{i}] is {weight!r}: expected a number")
    if len(found) != count:
        raise ValueError(f"{name} must have a weight for each sample: expected {count}, got {len(found)}")
    for i, weight in enumerate(found):
        if not (weight >= 0.0 and math.isfinite(weight)):
            raise ValueError(f"{name}[{i}] is {weight}: expected a finite number of at least 0")
    if not any(found):
        raise ValueError(f"{name} is zero for every sample: at least one must count")
    if not math.isfinite(sum(map(float, found))):
        raise ValueError(f"{name} adds up to more than a float holds: give smaller weights, it is their ratios that count")
    return [float(weight) for weight in found]


def weights_of_classes(chosen: ClassWeight, labels: Sequence[Any], weights: Sequence[float] | None) -> dict[Any, float]:
    """The weight of each class; for "balanced" such that all classes count the same, n/(classes · samples of the class).

    ValueError for weights of what is no class; a class without one has 1.

    >>> weights_of_classes("balanced", ["a", "b", "b", "b"], None)
    {'a': 2.0, 'b': 0.6666666666666666}
    """
    counts: Counter[Any] = Counter()
    for label, weight in zip(labels, weights or [1.0] * len(labels), strict=True):
        counts[label] += weight  # type: ignore[assignment]
    if isinstance(chosen, str):
        if chosen != "balanced":
            raise ValueError(f"class_weight must be 'balanced' or a dict of weights, got {chosen!r}")
        total = math.fsum(counts.values())
        return {label: total / (len(counts) * count) if count else 0.0 for label, count in counts.items()}
    if not isinstance(chosen, Mapping):
        raise TypeError(f"class_weight must be 'balanced' or a dict of weights, got {type(chosen).__name__}")
    for label, weight in chosen.items():
        if label not in counts:
            raise ValueError(f"class_weight names {label!r}, which is no class of y: {', '.join(map(repr, counts))}")
        if not is_number(weight) or not (weight >= 0.0 and math.isfinite(weight)):
            raise ValueError(f"class_weight[{label!r}] is {weight!r}: expected a finite number of at least 0")
    return {label: float(chosen.get(label, 1.0)) for label in counts}


def combined(weights: Sequence[float] | None, by_class: Mapping[Any, float] | None, labels: Sequence[Any]) -> list[float] | None:
    """The weight of each sample: its own times that of its class, 1 for a class without one; None if there are neither."""
    if by_class is None:
        return None if weights is None else list(weights)
    return [w * by_class.get(label, 1.0) for w, label in zip(weights or [1.0] * len(labels), labels, strict=True)]


def counting(data: Samples) -> Samples:
    """The samples that count: those of weight 0 are left out."""
    if data.weights is None:
        return data
    places = [i for i, weight in enumerate(data.weights) if weight]
    if not places:
        raise ValueError("every sample has weight 0, by sample_weight and class_weight together: at least one must count")
    return data.at(places)


def normalised(data: Samples, held_out: Samples | None) -> tuple[Samples, Samples | None]:
    """Both with weights of mean 1, or both without."""
    if data.weights is None and (held_out is None or held_out.weights is None):
        return data, held_out
    return _with_mean_1(data), None if held_out is None else _with_mean_1(held_out)


def _with_mean_1(data: Samples) -> Samples:
    weights = data.weights or [1.0] * len(data.rows)
    total = math.fsum(weights)
    return data._replace(weights=[weight * len(weights) / total for weight in weights])
