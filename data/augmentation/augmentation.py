"""A list of transforms, applied to samples: a function of samples, seed and epoch, whatever the batch they come in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cnnkit.data.augmentation.affine import AffineMap
from cnnkit.data.augmentation.draws import Draws, Indices
from cnnkit.data.augmentation.samples import CLASS_MAP, INPUT, VALUES, RawSamples, TargetValues
from cnnkit.data.augmentation.sampling import Outside, interpolate, move, nearest
from cnnkit.data.augmentation.text_form import parse, render
from cnnkit.data.augmentation.transform import Border, Geometric, Mixing, Pointwise, SampleTransform, Shape
from cnnkit.errors import ConfigError

IGNORED = -1  # what a map of classes has outside its edges


@dataclass(frozen=True)
class ReadingPlan:
    """What must be read for some samples: themselves, then their partners, then theirs, as often as samples are mixed.

    samples   (n,) indices in the data set
    partners  (n,) of each; None where nothing is mixed
    counts    how many are wanted, how many with their partners, ..., n
    """

    samples: Indices
    partners: Indices | None
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Augmentation:
    """Transforms in the order of their work.

    Neighbours that move pixels become one map. The number of a transform in the list is part of the address of its
    random numbers.
    """

    transforms: tuple[SampleTransform, ...]

    @classmethod
    def parse(cls, text: str) -> "Augmentation":
        """Return the augmentation of a text such as "flip,crop:4". Raises ConfigError."""
        return cls(parse(text))

    def __str__(self) -> str:
        return render(self.transforms)

    @property
    def mixings(self) -> int:
        """The number of transforms that mix samples."""
        return sum(isinstance(transform, Mixing) for transform in self.transforms)

    def check(self, sample_shape: Shape, kinds: Sequence[str], target_shapes: Sequence[Shape]) -> None:
        """Raise ConfigError for samples or targets that a transform cannot change, before the first batch.

        sample_shape of the pixels, (C, H, W), (C, L), (F,), ...; kinds and target_shapes: of each output.
        """
        shape = (1, *sample_shape) if len(sample_shape) == 1 else tuple(sample_shape)
        for transform in self.transforms:
            transform.check(shape, tuple(kinds))
            for kind, target in zip(kinds, target_shapes, strict=True):
                if not isinstance(transform, Geometric) or kind not in (CLASS_MAP, VALUES):
                    continue
                if tuple(target)[-len(shape[1:]) :] != shape[1:] or len(target) < len(shape) - 1:
                    expected = f"targets of the samples' size {_show(shape[1:])}"
                    raise ConfigError(f"augment {transform.name}: expected {expected}, got shape {_show(target)}")

    def plan(self, wanted: Indices, partner_of: Indices | None = None) -> "ReadingPlan":
        """Return what must be read for the samples that are wanted.

        partner_of: of each sample of the data set, as `partners_in_epoch` returns them; only mixing needs it.
        """
        samples, counts = np.asarray(wanted, np.int64), [len(wanted)]
        if partner_of is None or not self.mixings:
            return ReadingPlan(samples, None, tuple(counts))
        for _ in range(self.mixings):
            samples = np.concatenate([samples, np.setdiff1d(partner_of[samples], samples)])
            counts.append(len(samples))
        return ReadingPlan(samples, partner_of[samples], tuple(counts))

    def apply(self, samples: RawSamples, reading: "ReadingPlan", key: tuple[int, int], epoch: int) -> RawSamples:
        """Return the wanted samples, changed.

        samples: those that the reading names, in its order. key: two words of 32 bits, made of the seed. epoch: counted
        from 0.
        """
        shape = samples.pixels.shape[1:]
        if len(shape) == 1:
            samples = replace(samples, pixels=samples.pixels[:, None])
        counts, place = list(reading.counts), 0
        while place < len(self.transforms):
            transform, draws = self.transforms[place], Draws(key, epoch, place, samples.indices)
            if isinstance(transform, Geometric):
                samples, place = self._move(samples, place, key, epoch)
                continue
            if isinstance(transform, Pointwise):
                samples = _change(transform, samples, draws)
            elif isinstance(transform, Mixing) and reading.partners is not None:
                counts.pop()
                samples = _mix(transform, samples, reading.partners[: counts[-1]], draws)
            place += 1
        return replace(samples, pixels=samples.pixels.reshape(len(samples), *shape))

    def _move(self, samples: RawSamples, place: int, key: tuple[int, int], epoch: int) -> tuple[RawSamples, int]:
        """Return samples moved by the transforms from `place` on that move pixels, and the place of the next one."""
        sizes = samples.pixels.shape[2:]
        places, whole = AffineMap.identity(len(samples), len(sizes)), True
        while place < len(self.transforms) and isinstance(transform := self.transforms[place], Geometric):
            places = transform.places(Draws(key, epoch, place, samples.indices), sizes).after(places)
            whole, place = whole and transform.whole, place + 1
        border = next((t.raw for t in self.transforms if isinstance(t, Border)), 0.0)
        read = move if whole else interpolate
        targets = tuple(_move_target(target, places, border, whole, sizes) for target in samples.targets)
        return replace(samples, pixels=read(samples.pixels, places, border), targets=targets), place


def _move_target(target: TargetValues, places: AffineMap, border: Outside, whole: bool, sizes: Shape) -> TargetValues:
    values = target.values
    if values is None or target.kind not in (CLASS_MAP, VALUES, INPUT):
        return target
    if target.kind == CLASS_MAP:
        signed = values.astype(np.int64) if values.dtype.kind != "i" else values
        label = None if border is None else IGNORED
        maps = move(signed[:, None], places, label)[:, 0] if whole else nearest(signed, places, label)
        return replace(target, values=maps)
    outside = border if border is None or target.kind == INPUT else 0.0
    channels = values.reshape(len(values), -1, *sizes)
    moved = (move if whole else interpolate)(channels, places, outside)
    return replace(target, values=moved.reshape(values.shape))


def _change(transform: Pointwise, samples: RawSamples, draws: Draws) -> RawSamples:
    """Return samples with changed pixels; targets that are the samples themselves keep what is spoiled."""
    targets = []
    for target in samples.targets:
        if target.kind == INPUT and transform.spoils and target.values is None:
            targets.append(replace(target, values=samples.pixels))
        elif target.kind == INPUT and target.values is not None and not transform.spoils:
            targets.append(replace(target, values=transform.change(target.values, draws, samples.white)))
        else:
            targets.append(target)
    return replace(samples, pixels=transform.change(samples.pixels, draws, samples.white), targets=tuple(targets))


def _mix(transform: Mixing, samples: RawSamples, partners: Indices, draws: Draws) -> RawSamples:
    """Return the first samples, as many as there are partners (n,), each mixed with its own, which is in `samples`."""
    order = np.argsort(samples.indices)
    places = order[np.searchsorted(samples.indices, partners, sorter=order)]
    count = len(partners)
    return transform.mix(samples.take(slice(count)), samples.take(places), draws.of(slice(count)))


def partners_in_epoch(order: Indices) -> Indices:
    """Return the partner of each sample: the next one in a shuffled order, the first one's for the last; else -1."""
    partner_of: Indices = np.full(int(order.max()) + 1, -1, np.int64)
    partner_of[order] = np.roll(order, -1)
    return partner_of


def _show(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "()"
