"""A progress bar on stderr, only where stderr is a terminal. NO_COLOR is honoured by rich."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]  # done, total


@contextmanager
def bar(title: str, unit_is_bytes: bool = True) -> Iterator[Progress]:
    """A callable to hand to whatever makes progress."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    amount = [rich_progress.DownloadColumn(), rich_progress.TransferSpeedColumn()] if unit_is_bytes else []
    columns = [rich_progress.TextColumn("{task.description}"), rich_progress.BarColumn(), *amount]
    with rich_progress.Progress(*columns, rich_progress.TimeRemainingColumn(), console=Console(stderr=True)) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
