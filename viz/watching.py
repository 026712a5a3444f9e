"""``watch``, a callback of ``fit`` that draws the training while it runs, and ``film``, one that keeps it as a self-playing picture."""

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final

from autograd.ops import positive_number
from viz import charts, given, moving, network_svg, page, plane
from viz.judging import Judged, flattened
from viz.rendering import gif
from viz.stages import flat, learning
from viz.svg import shortened

_CELLS = 24
_SIZE, _WIDE = 240.0, 300.0
_PAUSE = 0.1  # seconds between two drawings, at least
_SHARE = 0.1  # of the time since the beginning that drawings may take, the next one counted as the last
_MOST_FRAMES = 48
_REST = 4  # frames that the last one stays longer
_FIRST = 0.5  # seconds of training before anything is drawn: a short one is not held up, and its picture comes when it is over


def watch(model: Any, X: Any, y: Any) -> "Watch":
    """A callback for ``nn.fit`` that shows, in a notebook, how the training goes: loss, boundary or accuracy per class, gradients.

    One display is drawn again and again once half a second has passed, at most ten times a second and never for more than a tenth of
    the time; after the cell it stays as a picture of the last epoch. In a terminal nothing is drawn. ``X`` and ``y`` are what is
    judged: points of the plane give a boundary, other classes the share of right answers in each, targets that are no classes what the
    model says against what is wanted. ValueError if they differ in length.

    >>> import nn
    >>> data, model = nn.moons(20, seed=0), nn.MLP(2, [4, 1], seed=0)
    >>> history = nn.fit(model, data.X, data.y, loss="bce", epochs=2, progress=False, callbacks=[watch(model, data.X, data.y)])
    >>> history.epochs
    2
    """
    return Watch(_Subject(model, X, y))


def film(model: Any, X: Any, y: Any, *, seconds: float = 0.25) -> "Film":
    """A callback for ``nn.fit`` that keeps the training as a picture that plays by itself: boundary or accuracies, and the loss.

    Of long trainings it keeps some fifty frames, evenly. ``film.save("training.svg")`` or ``"training.gif"`` (extra ``pictures``)
    writes it; in a notebook it shows itself.
    ``seconds`` is how long a frame stays. It stands still, at the end, for readers who prefer reduced motion.

    >>> import nn
    >>> data, model = nn.moons(20, seed=0), nn.MLP(2, [4, 1], seed=0)
    >>> shown = film(model, data.X, data.y)
    >>> history = nn.fit(model, data.X, data.y, loss="bce", epochs=3, progress=False, callbacks=[shown])
    >>> shown
    <film of 3 frames>
    """
    return Film(_Subject(model, X, y), positive_number(seconds, "seconds"))


@final
class _Subject:
    """A model and the samples that it is judged by."""

    def __init__(self, model: Any, X: Any, y: Any) -> None:
        if not getattr(model, "parameters", list)():
            raise ValueError(f"only a model with parameters can be watched, got {type(model).__name__} with none")
        self.model = model
        self.rows, self.targets = given.samples(X, y, model)
        outputs = len(list(flat(model([*self.rows[0]]))))  # raises where it takes other rows, before the training begins
        self.classes = given.class_numbers(self.targets, model, outputs)
        self.is_plane = len(self.rows[0]) == 2 and self.classes is not None
        self.box = plane.box(self.rows) if self.is_plane else []

    def judged(self) -> list[str]:
        """How the model does now: the boundary, or the right answers per class."""
        if self.is_plane:
            return [plane.boundary(self.model, self.box, 0.0, _CELLS, _SIZE)]
        if self.classes is None:
            wanted, said = ([x for each in ys for x in flattened(each)] for ys in (self.targets, self.model.predict(self.rows)))
            return list(charts.scatter(wanted, said, _SIZE, "said, over what is wanted"))
        members = {c: [i for i, of in enumerate(self.classes) if of == c] for c in sorted(set(self.classes))}
        answers = Judged(self.rows, self.model.predict(self.rows), self.classes, None, 0.0).answers
        shares = [sum(answers[i] == c for i in places) / len(places) for c, places in members.items()]
        names = [shortened(str(self.targets[places[0]])) for places in members.values()]
        return list(charts.bars([f"class {name}" for name in names], shares, _SIZE + 60, "right answers", 1.0))

    @property
    def judgement(self) -> str:
        """What ``judged`` draws, in words."""
        if self.is_plane:
            return "decision boundary and points"
        return "what is said, over what is wanted" if self.classes is None else "right answers of each class"

    def points(self) -> list[str]:
        """What lies on the boundary, whatever the model does: the points."""
        return list(plane.points(self.rows, self.classes or [], self.box, _SIZE)) if self.is_plane else []

    def gradients(self) -> tuple[float, list[str]]:
        """The size of the gradient of each layer that has parameters, and how high that comes out."""
        layers = [layer.parameters() for layer in learning(self.model)]
        norms = [math.sqrt(math.fsum(p.grad * p.grad for p in parameters)) for parameters in layers if parameters]
        drawn = charts.bars([f"layer {k}" for k in range(1, len(norms) + 1)], norms, _SIZE + 40, "size of the gradients")
        return charts.height_of_bars(len(norms)), list(drawn)

    @property
    def height(self) -> float:
        """How high the pictures come out."""
        return max(_SIZE, charts.height_of_bars(len(set(self.classes or ())) * (not self.is_plane)))


