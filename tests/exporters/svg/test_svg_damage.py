"""SVG files that are cut, changed or hostile: each is refused with one line, at little cost."""

import base64
import json
import re
import zlib

import numpy as np
import pytest

from cnnkit.errors import WeightFileError
from cnnkit.exporters import Tensor, WeightFile, read
from cnnkit.exporters.svg import scanner
from cnnkit.exporters.svg.format import SvgFormat

SVG = SvgFormat()
VALUES = np.arange(12, dtype=np.float32)


@pytest.fixture
def drawn(tmp_path):
    """A drawn file's text."""
    SVG.write(WeightFile((Tensor.of("a", VALUES), Tensor.of("b", VALUES * 2))), tmp_path / "good.svg")
    return (tmp_path / "good.svg").read_text("utf-8")


@pytest.fixture
def refused(tmp_path, contents):
    """A function that writes a text, reads it with all values, and returns the error."""

    def refused(text):
        path = tmp_path / "bad.svg"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(WeightFileError) as caught:
            contents(SVG.read(path))
        assert "\n" not in str(caught.value)
        assert (caught.value.file, caught.value.format) == (str(path), "svg")
        return f"{caught.value.kind}: {caught.value}"

    return refused


def rewritten(text, **changes):
    """The file with other values in the entry of its first tensor."""
    header = re.search(r"<header>(.*?)</header>", text, re.S)
    document = json.loads(header[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    document["tensors"][0] |= changes
    return text[: header.start(1)] + json.dumps(document) + text[header.end(1) :]


def with_data(text, data):
    """The file with another text as its first tensor."""
    return re.sub(r"<tensor>.*?</tensor>", lambda _: f"<tensor>{data}</tensor>", text, count=1, flags=re.S)


def packed(data):
    return base64.b64encode(zlib.compress(data, 9)).decode()


LAUGHS = '<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("doctype", ["<!DOCTYPE svg>", LAUGHS, '<!DOCTYPE svg SYSTEM "file:///etc/passwd">'])
def test_a_document_type_is_refused(drawn, refused, doctype):
    assert re.match("refused: .*document type", refused(drawn.replace("?>\n", f"?>\n{doctype}", 1)))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9, 0.999])
def test_cut_files(drawn, refused, share):
    assert "unreadable" in refused(drawn[: int(len(drawn) * share)])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: with_data(text, "AAAA=A"), "base64 is damaged"),
        (lambda text: with_data(text, "AAAA"), "compressed bytes are damaged"),
        (lambda text: with_data(text, "&amp;AAA"), "base64 is damaged"),
        (lambda text: with_data(text, ""), "does not hold the 48 bytes"),
        (lambda text: with_data(text, packed(b"\0" * 47)), "does not hold the 48 bytes"),
        (lambda text: with_data(text, packed(b"\0" * 10**7)), "does not hold the 48 bytes"),
        (lambda text: with_data(text, packed(b"\0" * 48)), "SHA-256"),
        (lambda text: with_data(text, '<b xmlns="urn:x"/>'), "does not belong"),
        (lambda text: with_data(text, "<tensor/>"), "not of this format"),
        (lambda text: rewritten(text, shape=[10**9]), "declares 4000000000 bytes"),
        (lambda text: rewritten(text, shape=[10**30]), "shape"),
        (lambda text: rewritten(text, shape=[-12]), "shape"),
        (lambda text: rewritten(text, shape=[True]), "shape"),
        (lambda text: rewritten(text, shape=[1] * 70, axes=["x"] * 70), "70 axes"),
        (lambda text: rewritten(text, shape=[13]), "52 bytes"),
        (lambda text: rewritten(text, dtype="float31"), "float31"),
        (lambda text: rewritten(text, dtype=3), "wrong type"),
        (lambda text: rewritten(text, kind="evil"), "evil"),
        (lambda text: rewritten(text, axes=[1]), "axes"),
        (lambda text: rewritten(text, encoding="pickle"), "pickle"),
        (lambda text: rewritten(text, more=1), "keys"),
        (lambda text: rewritten(text, sha256="0" * 64), "SHA-256"),
        (lambda text: rewritten(text, name="b"), "two tensors"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "version 2"),
        (lambda text: text.replace('"format": "cnnkit-svg"', '"format": "x"'), "does not say"),
        (lambda text: text.replace('"metadata": {}', '"metadata": []'), "metadata: expected"),
        (lambda text: text.replace('"position": null', '"position": NaN'), "NaN"),
        (lambda text: re.sub("<tensor>.*?</tensor>", "", text, count=1, flags=re.S), "1 tensors stored"),
        (lambda text: re.sub("<header>.*?</header>", "", text, flags=re.S), "not of this format"),
        (lambda text: re.sub("<metadata>.*?</metadata>", "", text, flags=re.S), "no data block"),
        (lambda text: re.sub("(<metadata>.*?</metadata>)", r"\1\1", text, flags=re.S), "not of this format"),
        (lambda text: re.sub("(<metadata>.*?</metadata>)", r"<g>\1</g>", text, flags=re.S), "not of this format"),
        (lambda text: text + "<svg/>", "junk after document element"),
        (lambda text: text.replace("</svg>", "<g>" * 80 + "</g>" * 80 + "</svg>"), "nested elements"),
        (lambda _: '<html xmlns="http://www.w3.org/1999/xhtml" class="cnnkit-svg"/>', "no SVG"),
        (lambda _: b"<svg \xff", "no XML"),
    ],
)
def test_changed_files(drawn, refused, spoil, message):
    assert message in refused(spoil(drawn))


def test_a_header_without_end(drawn, refused, monkeypatch):
    monkeypatch.setattr(scanner, "_MAX_HEADER", 100)
    assert "header of more than" in refused(drawn)


def test_a_token_without_end(drawn, refused, monkeypatch):
    monkeypatch.setattr(scanner, "_MAX_TOKEN", 1 << 16)
    assert "without a full element" in refused(drawn.replace("<svg ", f'<svg id="{"a" * 400_000}" ', 1))


def test_declared_sizes_have_a_budget(drawn, refused, monkeypatch):
    monkeypatch.setattr("cnnkit.exporters.svg.reader.LIMIT", 90)
    assert refused(rewritten(drawn)).startswith("too_big")
    monkeypatch.setattr("cnnkit.exporters.svg.reader.LIMIT", 9_000)
    assert refused(with_data(drawn, "")).startswith("unreadable")


def test_other_svgs_are_not_recognised(tmp_path):
    path = tmp_path / "other.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>')
    assert not SVG.recognises(path, path.read_bytes())
    with pytest.raises(WeightFileError, match="an SVG picture without cnnkit"):
        read(path)


def test_single_changed_bytes_are_detected_or_harmless(drawn, tmp_path, contents):
    path, data = tmp_path / "flip.svg", bytearray(drawn.encode())
    path.write_bytes(data)
    expected = contents(SVG.read(path))[0]
    begin, end = data.index(b"<header>"), data.index(b"</weights>")
    for place in range(begin, end, 7):
        data[place] ^= 1
        path.write_bytes(data)
        data[place] ^= 1
        try:
            tensors = contents(SVG.read(path))[0]
        except (WeightFileError, ValueError):
            continue
        for got, wanted in zip(tensors, expected, strict=True):
            assert got[-1] == wanted[-1]
