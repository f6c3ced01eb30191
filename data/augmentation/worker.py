"""A process that reads and changes samples for a training: it is sent a preparation, then one reading after another.

It ends when its input does, so also when the training is killed.
"""

import signal
import sys

from cnnkit.data.augmentation.augmentation import ReadingPlan
from cnnkit.data.augmentation.frames import dump, receive, send
from cnnkit.data.augmentation.preparation import Preparation, SamplePart
from cnnkit.data.augmentation.samples import RawSamples
from cnnkit.errors import CnnkitError, first_line


def main() -> None:
    """Answer tasks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training, which ends this process
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        preparation: Preparation = receive(tasks)
        while True:
            send(answers, dump(answer(preparation, receive(tasks))))
    except (EOFError, BrokenPipeError):
        return


def answer(preparation: Preparation, task: tuple[int, ReadingPlan, int, SamplePart]) -> tuple[int, RawSamples | str]:
    """Return (number of the task, samples), or the line of what went wrong.

    task: number, reading, epoch, and what the training has in memory of these samples.
    """
    number, reading, epoch, given = task
    try:
        samples = preparation.assemble(reading.samples, given, preparation.read_part(reading.samples))
        return number, preparation.change(samples, reading, epoch)
    except CnnkitError as error:
        return number, str(error)
    except Exception as error:  # of a reader: the training tells it, whatever it is
        return number, f"a worker process failed: {type(error).__name__}: {first_line(error)}"


if __name__ == "__main__":
    main()
