"""Archives of Keras whose parts are missing, damaged or do not fit; those with code are in execution_files.py."""

import functools
import io
import json

from hostile.making import READ, make_cases
from hostile.zips import Entry, deflated, write_zip, zeros

WEIGHTS = b"model.weights.h5"
PLACES = ("layers/dense/vars/0", "layers/dense/vars/1")


@functools.cache
def weights(shapes: tuple[tuple[int, ...], ...] = ((2, 2), (2,)), places: tuple[str, ...] = PLACES) -> bytes:
    """Return an HDF5 file of zeros, as Keras writes it for a dense layer."""
    import h5py
    import numpy as np

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for place, shape in zip(places, shapes, strict=True):
            file[place] = np.zeros(shape, "f4")
    return stream.getvalue()


def layer(name: object = "dense", kind: object = "Dense", **config: object) -> dict[str, object]:
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name} | config}


def model(*layers: object) -> bytes:
    return json.dumps(
        {"module": "keras", "class_name": "Sequential", "config": {"name": "n", "layers": layers}}
    ).encode()


HONEST = model(layer())


def archive(config: bytes = HONEST, stored: bytes | Entry | None = None, *more: Entry) -> bytes:
    member = stored if isinstance(stored, Entry) else Entry(WEIGHTS, weights() if stored is None else stored)
    return write_zip([Entry(b"config.json", config), member, *more])


def nested(levels: int) -> bytes:
    inner: object = layer()
    for _ in range(levels):
        inner = {"class_name": "Functional", "config": {"name": "n", "layers": [inner]}}
    return model(inner)


CASES = make_cases(
    "weights",
    [
        ("keras-honest.keras", "nothing: an honest archive", archive, READ),
        ("keras-config-deep.keras", "a configuration of 100,000 brackets", lambda: archive(b"[" * 100_000), (0, 2)),
        ("keras-config-empty.keras", "an empty configuration", lambda: archive(b""), (0, 2)),
        ("keras-config-nan.keras", "NaN in the configuration", lambda: archive(b'{"config": NaN}'), (0, 2)),
        ("keras-config-utf-16.keras", "a configuration in UTF-16", lambda: archive(HONEST.decode().encode("utf-16")),
         (0, 2)),
        ("keras-config-digits.keras", "a number of 5,000 digits",
         lambda: archive(b'{"a": ' + b"9" * 5000 + b"}"), (0, 2)),
        ("keras-config-bomb.keras", "a configuration that unfolds to 64 MB of blanks", lambda: write_zip(
            [zeros(b"config.json", 65 << 20), Entry(WEIGHTS, weights())])),
        ("keras-config-missing.keras", "no configuration", lambda: write_zip([Entry(WEIGHTS, weights())])),
        ("keras-layers-number.keras", "layers that are a number", lambda: archive(json.dumps(
            {"class_name": "Sequential", "config": {"layers": 5}}).encode()), READ),
        ("keras-layers-null.keras", "a layer that is null", lambda: archive(model(None, 5, "x", [], {})), READ),
        ("keras-layers-twice.keras", "two layers of one name", lambda: archive(model(layer(), layer())), READ),
        ("keras-layers-deep.keras", "150 models in each other", lambda: archive(nested(150)), (0, 2)),
        ("keras-layers-many.keras", "20,000 layers", lambda: archive(model(*[layer(f"d{n}") for n in range(20_000)])),
         READ),
        ("keras-name-number.keras", "a name that is a number", lambda: archive(model(layer(5))), READ),
        ("keras-name-list.keras", "a name that is a list", lambda: archive(model(layer(["dense"]))), READ),
        ("keras-name-path.keras", "a name that is a path", lambda: archive(model(layer("../../etc/passwd"))), READ),
        ("keras-name-control.keras", "a name that clears the screen", lambda: archive(model(layer("\x1b[2J"))), READ),
        ("keras-weights-none.keras", "no weights", write_zip([Entry(b"config.json", HONEST)])),
        ("keras-weights-empty.keras", "empty weights", lambda: archive(stored=b"")),
        ("keras-weights-text.keras", "weights that are a text", lambda: archive(stored=b"hello" * 100)),
        ("keras-weights-cut.keras", "weights cut short", lambda: archive(stored=weights()[:-700])),
        ("keras-weights-deflated.keras", "deflated weights", lambda: archive(stored=deflated(WEIGHTS, weights()))),
        ("keras-weights-crc.keras", "weights of another checksum", lambda: archive(stored=Entry(
            WEIGHTS, weights(), local={"crc": 1}, central={"crc": 1}))),
        ("keras-weights-behind.keras", "a weights file that is longer than its content", lambda: archive(
            stored=weights() + bytes(5_000)), (0, 2)),
        ("keras-weights-zip.keras", "weights that are an archive", lambda: archive(stored=archive())),
        ("keras-weights-odd.keras", "weights of shapes that no layer has", lambda: archive(stored=weights(
            ((3, 1, 1, 1, 1, 1), ()))), READ),
        ("keras-weights-places.keras", "weights in places of no layer", lambda: archive(stored=weights(
            ((2, 2), (2,)), ("a/vars/0", "vars/1"))), (0, 2)),
        ("keras-weights-numbers.keras", "a variable of number 99999999999", lambda: archive(stored=weights(
            ((2, 2), (2,)), ("layers/dense/vars/0", "layers/dense/vars/99999999999"))), READ),
        ("keras-weights-words.keras", "a variable of a name", lambda: archive(stored=weights(
            ((2, 2), (2,)), ("layers/dense/vars/0", "layers/dense/vars/x"))), READ),
        ("keras-metadata.keras", "metadata of 100,000 brackets", lambda: archive(HONEST, None, Entry(
            b"metadata.json", b"[" * 100_000)), (0, 2)),
    ],
)  # fmt: skip
