"""What ``fit`` is given, read and checked before the first step: labels as numbers, targets as the loss wants them, weights."""

from typing import Any, final

from autograd import no_grad
from nn import classes
from nn.classes import is_labelled
from nn.losses import LOSSES, Loss
from nn.module import Module
from nn.samples import Row, Samples, Target, samples
from nn.task import plain
from nn.weighing import ClassWeight, checked_weights, combined, counting, weights_of_classes


@final
class Reader:
    """Reads samples for a model and a loss; ``y`` tells the classes, and the classes their weights.

    ``classes`` are the labels that numbers stand for (None: y holds numbers), ``threshold`` is the score between two classes (None: y
    holds no classes).
    """

    def __init__(self, model: Module, loss: Loss, y: Any, class_weight: ClassWeight | None, sample_weight: Any) -> None:
        self.model, self.loss = model, loss
        labels = classes.labels(y)
        self.classes = classes.classes_of(labels) if model.classes is None else model.classes
        self.threshold: float | None = None
        self.by_class: dict[Any, float] | None = None
        if class_weight is not None:
            if any(isinstance(label, list) for label in labels):
                raise ValueError("class_weight needs a class for each sample, got lists of numbers in y")
            weights = None if sample_weight is None else checked_weights(sample_weight, len(labels))
            self.by_class = weights_of_classes(class_weight, labels, weights)

    def read(self, X: Any, y: Any, weights: Any) -> Samples:
        """The samples to train on, those that count."""
        data = self._samples(X, y, weights, "")
        outputs = _outputs(self.model, data.rows[0])
        known = self.classes
        if known is not None and len(known) != max(outputs, 2):
            raise ValueError(
                f"y has {len(known)} classes, {', '.join(map(repr, known))}, but the model has {outputs} output(s): expected one "
                "output for two classes, or one for each"
            )
        if is_labelled(data.targets, outputs, shares=self.loss is LOSSES["cross_entropy"]):
            self.threshold = 0.5 if self.loss.squared and -1 not in data.targets else 0.0
        if self.by_class is not None and self.threshold is None:
            raise ValueError("class_weight needs a class for each sample, got other numbers in y")
        return counting(self._checked(data, outputs, ""))

    def validation(self, given: Any) -> Samples | None:
        """The samples to judge by, out of a pair or a triple; None for anything else."""
        if not isinstance(given, list | tuple):
            return None
        if len(given) not in (2, 3):
            raise ValueError(f"validation must be a pair (X, y), or (X, y, weights), got {len(given)} things")
        X, y, weights = given if len(given) == 3 else (*given, None)
        data = self._samples(X, y, weights, "validation ")
        return counting(self._checked(data, _outputs(self.model, data.rows[0]), "validation "))

    def _samples(self, X: Any, y: Any, weights: Any, part: str) -> Samples:
        """The samples, with labels as numbers."""
        name, targets = f"{part}y", y
        labels = classes.labels(y, name)
        if self.classes is not None:
            targets = classes.numbered(labels, self.classes, name)
            if self.loss.signed and len(self.classes) == 2:
                targets = [2.0 * target - 1.0 for target in targets]
        data = samples(X, targets, names=(f"{part}X", name), model=self.model)
        own = None if weights is None else checked_weights(weights, len(labels), f"{part}weights" if part else "sample_weight")
        return data._replace(weights=combined(own, self.by_class, labels))

    def _checked(self, data: Samples, outputs: int, part: str) -> Samples:
        checked: list[Target] = []
        for i, target in enumerate(data.targets):
            try:
                checked.append(self.loss.check(target, outputs))
            except ValueError as error:
                raise ValueError(f"{part}y[{i}]: {error}") from None
        return data._replace(targets=checked)


def _outputs(model: Module, row: Row) -> int:
    """How many numbers the model gives for a row; layers of ours tell, where an answer takes 0.4 s for 28×28 pixels and 24 filters."""
    shape = model.out_shape((len(row),))
    if shape is not None and len(shape) < 2:
        return shape[0] if shape else 1
    with no_grad():
        return len(plain(model(row)))
