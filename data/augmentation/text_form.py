"""The text of an augmentation: `flip,crop:4,rotate:degrees=10,share=0.5`, transforms in the order of their work."""

from dataclasses import fields

from cnnkit import specs
from cnnkit.data.augmentation.colour import RandomBrightness, RandomContrast, RandomHue, RandomSaturation
from cnnkit.data.augmentation.geometric import (
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    RandomRotate,
    RandomShear,
    RandomShift,
    RandomZoom,
)
from cnnkit.data.augmentation.mixing import CutMix, Mixup
from cnnkit.data.augmentation.spoiling import AddNoise, Cutout
from cnnkit.data.augmentation.transform import Border, SampleTransform
from cnnkit.errors import ConfigError
from cnnkit.files.names import describe_value

TRANSFORMS: dict[str, type[SampleTransform]] = {
    cls.name: cls
    for cls in (
        RandomFlip, RandomCrop, RandomShift, RandomResizedCrop, RandomRotate, RandomZoom, RandomShear, RandomBrightness,
        RandomContrast, RandomSaturation, RandomHue, AddNoise, Cutout, Mixup, CutMix, Border,
    )
}  # fmt: skip
_MOST = 64  # transforms
_EXPECTED = "transforms such as flip,crop:4,rotate:10"


def parse(text: str) -> tuple[SampleTransform, ...]:
    """Return the transforms that a text names: NAME, NAME:VALUE of its first field, or NAME:KEY=VALUE,KEY=VALUE.

    A part with "=" but no ":" goes on with the arguments of the name before it. The name of a field that is true or
    false stands for true: flip:vertical.

    Raises ConfigError on an unknown name, key or value, on an empty text, and on more than 64 transforms.
    """
    parts: list[str] = []
    for part in text.split(","):
        if "=" in part and ":" not in part and parts:
            parts[-1] += ("," if ":" in parts[-1] else ":") + part
        else:
            parts.append(part)
    if not 1 <= len(parts) <= _MOST or not all(part.strip() for part in parts):
        raise ConfigError(f"augment: expected {_EXPECTED}, got {describe_value(text)}")
    transforms = tuple(_parse_one(part) for part in parts)
    if sum(isinstance(transform, Border) for transform in transforms) > 1:
        raise ConfigError(f"augment: expected border once, got {describe_value(text)}")
    return transforms


def _parse_one(part: str) -> SampleTransform:
    name, colon, arguments = part.partition(":")
    known = TRANSFORMS.get(name.strip())
    first, *rest = arguments.split(",")
    if known is not None and colon and "=" not in first:
        settings = {field.name: field.type for field in fields(known) if field.init}  # type: ignore[arg-type]
        word = first.strip()
        given = f"{word}=true" if settings.get(word) in (bool, "bool") else f"{next(iter(settings))}={word}"
        part = f"{name}:" + ",".join([given, *rest])
    return specs.parse("augment", part, TRANSFORMS)


def render(transforms: tuple[SampleTransform, ...]) -> str:
    """Return the text that `parse` reads back; fields at their default are left out."""
    return ",".join(specs.render(transform.name, transform) for transform in transforms)
