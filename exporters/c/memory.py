"""Where the values of a program lie: each until its last use, then others take its place."""

from collections.abc import Sequence

from cnnkit.exporters.c.program import CCall, CValue


def place_values(calls: Sequence[CCall], outputs: Sequence[CValue]) -> tuple[dict[int, int], int]:
    """Return ({number of a value: its offset}, how many numbers all take); values that are alive never overlap.

    outputs: of the network, which stay to the end. First fit, in the order in which they are made.
    """
    last = {value.number: index for index, call in enumerate(calls) for value in call.inputs}
    last |= {value.number: len(calls) for value in outputs}
    offsets, alive, total = dict[int, int](), list[tuple[int, int, int]](), 0  # (offset, end, number)
    for index, call in enumerate(calls):
        number = call.output.number
        assert number is not None  # noqa: S101 (only inputs of the network have none)
        offset = 0
        for begin, end, _ in sorted(alive):
            if begin - offset >= call.output.size:
                break
            offset = max(offset, end)
        alive.append((offset, offset + call.output.size, number))
        offsets[number], total = offset, max(total, offset + call.output.size)
        alive = [entry for entry in alive if last.get(entry[2], -1) > index]
    return offsets, total
