"""The text of an augmentation, and every refusal in one line."""

import pytest

from cnnkit.data.augmentation import TRANSFORMS, Augmentation, parse, render
from cnnkit.data.augmentation.geometric import RandomCrop, RandomFlip, RandomRotate
from cnnkit.errors import ConfigError


def test_names_values_and_keys() -> None:
    wanted = (RandomFlip(), RandomCrop(4), RandomRotate(15.0, 0.5), RandomFlip(vertical=True, share=1.0))
    assert parse("flip,crop:4,rotate:degrees=15,share=0.5,flip:vertical,share=1") == wanted
    assert parse("flip, crop:padding=4 ,rotate:15,share=0.5,flip:vertical=true,share=1.0") == wanted
    assert render(wanted) == "flip,crop,rotate:degrees=15.0,share=0.5,flip:vertical=true,share=1.0"
    assert parse(render(wanted)) == wanted
    assert parse("rotate,share=0.3") == parse("rotate:share=0.3")


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_name_alone_is_read_back(name) -> None:
    (transform,) = parse(name)
    assert transform.name == name
    assert render((transform,)) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "augment: expected transforms such as flip,crop:4,rotate:10, got ''"),
        ("flip,,crop", "augment: expected transforms such as flip,crop:4,rotate:10, got 'flip,,crop'"),
        ("share=0.5", "augment: expected one of flip, crop,"),
        ("spin", "augment: expected one of flip, crop,"),
        ("crop:much", "augment crop: padding: expected int, got 'much'"),
        ("crop:1.5", "augment crop: padding: expected int, got '1.5'"),
        ("crop:-1", "augment crop: expected padding in 0..65536, got -1"),
        ("crop:4,share=2", "augment crop: expected share in 0..1, got 2.0"),
        (
            "crop:4,sher=1",
            "augment crop: expected key=value with padding, share, got 'sher=1' (did you mean share=...?)",
        ),
        ("crop:4,padding=3", "augment crop: expected padding once, got 'padding=3' besides"),
        ("rotate:200", "augment rotate: expected degrees in 0..180, got 200.0"),
        ("rotate:nan", "augment rotate: degrees: expected float, got 'nan'"),
        ("shift:2", "augment shift: expected fraction in 0..1, got 2.0"),
        ("zoom:1", "augment zoom: expected amount in 0..0.99, got 1.0"),
        ("shear:11", "augment shear: expected slope in 0..10, got 11.0"),
        ("resized_crop:0", "augment resized_crop: expected smallest in 0.0001..1, got 0.0"),
        ("resized_crop:ratio=0.5", "augment resized_crop: expected ratio in 1..100, got 0.5"),
        ("brightness:-1", "augment brightness: expected amount in 0..10, got -1.0"),
        ("hue:0.6", "augment hue: expected amount in 0..0.5, got 0.6"),
        ("noise:-1", "augment noise: expected deviation >= 0, got -1.0"),
        ("cutout:0", "augment cutout: expected size in 1..65536, got 0"),
        ("mixup:2", "augment mixup: expected alpha in 0.01..1, got 2.0"),
        ("cutmix:0", "augment cutmix: expected alpha in 0.01..1, got 0.0"),
        ("flip:sideways", "augment flip: vertical: expected bool, got 'sideways'"),
        ("border:sky", "augment border: expected a raw value, or edge, got 'sky'"),
        ("border:0,flip,border:1", "augment: expected border once, got 'border:0,flip,border:1'"),
        ("flip," * 64 + "flip", "augment: expected transforms such as flip,crop:4,rotate:10, got "),
    ],
)
def test_a_wrong_text_is_refused_in_one_line(text, message) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shape", "kind", "target", "message"),
    [
        ("rotate", (2, 9), "class", (), "augment rotate: expected images (C, H, W), got samples of shape (2, 9)"),
        ("zoom", (9,), "class", (), "augment zoom: expected images (C, H, W), got samples of shape (1, 9)"),
        ("resized_crop", (1, 3, 4, 5), "class", (), "augment resized_crop: expected images (C, H, W), got"),
        ("flip:vertical", (2, 9), "class", (), "augment flip: expected images (C, H, W) to flip vertically, got"),
        ("contrast", (2, 9), "class", (), "augment contrast: expected images (C, H, W), got samples of shape (2, 9)"),
        ("saturation", (1, 8, 8), "class", (), "augment saturation: expected colour images (3, H, W), got samples of"),
        (
            "hue",
            (4, 8, 8),
            "class",
            (),
            "augment hue: expected colour images (3, H, W), got samples of shape (4, 8, 8)",
        ),
        (
            "flip",
            (1, 8, 8),
            "class_map",
            (4, 4),
            "augment flip: expected targets of the samples' size 8 x 8, got shape",
        ),
        (
            "rotate",
            (1, 8, 8),
            "values",
            (3,),
            "augment rotate: expected targets of the samples' size 8 x 8, got shape 3",
        ),
        ("mixup", (1, 8, 8), "class_map", (8, 8), "augment mixup: expected targets that can be mixed, got maps of"),
    ],
)
def test_samples_that_cannot_be_changed_are_refused(text, shape, kind, target, message) -> None:
    with pytest.raises(ConfigError) as caught:
        Augmentation.parse(text).check(shape, (kind,), (target,))
    assert str(caught.value).startswith(message)


def test_what_can_be_changed_passes() -> None:
    Augmentation.parse("flip,shift,crop,noise,cutout,mixup,cutmix").check((9,), ("class",), ((),))
    Augmentation.parse("flip,rotate,hue,cutmix").check((3, 8, 8), ("class_map", "values"), ((8, 8), (1, 8, 8)))
