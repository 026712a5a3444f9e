"""A ``graphviz.Digraph`` that draws itself without the ``dot`` program.

The class stands apart from ``draw_dot`` so that ``graphviz`` is imported when the first one is made, not with ``viz``.
What it does not do: replace Graphviz where it is there. Only where ``dot`` is absent or broken is the picture made by pygraphviz,
or, as SVG, by our own writer.
"""

import os
from pathlib import Path
from typing import Any

import graphviz

from autograd import Value
from viz.engines import EngineFailed, run_pygraphviz


class PortableDigraph(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no types
    """``graphviz.Digraph`` with the graph of ``root`` to fall back on. Made by ``draw_dot``."""

    def __init__(self, root: Value | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._root = root

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **options: Any) -> bytes | str:
        """The picture as bytes, or as text in ``encoding``."""
        try:
            drawn: bytes | str = super().pipe(format, *args, encoding=encoding, **options)
        except (graphviz.ExecutableNotFound, graphviz.CalledProcessError, OSError) as error:
            picture = self._drawn_without_dot(format or self.format, error)
            return picture.decode(encoding) if encoding else picture
        return drawn

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        **options: Any,
    ) -> str:
        """Write the DOT text to ``filename`` and the picture beside it; the picture's path."""
        try:
            path: str = super().render(filename, directory=directory, view=view, cleanup=cleanup, format=format, **options)
        except (graphviz.ExecutableNotFound, graphviz.CalledProcessError, OSError) as error:
            kind = format or self.format
            picture = self._drawn_without_dot(kind, error)
            source = self.save(filename, directory=directory)
            path = f"{source}.{kind}"
            Path(path).write_bytes(picture)
            if cleanup:
                Path(source).unlink()
            if view:
                graphviz.view(path)
        return path

    def _drawn_without_dot(self, format: str, error: Exception) -> bytes:
        """The picture in ``format`` from pygraphviz or our own writer; raises ``error`` where neither can make it.

        An OSError that names no file says that there are no processes, as in the browser: then there is no ``dot`` either.
        """
        if isinstance(error, OSError):
            if error.filename is not None:
                raise error
            error = graphviz.ExecutableNotFound([self.engine])
        try:
            return run_pygraphviz(self.source, format)
        except (ImportError, EngineFailed):
            if format != "svg" or self._root is None:
                raise error from None
        from viz.drawing import draw

        rankdir = self.graph_attr.get("rankdir", "LR")
        picture = draw(self._root, rankdir=rankdir, engine="builtin", max_nodes=None)
        return picture.to_svg().encode()