def _series(history: Any) -> dict[str, Sequence[float]]:
    known = {"loss": history.loss, "validation": history.validation_loss}
    return {name: ys for name, ys in known.items() if ys}


def _beside(parts: Sequence[tuple[float, Sequence[str]]], height: float, description: str) -> str:
    """Pictures of these widths side by side."""
    x, body = 10.0, []
    for width, elements in parts:
        body += [f'<g transform="translate({x:g} 10)">', *elements, "</g>"]
        x += width + 14
    return network_svg.write(body, x, height + 20, description)


@final
class Watch:
    """What draws a training while it runs. Made by ``watch``."""

    only_looks = True  # so that a compiled fit need not stop after each epoch, nor ask whether the model is still the same

    def __init__(self, subject: _Subject) -> None:
        self._subject = subject
        self._history: Any = None
        self._display: Any = None
        self._is_on = False  # in a cell that is running
        self._begun = self._spent = self._due = 0.0  # when it began, the seconds spent on drawing, and when the next one is due
        self._drawn_epochs = 0

    def __call__(self, epoch: int, history: Any) -> None:
        self._history = history
        shell = _notebook()
        if shell is None:
            return
        from IPython import display

        if not self._is_on:  # the place of the picture, above what the cell shows later
            shell.events.register("post_run_cell", self._finish)
            self._is_on, self._begun, self._spent = True, time.monotonic(), 0.0
            self._due = self._begun + _FIRST
            self._display = display.display(display.HTML(""), display_id=True)  # type: ignore[no-untyped-call]
        if time.monotonic() >= self._due:
            self._draw()

    def _draw(self) -> None:
        start = time.monotonic()
        self._drawn_epochs = self._history.epochs
        self._display.update(self)
        end = time.monotonic()
        self._spent += end - start
        self._due = max(end + _PAUSE, self._begun + (self._spent + end - start) / _SHARE)

    def _finish(self, *result: Any) -> None:
        """After the cell: the last epoch, drawn once more."""
        shell = _notebook()
        if shell is not None:
            shell.events.unregister("post_run_cell", self._finish)
        if self._history.epochs > self._drawn_epochs:
            self._draw()
        self._display, self._is_on, self._drawn_epochs = None, False, 0

    def __repr__(self) -> str:
        return f"<watch: {self._history!r}>" if self._history is not None else "<watch of a training that has not begun>"

    def _repr_html_(self) -> str:
        """Pictures in a row, or in as many as the page is narrow."""
        images = [page.image(_beside([(width, part)], height, said), said) for width, height, part, said in self._parts()]
        return f'<div style="display:flex;flex-wrap:wrap;align-items:flex-start">{"".join(images)}</div>'

    def to_svg(self) -> str:
        """The picture of the last epoch: loss, boundary or accuracy per class, and gradients; ValueError before the first."""
        parts = list(self._parts())
        return _beside([(width, part) for width, _, part, _ in parts], max(height for _, height, _, _ in parts), repr(self))

    def _parts(self) -> Iterator[tuple[float, float, Sequence[str], str]]:
        """What is drawn: how wide and how high, the elements, and in words."""
        if self._history is None:
            raise ValueError("nothing was watched yet: give this to nn.fit(..., callbacks=[...])")
        subject = self._subject
        judged, (low, gradients) = [*subject.judged(), *subject.points()], subject.gradients()
        yield _WIDE, _SIZE, list(charts.curves(_series(self._history), _WIDE, _SIZE, "loss")), repr(self)
        yield _SIZE + 60 * (not subject.is_plane), subject.height, judged, subject.judgement
        yield _SIZE + 40, low, gradients, "size of the gradients of each layer"


