"""``History``: what a training saw, epoch by epoch. ``fit`` returns one; ``viz.loss`` draws it."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What ``fit`` saw: for each finished epoch, counted from 1, an entry in each list.

    ``loss`` is the mean of E over the epoch's batches, as they were met, and ``accuracy`` the share of right answers on the way;
    ``validation_loss`` (without the penalty) and ``validation_accuracy`` are measured at the end of the epoch. Lists of what was
    not measured stay empty: accuracies are, if the targets are no labels. ``interrupted`` tells that Ctrl-C ended the training,
    ``stopped`` that patience did, ``converged`` that a solver found nothing better. ``kept_epoch`` is the epoch whose weights the
    model has, 0 for none that was finished; ``engine`` is what computed: "eager", "llvm" or "numpy".
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False
    stopped: bool = False
    converged: bool = False
    kept_epoch: int = 0
    engine: str = "eager"

    @property
    def epochs(self) -> int:
        """The number of finished epochs."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int:
        """The first epoch with the lowest validation loss, or loss if there was no validation; 0 before the first has ended."""
        losses = self.validation_loss or self.loss
        return losses.index(min(losses)) + 1 if losses else 0

    @property
    def ending(self) -> str:
        """How the training ended, if not after its last epoch: ", interrupted", ", stopped", ", converged" or nothing."""
        return "".join([f", {name}" for name in ("interrupted", "stopped", "converged") if getattr(self, name)])

    def __repr__(self) -> str:
        lists = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        last = "".join(f", {name}={getattr(self, name)[-1]:.4g}" for name in lists if getattr(self, name))
        return f"History(epochs={self.epochs}{last}{self.ending})"
