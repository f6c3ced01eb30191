"""Names that try to do harm where they are shown, quoted, parsed or used as a file: one list for all tests."""

import json
import unicodedata
from pathlib import Path

import numpy as np

from hostile.case import Case

TEXTS = {
    "empty": "",
    "space": " ",
    "around": " padded ",
    "trailing dot": "name.",
    "trailing space": "name ",
    "dots": "..",
    "dot": ".",
    "climbing": "../../../escaped",
    "absolute": "/tmp/escaped-cnnkit",
    "home": "~/escaped",
    "backslashes": "..\\..\\escaped",
    "drive": "C:\\escaped",
    "device": "CON",
    "stream": "name:stream",
    "NUL": "before\0after",
    "bell": "ring\a",
    "backspace": "good\b\b\b\bevil",
    "escape": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://example.org/\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "cursor": "\x1b[1A\x1b[2Kforged",
    "report": "\x1b[6n\x1bP$q\x1b\\",
    "C1": "\x9b31mred\x9d0;owned\x9c",
    "delete": "a\x7fb",
    "newline": "first\nFORGED second",
    "CR": "first\rFORGED",
    "CRLF": "first\r\nFORGED",
    "tab": "a\tb",
    "vertical": "a\vb\fc",
    "next line": "a\x85FORGED",
    "line separator": "a\u2028FORGED\u2029b",
    "bidi": "user\u202egnp.exe",
    "isolate": "a\u2066b\u2069\u200f",
    "zero width": "a\u200bb\u200d\ufeff",
    "soft hyphen": "a\u00adb",
    "tags": "a\U000e0041\U000e0042",
    "filler": "a\u3164\u115fb",
    "variations": "a\ufe00\U000e0100",
    "not a character": "a\ufffe\uffff\U0001fffe",
    "private": "a\ue000\U0010ffff",
    "pile": "Z" + "\u0300\u0323" * 40,
    "right to left": "שלום עולם",
    "Arabic": "مرحبا",
    "emoji": "\U0001f600\U0001f468\u200d\U0001f469",
    "wide": "全角ＡＢＣ",
    "composed": unicodedata.normalize("NFC", "é.weight"),
    "decomposed": unicodedata.normalize("NFD", "é.weight"),
    "upper": "Same.Weight",
    "lower": "same.weight",
    "script": "</script><script>alert(1)</script>",
    "style": "</style><svg onload=alert(1)>",
    "image": "<img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "comment": "<!-- --> ]]> <![CDATA[",
    "entity": "&lt;b&gt; &#x41; &xxe;",
    "doctype": '<!DOCTYPE x [<!ENTITY e "e">]>',
    "quotes": "'\"`",
    "backslash": "\\",
    "escaped": "\\x1b\\u202e\\",
    "template": "{{7*7}} {0} ${HOME} %(name)s",
    "percent": "%s%n%d%%",
    "percent code": "%00%2e%2e%2f",
    "markup": "[bold red]x[/] [link=https://example.org]y[/link] [/]",
    "math": "$\\frac{1}{0}$ $x_$",
    "TeX": "\\input{/etc/passwd} \\write18{reboot} % & # _",
    "Markdown": "[x](javascript:alert(1)) ![y](http://example.org/y.png) | `a` **b**",
    "option": "-rf",
    "long option": "--help",
    "substitution": "$(reboot)",
    "backtick": "`reboot`",
    "chain": "; reboot & | > out #",
    "braces": "{a,b} * ? [ab] !x",
    "formula": "=cmd|'/C calc'!A0",
    "plus": "+1+cmd|'x'!A0",
    "minus": "-2+3+cmd|' /C calc'!D2",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "comma": 'a,b;"c"\t',
    "prototype": "__proto__",
    "constructor": "constructor",
    "metadata": "__metadata__",
    "JSON": '{"a": 1}',
    "number": "-1e308",
    "NaN": "NaN",
    "pair as escapes": "\\ud83d\\ude00",
    "long": "x" * 100_000,
    "long and wide": "é" * 5_000,
}
LONE = {"half": "a\ud800b", "other half": "\udc00", "swapped": "\ude00\ud83d", "byte": "caf\udce9"}
BYTES = (b"caf\xe9", b"\xff\xfe", b"\xc0\xae\xc0\xae", b"\xed\xa0\x80", b"\x9b31m", b"a\xf0\x9f\x98")


def is_file_name(text: str) -> bool:
    """Return whether a file or folder of Linux can have that name."""
    return 0 < len(text.encode("utf-8", "surrogateescape")) <= 200 and not {"/", "\0"} & {*text} and text not in "..."


def write_safetensors(path: Path, names: list[str], metadata: dict[str, str] | None = None) -> None:
    """Write one value for each name, as the format's own library would; a lone surrogate as JSON escapes it."""
    entries = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * place, 4 * place + 4]}
        for place, name in enumerate(names)
    }
    header = json.dumps(({"__metadata__": metadata} if metadata else {}) | entries).encode()
    values = np.arange(len(names), dtype=np.float32).tobytes()
    path.write_bytes(len(header).to_bytes(8, "little") + header + values)


def _write_named(text: str):
    return lambda path: write_safetensors(path, ["ok", text])


_ALL = [name for name in TEXTS.values() if name != "__metadata__"]
CASES = (
    Case("names-all.safetensors", "weights", "every hostile name", lambda path: write_safetensors(path, _ALL), (0,)),
    Case("names-metadata.safetensors", "weights", "every hostile name as key and value of the metadata",
         lambda path: write_safetensors(path, ["0.weight"], {name: name for name in TEXTS.values()}), (0,)),
    *(Case(f"names-lone-{number}.safetensors", "weights", f"half a surrogate pair: {about}", _write_named(text))
      for number, (about, text) in enumerate(LONE.items())),
)  # fmt: skip