def _notebook() -> Any:
    """The running notebook's shell; None in a terminal."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


@final
class Film:
    """A training as a picture that plays by itself. Made by ``film``."""

    def __init__(self, subject: _Subject, seconds: float) -> None:
        self._subject, self._seconds = subject, seconds
        self._history: Any = None
        self._frames: list[tuple[int, list[str]]] = []
        self._every = 1

    def __call__(self, epoch: int, history: Any) -> None:
        self._history = history
        if epoch % self._every == 0 or epoch == 1:
            self._frames.append((epoch, self._subject.judged()))
        if len(self._frames) > _MOST_FRAMES:  # every second one is enough, now and from here on
            self._every *= 2
            self._frames = [frame for frame in self._frames if frame[0] % self._every == 0 or frame[0] == 1]

    def __repr__(self) -> str:
        return f"<film of {len(self._frames)} frame{'s' * (len(self._frames) != 1)}>"

    def _repr_html_(self) -> str:
        return page.image(self.to_svg(), repr(self))

    def to_svg(self) -> str:
        """The film as an SVG document; ValueError before the first epoch."""
        steps = len(self._shown()) + _REST
        shown = [self._moving(i, frame, steps) for i, frame in enumerate(self._frames)]
        still = [*self._frames[-1][1], *self._beside(self._history.epochs)]
        return self._written([*still, *moving.layer(shown)]).replace(">\n", f">\n<style>{moving.STYLE}</style>\n", 1)

    def to_gif(self) -> bytes:
        """The film as a GIF; ValueError before the first epoch, ImportError without the extra ``pictures``."""
        frames = [self._written([*picture, *self._beside(epoch)]) for epoch, picture in self._shown()]
        return gif(frames, self._title, self._seconds, (1 + _REST) * self._seconds)

    def _shown(self) -> list[tuple[int, list[str]]]:
        if not self._frames:
            raise ValueError("nothing was filmed yet: give this to nn.fit(..., callbacks=[...])")
        return self._frames

    @property
    def _title(self) -> str:
        return f"training over {self._history.epochs} epochs"

    @property
    def _width(self) -> float:
        """How wide what is judged comes out."""
        return _SIZE + 60 * (not self._subject.is_plane)

    def _written(self, picture: Sequence[str]) -> str:
        """A document with a picture and the points on it."""
        body = ['<g transform="translate(10 10)">', *picture, *self._subject.points(), "</g>"]
        return network_svg.write(body, self._width + _WIDE + 34, self._subject.height + 20, self._title)

    def _moving(self, i: int, frame: tuple[int, list[str]], steps: int) -> str:
        epoch, picture = frame
        end = i + 1 if i + 1 < len(self._frames) else steps
        background = f'<rect width="{self._width + _WIDE + 14}" height="{self._subject.height}" fill="#ffffff"/>'
        return moving.during(i, end, steps, self._seconds, "".join([background, *picture, *self._beside(epoch)]))

    def _beside(self, epoch: int) -> list[str]:
        """The loss up to an epoch, to the right of the picture."""
        series = {name: ys[:epoch] for name, ys in _series(self._history).items()}
        return [f'<g transform="translate({self._width + 14:g} 0)">', *charts.curves(series, _WIDE, _SIZE, "loss"), "</g>"]

    def save(self, path: str | Path) -> Path:
        """Write the film to ``path`` as its ending says, ``.svg`` or ``.gif``, and return the path.

        GIF needs the extra ``pictures``. ValueError for any other ending.
        """
        return page.saved(path, "a film", {".svg": self.to_svg, ".gif": self.to_gif})
