"""The sample whose activations are drawn: what it is in words, the names of the classes, a photo in its colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnkit.exporters.core.weight_file import WeightFile
from cnnkit.exporters.svg.canvas import MARGIN, ROOM, Sheet
from cnnkit.exporters.svg.lettering import make_safe
from cnnkit.exporters.svg.scale import ScaledTensor
from cnnkit.files.png import photo_uri

KEY = "sample"  # in the metadata
_SIDE = 260  # px of a photo, about


@dataclass(frozen=True)
class Sample:
    """One image and what the network made of it, from the metadata of a file, which may hold anything.

    name: "test image 3 of digits". label, predicted: classes, None where unknown. score: that of the prediction.
    black, white: the network's values of black and of full brightness, equal where unknown.
    """

    name: str
    label: int | None
    predicted: int | None
    score: float | None
    black: float
    white: float
    classes: Sequence[str]

    def describe(self) -> str:
        """Return the sample, its class and the prediction in one line."""
        words = [f"activations of {self.name}" if self.name else "activations of one sample"]
        if self.label is not None:
            words.append(f"truth {self.name_class(self.label)}")
        if self.predicted is not None:
            score = "" if self.score is None else f" (score {self.score:.4f})"
            words.append(f"prediction {self.name_class(self.predicted)}{score}")
            if self.label is not None:
                words.append("right" if self.label == self.predicted else "wrong")
        return ", ".join(words)

    def name_class(self, number: int) -> str:
        """Return "3 (cat)", or "3" where the class has no name of its own."""
        name = self.classes[number] if number < len(self.classes) else str(number)
        return name if name == str(number) else f"{number} ({name})"


def find_sample(weights: WeightFile) -> Sample | None:
    """Return the sample that the activations in a file belong to, None without activations."""
    if not weights.select("activation"):
        return None
    stored = weights.metadata.get(KEY)
    facts: dict[str, Any] = stored if isinstance(stored, dict) else {}
    names = weights.metadata.get("class_names")
    classes = [make_safe(name) for name in names] if isinstance(names, list) else []
    label, predicted = (_take_class(facts.get(key)) for key in ("label", "predicted"))
    score, black, white = (_take_float(facts.get(key)) for key in ("score", "black", "white"))
    name = facts.get("name")
    return Sample(
        make_safe(name) if isinstance(name, str) else "", label, predicted, score, black or 0.0, white or 0.0, classes
    )


def _take_class(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _take_float(value: Any) -> float | None:
    return value if type(value) is float and np.isfinite(value) else None


def name_outputs(tensors: Sequence[ScaledTensor], sample: Sample) -> None:
    """Give the values of the last activation the names of the classes, where there is one for each."""
    last = tensors[-1]
    if last.tensor.shape == (len(sample.classes),) and last.tensor.name != "input":
        last.value_names = sample.classes


def draw_photo(sheet: Sheet, values: ScaledTensor, sample: Sample) -> None:
    """Put an input of three channels on the page in its colours, where black and white are known."""
    shape = values.tensor.shape
    if len(shape) != 3 or shape[0] != 3 or not values.flat.size or sample.black == sample.white:
        return
    shares = (values.flat.reshape(shape) - sample.black) / (sample.white - sample.black)
    pixels = np.rint(255 * np.clip(np.nan_to_num(shares), 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    factor = max(_SIDE / max(shape[1:]), 1)
    wide, tall = shape[2] * min(factor, ROOM / shape[2]), shape[1] * min(factor, ROOM / shape[2])
    title = sample.name or "the sample"
    sheet.add(sheet.canvas.image(MARGIN, sheet.y, round(wide, 1), round(tall, 1), photo_uri(pixels), title, "photo"))
    sheet.y += round(tall) + 18
