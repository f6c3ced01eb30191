"""Models of TensorFlow.js whose manifests lie or lead elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.case import Case
from hostile.making import READ, make_cases, write_secret


def weight(name: Any = "w", shape: Any = (2,), dtype: Any = "float32", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "dtype": dtype} | more


def model(*weights: Any, paths: Any = ("w.bin",), topology: Any = None, **more: Any) -> bytes:
    groups = [{"paths": paths, "weights": weights}]
    return json.dumps({"modelTopology": topology, "weightsManifest": groups} | more).encode()


def quantised(**rule: Any) -> bytes:
    return model(weight(quantization=rule))


def beside(location: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        write_secret(path)
        path.write_bytes(model(weight(shape=(16,)), paths=[location]))

    return write


def layer(name: Any, kind: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name}}


def deep(levels: int) -> bytes:
    inner = '{"class_name": "Model", "config": {"layers": [' * levels + "]}}" * levels
    return b'{"weightsManifest": [], "modelTopology": {"model_config": ' + inner.encode() + b"}}"


CASES = (
    *make_cases(
        "weights",
        [
            ("tfjs-shape-negative.json", "a negative extent", model(weight(shape=(-2,)))),
            ("tfjs-shape-product.json", "a product over 2^100", model(weight(shape=(1 << 50, 1 << 50)))),
            ("tfjs-shape-text.json", "a shape that is a text", model(weight(shape="2"))),
            ("tfjs-shape-null.json", "an extent that is null", model(weight(shape=[None]))),
            ("tfjs-type-unknown.json", "a type that is not known", model(weight(dtype="float128"))),
            ("tfjs-type-list.json", "a type that is a list", model(weight(dtype=["float32"]))),
            ("tfjs-name-number.json", "a name that is a number", model(weight(name=5))),
            ("tfjs-name-twice.json", "two weights of one name", model(weight(), weight()), READ),
            ("tfjs-name-control.json", "a name that clears the screen", model(weight(name="\x1b[2J")), READ),
            ("tfjs-paths-number.json", "a path that is a number", model(weight(), paths=[3])),
            ("tfjs-paths-none.json", "no paths", model(weight(), paths=[]), READ),
            ("tfjs-paths-missing.json", "a path that is not there", model(weight(), paths=["none.bin"]), READ),
            ("tfjs-paths-url.json", "a path on a server", model(weight(), paths=["http://127.0.0.1:9/w.bin"]), READ),
            ("tfjs-paths-device.json", "the path /dev/zero", model(weight(), paths=["/dev/zero"]), READ),
            ("tfjs-paths-nul.json", "a path that ends early", model(weight(), paths=["w.bin\0x"]), READ),
            ("tfjs-paths-many.json", "100,000 paths", model(weight(), paths=["w.bin"] * 100_000), READ),
            ("tfjs-scale-inf.json", "a scale that is not finite", quantised(dtype="uint8", scale=1e999, min=0)),
            ("tfjs-scale-digits.json", "a scale of 5,000 digits", model(weight()).replace(b'"float32"', b'"float32", '
             b'"quantization": {"dtype": "uint8", "min": 0, "scale": ' + b"9" * 4000 + b"}")),
            ("tfjs-scale-text.json", "a scale that is a text", quantised(dtype="uint8", scale="1", min=0)),
            ("tfjs-quantised-unknown.json", "rounded to 3 bits", quantised(dtype="uint3", scale=1, min=0)),
            ("tfjs-manifest-null.json", "no manifest", b'{"modelTopology": {}, "weightsManifest": null}'),
            ("tfjs-manifest-object.json", "a manifest that is an object", b'{"weightsManifest": {}}'),
            ("tfjs-group-null.json", "a group that is null", b'{"weightsManifest": [null]}'),
            ("tfjs-weight-null.json", "a weight that is null", model(None)),
            ("tfjs-key-twice.json", "the manifest twice", b'{"weightsManifest": [], "weightsManifest": [1]}'),
            ("tfjs-nan.json", "NaN", b'{"weightsManifest": NaN}'),
            ("tfjs-deep.json", "100,000 brackets", b'{"weightsManifest": ' + b"[" * 100_000),
            ("tfjs-layers-deep.json", "300 models in each other", deep(300), (0, 2)),
            ("tfjs-layers-number.json", "layers that are a number", model(weight(), topology={"model_config": {
                "class_name": "Sequential", "config": {"layers": 5}}}), READ),
            ("tfjs-layers-lambda.json", "a layer with code", model(weight("x/kernel"), topology={"model_config": {
                "class_name": "Sequential", "config": {"layers": [layer("x", "Lambda"), layer(5, ["a"])]}}}), READ),
            ("tfjs-cut.json", "cut short", model(weight())[:-9]),
            ("tfjs-script.json", "a script behind it", model(weight()) + b"<script>alert(1)</script>"),
            ("tfjs-old.json", "the older list of groups, which lies", b'[{"paths": ["../x"], "weights": [5]}]'),
        ],
    ),
    Case("tfjs-outside.json", "weights", "the path ../here/secret.txt", beside("../here/secret.txt"), READ),
    Case("tfjs-absolute.json", "weights", "the path /etc/passwd", beside("/etc/passwd"), READ),
    Case("tfjs-backslash.json", "weights", "the path ..\\here\\secret.txt", beside("..\\here\\secret.txt"), READ),
    Case("tfjs-home.json", "weights", "the path ~/.profile", beside("~/.profile"), READ),
)  # fmt: skip
