"""A bar on a terminal for work that reads weights, if it takes more than two seconds."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from cnnkit.cli.output import Output

if TYPE_CHECKING:
    from cnnkit.exporters import Tensor, WeightFile

PATIENCE = 2.0  # seconds without a bar


class Watch(Protocol):
    """A function that begins to watch the reading of a weight file."""

    def __call__(self, weights: "WeightFile", read: "Iterable[Tensor] | None" = None) -> "WeightFile":
        """Return the file to work with; `read`: the tensors that will be read, all by default."""
        ...


@contextmanager
def watch_reading(output: Output, words: str, passes: int = 1) -> Iterator[Watch]:
    """Yield a function that returns a weight file whose reading moves the bar; elsewhere it returns the file itself.

    words: what is done. passes: how often each value is read.
    """
    if output.quiet or not output.errors.is_terminal:
        yield lambda weights, read=None: weights  # noqa: ARG005
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    bar = Progress(*columns, TimeElapsedColumn(), console=output.errors, transient=True)
    task = bar.add_task(words, total=None)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.daemon = True

    def watch(weights: "WeightFile", read: "Iterable[Tensor] | None" = None) -> "WeightFile":
        total = bar.tasks[0].total or 0
        bar.update(
            task, total=total + passes * sum(tensor.parameters for tensor in (weights if read is None else read))
        )
        tensors = tuple(_report_reads(tensor, lambda values: bar.update(task, advance=values)) for tensor in weights)
        return replace(weights, tensors=tensors)

    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()
        timer.join()  # it may be starting the bar right now
        bar.stop()


def _report_reads(tensor: "Tensor", report: Callable[[int], None]) -> "Tensor":
    """Return a tensor that reports how many values were read."""

    def read() -> Any:
        values = tensor.read()
        report(tensor.parameters)
        return values

    def stream() -> Generator[Any, None, str]:
        assert tensor.stream is not None  # noqa: S101 (for the type checker)
        parts = tensor.stream()
        while True:
            try:
                part = next(parts)
            except StopIteration as end:
                digest: str = end.value
                return digest
            yield part
            report(part.size)

    return replace(tensor, read=read, stream=None if tensor.stream is None else stream)
