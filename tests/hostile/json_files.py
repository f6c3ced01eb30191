"""JSON documents of weights, cnnkit's and others', that are not quite JSON or lie."""

import json
from functools import partial

from hostile.making import READ, make_cases
from hostile.own_texts import change, write_honest

text = partial(change, "json")


def value(word: str) -> object:
    return text("2.0,3.0]", f"{word},3.0]")


def diy(**changed: object) -> bytes:
    filters = {"v": 1, "dim": [1, 1, 1, 1], "data": [0.5]}
    biases = {"v": 1, "dim": [1], "data": [0.5]}
    weights = {"v": 1, "dim": [1, 1], "data": [0.5]}
    arrays = {"conv_filters": filters, "conv_biases": biases, "fc_weights": weights, "fc_biases": biases}
    return json.dumps(arrays | changed).encode()


CASES = make_cases(
    "weights",
    [
        ("json-value-nan.json", "NaN", value("NaN")),
        ("json-value-infinity.json", "-Infinity", value("-Infinity")),
        ("json-value-null.json", "null", value("null")),
        ("json-value-true.json", "true", value("true")),
        ("json-value-text.json", "a number in quotes", value('"2.0"')),
        ("json-value-words.json", "an expression in quotes", value("\"__import__('os')\"")),
        ("json-value-nested.json", "a list", value("[2.0]")),
        ("json-value-object.json", "an object", value('{"$ref": "file:///etc/passwd"}')),
        ("json-value-huge.json", "1e999999999", value("1e999999999")),
        ("json-value-digits.json", "a whole number of 100,000 digits", value("9" * 100_000)),
        ("json-value-plus.json", "+2", value("+2")),
        ("json-value-zero.json", "02", value("02")),
        ("json-value-point.json", "2.", value("2.")),
        ("json-value-hex.json", "0x2", value("0x2")),
        ("json-value-comment.json", "a comment", value("/* */2.0")),
        ("json-value-comma.json", "a comma too many", text("2.0,3.0]", "2.0,3.0,]")),
        ("json-value-few.json", "a value too few", text("2.0,3.0]", "2.0]")),
        ("json-value-edited.json", "another value", value("7.0"), READ),
        ("json-shape.json", "a shape of 2^60 values", text('"shape": [2, 2]', '"shape": [1073741824, 1073741824]')),
        ("json-shape-real.json", "an extent of 2.0", text('"shape": [2, 2]', '"shape": [2.0, 2]')),
        ("json-shape-negative.json", "two negative extents", text('"shape": [2, 2]', '"shape": [-2, -2]')),
        ("json-shape-digits.json", "an extent of 5,000 digits", text('"shape": [2, 2]', f'"shape": [{"9" * 5_000}]')),
        ("json-shape-true.json", "an extent that is true", text('"shape": [2]', '"shape": [true, 2]')),
        ("json-dtype.json", "a type that is not known", text('"float32", "shape"', '"float99", "shape"')),
        ("json-dtype-object.json", "objects", text('"float32", "shape"', '"object", "shape"')),
        ("json-axes.json", "axes that are numbers", text('"axes": ["0", "1"]', '"axes": [0, 1]')),
        ("json-axes-many.json", "three axes of two", text('"axes": ["0", "1"]', '"axes": ["0", "1", "2"]')),
        ("json-kind.json", "a kind that there is not", text('"kind": "parameter"', '"kind": "virus"')),
        ("json-name-number.json", "a name that is a number", text('"name": "0.weight"', '"name": 5')),
        ("json-name-surrogate.json", "a name of half a character",
         text('"name": "0.weight"', '"name": "\\ud800"'), (0, 2)),
        ("json-name-control.json", "a name that clears the screen", text('"name": "0.weight"', '"name": "\\u001b[2J"'),
         READ),
        ("json-name-raw.json", "a name with a raw control character", text('"name": "0.weight"', '"name": "\x1b[2J"')),
        ("json-name-twice.json", "two tensors of one name", text('"name": "0.bias"', '"name": "0.weight"'), (0, 2)),
        ("json-key-twice.json", "a key twice", text('"version": 1,', '"version": 1, "version": 1,')),
        ("json-key-proto.json", "the key __proto__",
         text('"metadata": {}', '"metadata": {"__proto__": {"a": 1}}'), READ),
        ("json-version.json", "version 1.0", text('"version": 1,', '"version": 1.0,')),
        ("json-metadata-deep.json", "100,000 brackets", text('"metadata": {}', '"metadata": ' + "[" * 100_000)),
        ("json-metadata-closed.json", "100,000 brackets, closed", text('"metadata": {}', '"metadata": ' + "[" * 100_000
                                                                       + "]" * 100_000)),
        ("json-metadata-number.json", "a number of 5,000 digits", text('"metadata": {}',
                                                                       f'"metadata": {{"a": {"9" * 5_000}}}')),
        ("json-metadata-list.json", "metadata that is a list", text('"metadata": {}', '"metadata": []')),
        ("json-tensors-object.json", "tensors that are an object", b'{"format": "cnnkit-json", "version": 1, '
                                                                   b'"tensors": {}}'),
        ("json-tensor-null.json", "a tensor that is null",
         b'{"format": "cnnkit-json", "version": 1, "tensors": [null]}'),
        ("json-behind.json", "bytes behind it", lambda: write_honest("json") + b"{}"),
        ("json-cut.json", "cut short", lambda: write_honest("json")[:-20]),
        ("json-utf-16.json", "in UTF-16", lambda: write_honest("json").decode().encode("utf-16")),
        ("json-utf-8-overlong.json", "an overlong NUL", text('"metadata": {}', b'"metadata": {"\xc0\x80": 1}')),
        ("json-bom.json", "a byte order mark", lambda: b"\xef\xbb\xbf" + write_honest("json"), READ),
        ("json-bom-two.json", "two byte order marks", lambda: b"\xef\xbb\xbf" * 2 + write_honest("json")),
        ("json-blanks.json", "20 MB of blanks", lambda: write_honest("json").replace(b"{", b"{" + b" " * 20_000_000, 1),
         (0, 2)),
        ("json-many.json", "two million empty lists", lambda: b'{"format": "cnnkit-json", "version": 1, "tensors": ['
                                                              + b"[]," * 2_000_000 + b"[]]}"),
        ("diy-version.json", "serde's arrays of version 2", diy(conv_biases={"v": 2, "dim": [1], "data": [0.5]})),
        ("diy-dim.json", "a dim of 2^60", diy(conv_biases={"v": 1, "dim": [1 << 60], "data": [0.5]})),
        ("diy-data-true.json", "a value that is true", diy(conv_biases={"v": 1, "dim": [1], "data": [True]})),
        ("diy-data-digits.json", "a value of 4,000 digits", diy(conv_biases={"v": 1, "dim": [1], "data": [10**4000]})),
        ("diy-data-text.json", "values that are a text", diy(conv_biases={"v": 1, "dim": [1], "data": "5"})),
        ("diy-more.json", "an array too many", diy(extra=1)),
    ],
)  # fmt: skip
