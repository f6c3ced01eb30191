"""Tables of names for `cnnkit diff --map` that are no JSON, name nothing, or are long lists of nothing."""

import os

from hostile.case import Case
from hostile.making import READ, make_cases

_MEBIBYTE = 1 << 20

CASES = (
    *make_cases(
        "map",
        (
            ("map_good.json", "nothing is wrong: no pair is named", b"{}", READ),
            ("map_bom.json", "a byte order mark, as by Notepad", b"\xef\xbb\xbf{}", READ),
            ("map_empty.json", "an empty file", b""),
            ("map_cut.json", "cut within a name", b'{"0.weight": "0.wei'),
            ("map_utf16.json", "UTF-16", "{}".encode("utf-16")),
            ("map_list.json", "a list", b"[]"),
            ("map_number.json", "a number where a name belongs", b'{"0.weight": 1}'),
            ("map_digits.json", "a number of 5,000 digits", b'{"0.weight": ' + b"9" * 5000 + b"}"),
            ("map_nan.json", "NaN", b'{"0.weight": NaN}'),
            ("map_twice.json", "a name twice", b'{"0.weight": "a", "0.weight": "b"}'),
            ("map_half.json", "half a surrogate pair", b'{"\\ud800": "0.weight"}'),
            ("map_control.json", "a control sequence for terminals", b'{"\\u001b[2J\\u0007": "\\u202e"}'),
            ("map_zero.json", "a zero byte in a name", b'{"\\u0000": "0.weight"}'),
            ("map_unknown.json", "a name that no tensor has", b'{"/etc/passwd": "0.weight"}'),
            ("map_deep.json", "100,000 open brackets", b"[" * 100_000),
            ("map_deep_objects.json", "objects within objects", b'{"a":' * 100_000),
            ("map_brackets.json", "5 million empty lists", lambda: b"[" + b"[]," * (5 * _MEBIBYTE) + b"1]"),
            ("map_objects.json", "5 million empty objects", lambda: b"[" + b"{}," * (5 * _MEBIBYTE) + b"1]"),
            (
                "map_names.json",
                "900,000 names",
                lambda: b"{" + b",".join(b'"%d":"x"' % n for n in range(900_000)) + b"}",
            ),
            ("map_long.json", "a name of 15 MiB", lambda: b'{"' + b"a" * (15 * _MEBIBYTE) + b'": "b"}'),
            ("map_blank.json", "17 MiB of blanks", lambda: b" " * (17 * _MEBIBYTE)),
        ),
    ),
    Case("map_folder.json", "map", "a folder", os.mkdir),
    Case("map_pipe.json", "map", "a pipe into which nobody writes", os.mkfifo),
    Case("map_device.json", "map", "a link to a device that never ends", lambda path: os.symlink("/dev/zero", path)),
)
