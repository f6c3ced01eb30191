"""What a program may show of hostile names: nothing that a terminal interprets or hides, no line that a name made."""

import csv
import html.parser
import io
import json
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_SVG = "{http://www.w3.org/2000/svg}"
_LINKS = ("href", "{http://www.w3.org/1999/xlink}href", "src", "action", "formaction", "data", "poster")


def list_hidden(text: str) -> list[str]:
    """Return the code points in a text that a terminal may interpret or hide; line feeds are none."""
    return sorted({f"U+{ord(c):04X}" for c in set(text) - {"\n"} if unicodedata.category(c) in _HIDDEN})


def find_fault(status: object, out: str, err: str, statuses: tuple[int, ...] = (0,)) -> str | None:
    """Return what is wrong with the two streams of a command whose names begin lines with FORGED, None if nothing is.

    Colours of a terminal are taken out first.
    """
    out, err = _COLOUR.sub("", out), _COLOUR.sub("", err)
    if status not in statuses:
        return f"status {status}: {err[-300:]!a}"
    for name, text in (("standard output", out), ("standard error", err)):
        if hidden := list_hidden(text):
            return f"{name} has {', '.join(hidden)}"
        if re.search("^FORGED", text, re.MULTILINE):
            return f"{name} has a line that a name made"
    if "Traceback" in err or "a defect of cnnkit" in err:
        return ascii(err[-300:])
    if status == 2 and not (err.count("error: ") >= 1 and err.splitlines()[-1].startswith("error: ")):
        return f"no error in one line: {err[-300:]!a}"
    return None


def parse_strictly(text: str) -> object:
    """Return the value of a JSON text as a strict parser reads it: no NaN, no key twice, Unicode alone."""

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), "a key twice"
        return dict(pairs)

    value = json.loads(text, parse_constant=refuse, object_pairs_hook=build)
    json.dumps(value, ensure_ascii=False).encode()  # raises for a lone surrogate
    return value


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[tuple[str, ...]] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kinds.add((tag, *sorted(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in _LINKS]

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")


def list_elements(page: str) -> set[tuple[str, ...]]:
    """Return the elements of a page, each with the names of its attributes. Fails for a link to anywhere else."""
    tags = _Tags()
    tags.feed(page)
    tags.close()
    assert all(link.startswith(("data:", "#")) for link in tags.links), tags.links
    assert not any(name.startswith("on") for kind in tags.kinds for name in kind[1:])
    return tags.kinds


def check_svg(path: Path) -> set[str]:
    """Return the elements of an SVG file. Fails for scripts, handlers, links elsewhere and declarations."""
    text = path.read_bytes().decode()
    assert "<!DOCTYPE" not in text
    assert "<!ENTITY" not in text
    assert not list_hidden(text.replace("\t", " "))
    names = set()
    for element in ElementTree.fromstring(text).iter():
        tag = str(element.tag).removeprefix(_SVG)
        names.add(tag)
        assert tag.lower() not in ("script", "foreignobject", "iframe", "a", "animate", "set"), tag
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), name
            assert name not in _LINKS or value.startswith(("data:image/png", "#")), value
    return names


def read_csv(text: str) -> list[list[str]]:
    """Return the rows of tables in CSV. Fails for a cell that a spreadsheet would compute."""
    rows = list(csv.reader(io.StringIO(text), strict=True))
    for cell in (cell for row in rows for cell in row):
        assert not re.match(r"[=+\-@\t\r]", cell) or _is_number(cell) or cell == "-", cell
    return rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
