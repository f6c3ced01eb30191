"""The files beside a training's own that keep the weights of epochs: weights-epoch-0003.h5 beside weights.h5."""

import re
from pathlib import Path

_MOST_DIGITS = 18


def name_epoch(out: Path, epoch: int) -> Path:
    """Return the name of the file beside OUT with the weights of an epoch: weights-epoch-0003.h5."""
    return out.with_name(f"{out.stem}-epoch-{epoch:04d}{out.suffix}")


def list_epochs(out: Path) -> list[tuple[int, Path]]:
    """Return (epoch, file) of the files beside OUT that have such names, in the order of the epochs."""
    name = re.compile(re.escape(f"{out.stem}-epoch-") + rf"([0-9]{{4,{_MOST_DIGITS}}})" + re.escape(out.suffix))
    matches = ((name.fullmatch(path.name), path) for path in out.parent.iterdir())
    return sorted((int(match[1]), path) for match, path in matches if match)
