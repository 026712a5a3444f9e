"""The progress bar of a training: tqdm's, or none."""

import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, final


@final
class Bar:
    """tqdm's progress bar, or nothing."""

    def __init__(self, steps: int, shown: bool) -> None:
        self.bar: Any = None
        if shown:
            from tqdm import tqdm  # 30 ms, and not needed without a bar

            class Unwatched(tqdm):  # type: ignore[misc]  # tqdm has no types
                monitor_interval = 0  # no thread that looks for stale bars: a browser has none, and each step asks the clock

            layout = "{desc}  {percentage:3.0f}% |{bar:24}| {elapsed}, {remaining} left"
            self.bar = Unwatched(total=steps, bar_format=layout, miniters=1)

    def advance(self, text: str, steps: int = 1) -> None:
        """Some steps further."""
        if self.bar is not None:
            self.bar.set_description_str(text, refresh=False)
            self.bar.update(steps)

    def say(self, text: str) -> None:
        """A line on stderr, below the bar."""
        self.__exit__(None, None, None)
        print(text, file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            with suppress(KeyboardInterrupt):
                self.bar.close()
