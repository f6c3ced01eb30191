"""Transforms that mix two samples, and their targets in the same shares."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnkit.data.augmentation.draws import Draws, Floats
from cnnkit.data.augmentation.samples import CLASS, CLASS_MAP, INPUT, TAGS, VALUES, RawSamples, TargetValues
from cnnkit.data.augmentation.sampling import to_pixels, working_type
from cnnkit.data.augmentation.transform import Mixing, Shape

_ATTEMPTS = 64  # of Jöhnk's method; each succeeds with probability 1/2 at the least, for alpha up to 1
_FIRST = 1 << 8  # the block of their first draws
_STEPS = 1 << 16  # shares are rounded to: what the last bit of a power is differs between machines


@dataclass(frozen=True)
class Mixup(Mixing):
    """x = share of one sample + the rest of another, with a share drawn from Beta(alpha, alpha) (Zhang et al. 2018)."""

    name: ClassVar[str] = "mixup"

    alpha: float = 0.2
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("alpha", 0.01, 1)

    def check(self, sample_shape: Shape, kinds: tuple[str, ...]) -> None:
        if CLASS_MAP in kinds:
            raise self._refuse("targets that can be mixed", "maps of classes", "cutmix takes them")

    def mix(self, samples: RawSamples, partners: RawSamples, draws: Draws) -> RawSamples:
        kept = np.where(self._applied(draws.uniform(1)[:, 0]), draw_beta(draws, self.alpha), 1.0)
        pixels = _blend(samples.pixels, partners.pixels, kept)
        return _mix_targets(replace(samples, pixels=pixels), samples, partners, kept)


@dataclass(frozen=True)
class CutMix(Mixing):
    """A rectangle of another sample is put into one; it has 1 - Beta(alpha, alpha) of the area (Yun et al. 2019)."""

    name: ClassVar[str] = "cutmix"

    alpha: float = 1.0
    share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("alpha", 0.01, 1)

    def mix(self, samples: RawSamples, partners: RawSamples, draws: Draws) -> RawSamples:
        sizes = samples.pixels.shape[2:]
        u = draws.uniform(1 + len(sizes))
        pasted = np.where(self._applied(u[:, 0]), 1 - draw_beta(draws, self.alpha), 0.0)
        side = np.sqrt(pasted) if len(sizes) == 2 else pasted ** (1 / len(sizes))
        lengths = np.floor(side[:, None] * np.array(sizes) + 0.5).astype(int)
        firsts = np.floor(u[:, 1:] * np.array(sizes)).astype(int) - lengths // 2
        begins, ends = np.maximum(firsts, 0), np.minimum(firsts + lengths, sizes)
        kept = 1 - (ends - begins).prod(axis=1) / math.prod(sizes)
        pixels = _paste(samples.pixels, partners.pixels, begins, ends)
        mixed = replace(samples, pixels=pixels)
        return _mix_targets(mixed, samples, partners, kept, (begins, ends))


def draw_beta(draws: Draws, alpha: float) -> Floats:
    """Return draws (n,) from Beta(alpha, alpha), alpha <= 1, by the method of Jöhnk (1964), as multiples of 2**-16.

    x = u^(1/alpha), y = v^(1/alpha), again and again until x + y <= 1; then x / (x + y).
    """
    found = np.full(len(draws.samples), np.nan)
    for attempt in range(0, _ATTEMPTS, 2):
        left = np.flatnonzero(np.isnan(found))
        if not len(left):
            break
        powers = draws.of(left).uniform(4, _FIRST + attempt // 2) ** (1 / alpha)
        for x, y in (powers[:, :2].T, powers[:, 2:].T):
            good = (x + y <= 1) & (x + y > 0) & np.isnan(found[left])
            found[left[good]] = x[good] / (x + y)[good]
    rounded: Floats = np.rint(np.nan_to_num(found, nan=0.5) * _STEPS) / _STEPS
    return rounded


Boxes = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _blend(values: Any, others: Any, kept: Floats) -> Any:
    """Return kept * values + (1 - kept) * others for arrays (n, ...), as pixels of their type."""
    dtype = working_type(values.dtype)
    share = kept.astype(dtype).reshape(-1, *[1] * (values.ndim - 1))
    return to_pixels(share * values + (1 - share) * others, values.dtype)


def _paste(values: Any, others: Any, begins: Any, ends: Any) -> Any:
    """Return arrays (n, ..., *S) with a box of others in each."""
    result = np.array(values, order="C")
    for k, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        box: Any = (k, Ellipsis, *map(slice, begin, end))
        result[box] = others[box]
    return result


def _mix_targets(
    mixed: RawSamples, samples: RawSamples, partners: RawSamples, kept: Floats, boxes: Boxes | None = None
) -> RawSamples:
    """Return `mixed` with targets and weights in the shares `kept` and 1 - kept.

    A weighted label counts in the share of its weight, and an ignored one (weight 0) not at all: the loss is then
    kept * weight * loss of one label + (1 - kept) * weight * loss of the other.
    """
    weights = None
    share = kept, 1 - kept
    if samples.weights is not None and partners.weights is not None:
        share = kept * samples.weights, (1 - kept) * partners.weights
        weights = share[0] + share[1]
    sizes = samples.pixels.shape[2:]
    pairs = zip(samples.targets, partners.targets, strict=True)
    targets = tuple(_mix_target(one, other, kept, share, sizes, boxes) for one, other in pairs)
    return replace(mixed, targets=targets, weights=weights)


def _mix_target(
    one: TargetValues,
    other: TargetValues,
    kept: Floats,
    share: tuple[Floats, Floats],
    sizes: Shape,
    boxes: Boxes | None,
) -> TargetValues:
    if one.values is None or other.values is None:
        return one
    if one.kind == CLASS or (one.kind == TAGS and one.classes):
        rows = share[0][:, None] * _to_rows(one) + share[1][:, None] * _to_rows(other)
        total = share[0] + share[1]
        return TargetValues(TAGS, rows / np.where(total > 0, total, 1)[:, None], one.classes)
    if boxes is not None and one.kind in (CLASS_MAP, VALUES, INPUT) and one.values.shape[-len(sizes) :] == sizes:
        return replace(one, values=_paste(one.values, other.values, *boxes))
    if one.kind in (VALUES, INPUT):
        return replace(one, values=_blend(one.values, other.values, kept))
    part = kept.reshape(-1, *[1] * (one.values.ndim - 1))
    return replace(one, values=part * one.values + (1 - part) * other.values)


def _to_rows(target: TargetValues) -> Floats:
    """Return class labels (n,) as rows (n, K), of zeros for an ignored one; rows as they are."""
    assert target.values is not None  # noqa: S101 (for the type checker)
    labels = target.values[:, None] == np.arange(target.classes) if target.kind == CLASS else target.values
    rows: Floats = labels.astype(np.float64)
    return rows
