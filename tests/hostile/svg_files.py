"""cnnkit's SVG with entities, references, scripts, and data that lie; and other XML."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from hostile.case import Case
from hostile.making import READ, make_cases, write_secret
from hostile.own_texts import change, write_honest

svg = partial(change, "svg")
_ROOT = '<?xml version="1.0" encoding="utf-8" ?>\n'


def doctype(text: str) -> Callable[[], bytes]:
    return svg(_ROOT, f"{_ROOT}<!DOCTYPE svg {text}>")


def header(old: str, new: str) -> Callable[[], bytes]:
    return svg(old, new)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


def with_secret(text: str) -> Callable[[Path], object]:
    """Write an SVG whose document type names the secret file beside it."""

    def write(path: Path) -> None:
        secret = write_secret(path)
        content = doctype(text.format(secret=secret, name=secret.name))()
        path.write_bytes(content.replace(b"<title>network", b"<title>&x;network", 1))

    return write


def write_references(path: Path) -> None:
    secret = write_secret(path)
    links = f'<image xlink:href="{secret}"/><use xlink:href="file://{secret}#a"/><script href="{secret.name}"/>'
    path.write_bytes(write_honest("svg").replace(b"<defs>", links.encode() + b"<defs>", 1))


def write_included(path: Path) -> None:
    secret = write_secret(path)
    link = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.name}" parse="text"/>'
    path.write_bytes(write_honest("svg").replace(b"<defs>", link.encode() + b"<defs>", 1))


CASES = (
    *make_cases(
        "weights",
        [
            ("svg-laughs.svg", "a billion laughs", doctype(f'[<!ENTITY l0 "lol">{LAUGHS}]')),
            ("svg-laughs-used.svg", "a billion laughs, used",
             lambda: doctype(f'[<!ENTITY l0 "lol">{LAUGHS}]')().replace(
                b"<title>", b"<title>&l11;", 1)),
            ("svg-quadratic.svg", "an entity of 100,000 letters, used 10,000 times", lambda: doctype(
                f'[<!ENTITY a "{"a" * 100_000}">]')().replace(b"<title>", b"<title>" + b"&a;" * 10_000, 1)),
            ("svg-doctype.svg", "a document type", doctype("")),
            ("svg-doctype-url.svg", "a document type on a server", doctype('SYSTEM "http://127.0.0.1:9/x.dtd"')),
            ("svg-parameter.svg", "a parameter entity on a server", doctype(
                '[<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]')),
            ("svg-entity-unknown.svg", "an entity that there is not", svg("<title>network", "<title>&nbsp;network")),
            ("svg-entity-nul.svg", "the character 0", svg("<title>network", "<title>&#0;network")),
            ("svg-encoding.svg", "says UTF-7", svg('encoding="utf-8"', 'encoding="utf-7"'), (0, 2)),
            ("svg-utf-16.svg", "in UTF-16", lambda: write_honest("svg").decode().encode("utf-16")),
            ("svg-not-utf-8.svg", "bytes that are not UTF-8", svg("<title>network", b"<title>\xff\xfe")),
            ("svg-deep.svg", "100,000 elements in each other", svg("<defs>", "<g>" * 100_000)),
            ("svg-attributes.svg", "an element of 100,000 attributes", svg(
                "<defs>", lambda: "<g " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/><defs>"), READ),
            ("svg-attribute-long.svg", "an attribute of 100 MB", svg("<defs>", lambda: '<g a="' + "a" * 100_000_000
                                                                            + '"/><defs>')),
            ("svg-comment-long.svg", "a comment of 30 MB", svg("<defs>", lambda: "<!--" + "a" * 30_000_000
                                                                      + "--><defs>"), (0, 2)),
            ("svg-namespaces.svg", "20,000 namespaces", svg("<defs>", lambda: "<g " + " ".join(
                f'xmlns:n{n}="urn:{n}"' for n in range(20_000)) + "/><defs>"), READ),
            ("svg-cut.svg", "cut within the drawing", lambda: write_honest("svg")[:-100]),
            ("svg-cut-data.svg", "cut within the data", lambda: write_honest("svg")[:900]),
            ("svg-two.svg", "two documents", lambda: write_honest("svg") * 2),
            ("svg-no-data.svg", "no data", b'<svg xmlns="http://www.w3.org/2000/svg"><title>x</title></svg>'),
            ("svg-other-root.svg", "a page around it", b'<html xmlns:s="urn:cnnkit:svg"><s:weights/></html>'),
            ("svg-data-elsewhere.svg", "the data in the drawing", svg("<metadata>", "<g>"), (2,)),
            ("svg-data-twice.svg", "the data twice", lambda: write_honest("svg").replace(
                b"</metadata>", b'<weights xmlns="urn:cnnkit:svg"><header>{}</header></weights></metadata>', 1)),
            ("svg-element-in-data.svg", "an element in the data", svg("</tensor>", "<script/></tensor>")),
            ("svg-cdata.svg", "the data in CDATA", svg("<header>{", "<header><![CDATA[{]]>"), (0, 2)),
            ("svg-instruction.svg", "an instruction to PHP", svg("<defs>", "<?php system('id'); ?><defs>"), READ),
            ("svg-stylesheet.svg", "a style sheet on a server", svg(
                _ROOT, f'{_ROOT}<?xml-stylesheet href="http://127.0.0.1:9/x.xsl" type="text/xsl"?>'), READ),
            ("svg-script.svg", "a script", svg("<defs>", "<script>alert(1)</script><defs>"), READ),
            ("svg-header-json.svg", "a header that is not JSON", svg('"version": 1,', '"version": 1,,')),
            ("svg-header-deep.svg", "a header of 100,000 brackets", svg('"metadata": {}', '"metadata": '
                                                                       + "[" * 100_000)),
            ("svg-header-nan.svg", "NaN in the header", svg('"metadata": {}', '"metadata": {"a": NaN}')),
            ("svg-header-shape.svg", "a shape of 2^60 values",
             svg("    2,\n    2\n", "    1073741824,\n    1073741824\n")),
            ("svg-header-negative.svg", "a negative extent", svg("    2,\n    2\n", "    -2,\n    -2\n")),
            ("svg-header-dtype.svg", "a type that is not known", svg('"dtype": "float32"', '"dtype": "float99"')),
            ("svg-header-object.svg", "objects", svg('"dtype": "float32"', '"dtype": "object"')),
            ("svg-header-encoding.svg", "an encoding that is not known", svg("shuffle+zlib+base64", "pickle+base64")),
            ("svg-header-less.svg", "fewer tensors in the header", lambda: write_honest("svg").replace(
                b"</tensor></weights>", b"</tensor><tensor></tensor></weights>", 1)),
            ("svg-base64.svg", "damaged base64", svg("eF5jYICCBgYH", "eF5!YICCBgYH"), (0, 2)),
            ("svg-values.svg", "another SHA-256", svg('"sha256": "4c9c', '"sha256": "0000'), (0, 2)),
            ("svg-gzip.svgz", "gzip", b"\x1f\x8b\x08" + bytes(40)),
        ],
    ),
    Case("svg-entity-file.svg", "weights", "an entity of the secret beside it", with_secret(
        '[<!ENTITY x SYSTEM "{name}">]')),
    Case("svg-entity-url.svg", "weights", "an entity of a file:// address", with_secret(
        '[<!ENTITY x SYSTEM "file://{secret}">]')),
    Case("svg-entity-public.svg", "weights", "a public entity", with_secret('[<!ENTITY x PUBLIC "a" "{name}">]')),
    Case("svg-references.svg", "weights", "pictures and scripts that are the secret beside it", write_references, READ),
    Case("svg-include.svg", "weights", "includes the secret beside it", write_included, READ),
)  # fmt: skip
