"""Role and axes of an array by MATLAB's name for it: MatConvNet's layers, and common words.

In MatConvNet's simple networks a layer is a struct with `weights` {kernel, bias}, or formerly `filters` and `biases`;
in its graphs (DagNN) the arrays are `params(k).value`, and a layer lists the names of its own. A kernel is (height,
width, inputs, outputs), of a transposed convolution (height, width, outputs, inputs).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from cnnkit.exporters.core.name_conventions import find_word_role
from cnnkit.exporters.core.weight_file import numbered_axes

_SIMPLE = re.compile(r"(?P<layer>(?:.*[.}])?layers\{\d+\})\.(?:weights\{(?P<index>[123])\}|(?P<old>filters|biases))")
_LISTED = re.compile(r"(?P<layer>(?P<net>(?:.*\.)?)layers(?:\(\d+\))?)\.params\{(?P<index>[123])\}")
_VALUE = re.compile(r"(?P<owner>(?P<net>(?:.*\.)?)params(?:\(\d+\))?)\.value")
_LINEAR = {1: ("parameter", "weight"), 2: ("parameter", "bias")}
_NORMALISED = {1: ("parameter", "gamma"), 2: ("parameter", "beta"), 3: ("state", "other")}  # 3: means and deviations
_FORMS = {
    "conv": (_LINEAR, ("kh", "kw", "i", "o")), "dagnn.Conv": (_LINEAR, ("kh", "kw", "i", "o")),
    "convt": (_LINEAR, ("kh", "kw", "o", "i")), "dagnn.ConvTranspose": (_LINEAR, ("kh", "kw", "o", "i")),
    "bnorm": (_NORMALISED, ()), "dagnn.BatchNorm": (_NORMALISED, ()),
}  # fmt: skip
Meaning = tuple[str, str, str, tuple[str, ...]]


class _Slot(NamedTuple):
    """An array of a layer: path and type of the layer, and which of its arrays it is, from 1 on."""

    layer: str
    form: str
    place: int


class ArrayNames:
    """Names of arrays, with the texts of the file by name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._owned: dict[tuple[str, str], _Slot] = {}
        for name, text in texts.items():
            listed = _LISTED.fullmatch(name)
            if listed is not None:
                layer = listed["layer"]
                known = listed["net"] + texts.get(f"{layer}.name", layer.removeprefix(listed["net"]))
                slot = _Slot(known, texts.get(f"{layer}.type", ""), int(listed["index"]))
                self._owned.setdefault((listed["net"], text), slot)

    def interpret(self, name: str, rank: int) -> Meaning:
        """Return (layer, kind, role, axes) of an array with `rank` axes."""
        slot = self._find_slot(name)
        if slot is None:
            layer, _, word = name.rpartition(".")
            kind, role = find_word_role(re.sub(r"[{(]\d+[)}]$", "", word))
            return layer or name, kind, role, numbered_axes(rank)
        roles, axes = _FORMS.get(slot.form, ({}, ()))
        kind, role = roles.get(slot.place, ("parameter", "other"))
        return slot.layer, kind, role, axes if role == "weight" and rank == len(axes) else numbered_axes(rank)

    def _find_slot(self, name: str) -> _Slot | None:
        simple, value = _SIMPLE.fullmatch(name), _VALUE.fullmatch(name)
        if simple is not None:
            form = self._texts.get(f"{simple['layer']}.type", "conv")
            index = int(simple["index"] or (1 if simple["old"] == "filters" else 2))
            return _Slot(simple["layer"], form, index)
        if value is not None:
            return self._owned.get((value["net"], self._texts.get(f"{value['owner']}.name", "")))
        return None
