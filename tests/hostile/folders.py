"""Folders of pictures that are no such folders: pipes, links, devices, nests, odd names, and pictures that lie."""

import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from hostile import pictures_jpeg, pictures_other, pictures_png
from hostile.case import Case
from hostile.png_parts import SIGNATURE, chunk, header, pixels, write

_PICTURE = SIGNATURE + header(8, 8) + pixels(72) + chunk(b"IEND")
_LIES = (
    "png_bomb_rgb.png", "png_bomb_tall.png", "png_too_few.png", "png_cut_pixels.png", "png_crc_pixels.png",
    "png_text_bomb_after.png", "jpeg_scans.jpg", "jpeg_large.jpg", "jpeg_cut_header.jpg", "gif_frame.gif",
    "bmp_wide.bmp", "ppm_comment_endless.ppm", "ppm_declared.ppm", "webp_square.webp", "webp_canvas_large.webp",
)  # fmt: skip
_PICTURES = {case.name: case for case in (*pictures_png.CASES, *pictures_jpeg.CASES, *pictures_other.CASES)}
_LONG = "x" * 200


def _build(folder: Path, classes: tuple[str, ...] = ("a", "b")) -> None:
    for name in classes:
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(_PICTURE)


def _add(change: Callable[[Path], object], classes: tuple[str, ...] = ("a", "b")) -> Callable[[Path], None]:
    """Return a function that makes a good folder, and changes it."""

    def build(folder: Path) -> None:
        _build(folder, classes)
        change(folder)

    return build


def _lie(name: str) -> Case:
    def change(folder: Path) -> None:
        (folder / "a" / "1.png").unlink()
        _PICTURES[name].write(folder / "a" / name)

    return Case(f"folder_{name}", "data", f"in a folder: {_PICTURES[name].about}", _add(change), (2,))


def _mask(content: bytes) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        _build(folder, ("images", "masks"))
        (folder / "masks" / "1.png").write_bytes(content)

    return change


def _listen(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder / "a")  # the name of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind("0.png")
    finally:
        os.chdir(here)


def _name(raw: bytes) -> Callable[[Path], None]:
    return lambda folder: Path(os.fsdecode(os.fsencode(folder / "a") + b"/" + raw)).write_bytes(_PICTURE) and None


def _nest(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder / "a")
    try:
        for _ in range(300):
            os.mkdir("n")
            os.chdir("n")
    finally:
        os.chdir(here)


def _many(count: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for number in range(count):
            os.link(folder / "a" / "1.png", folder / "a" / f"{number + 2}.png")

    return change


def _sizes(folder: Path) -> None:
    write(folder / "b" / "2.png", header(8, 9), pixels(81))


def _grey16(folder: Path) -> None:
    rows = zlib.compress(b"".join(b"\0" + struct.pack(">8H", *range(0, 80, 10)) for _ in range(8)))
    write(folder / "b" / "2.png", header(8, 8, 16), chunk(b"IDAT", rows))


def _case(name: str, about: str, change: Callable[[Path], object], *statuses: int) -> Case:
    return Case(f"folder_{name}", "data", about, _add(change), statuses or (2,))


CASES = (
    *map(_lie, _LIES),
    Case("folder_good", "data", "nothing is wrong", _build, (0,)),
    Case("folder_empty", "data", "an empty folder", Path.mkdir, (2,)),
    Case("folder_one", "data", "a single class", lambda folder: _build(folder, ("a",)), (2,)),
    Case("folder_classes", "data", "1,000 classes", lambda f: _build(f, tuple(f"c{n}" for n in range(1000))), (0,)),
    Case("folder_escape", "data", "a class whose name controls terminals",
         lambda folder: _build(folder, ("\x1b[2J\x1b]0;x\x07", "\u202ecod", "<b onclick=alert(1)>")), (0,)),
    Case("folder_bytes", "data", "a class whose name is no UTF-8",
         lambda folder: _build(folder, ("a", os.fsdecode(b"\xff\xfe"))), (0, 2)),
    _case("pipe", "a pipe called like a picture", lambda folder: os.mkfifo(folder / "a" / "0.png")),
    _case("socket", "a socket called like a picture", _listen),
    _case("device", "a link to an endless device", lambda folder: (folder / "a" / "0.png").symlink_to("/dev/zero")),
    _case("link", "a link to a file that is no picture",
          lambda folder: (folder / "a" / "0.png").symlink_to("/etc/passwd")),
    _case("link_nowhere", "a link to nothing", lambda folder: (folder / "a" / "0.png").symlink_to("nothing")),
    _case("link_itself", "a link to itself", lambda folder: (folder / "a" / "0.png").symlink_to("0.png")),
    _case("link_above", "a class that is a link to the folder above", lambda folder: (folder / "c").symlink_to("..")),
    _case("link_circle", "a class that is a link to the folder itself", lambda folder: (folder / "c").symlink_to(".")),
    _case("text", "a text among the pictures", lambda folder: (folder / "a" / "0.txt").write_text("x")),
    _case("text_named", "a text called like a picture", lambda folder: (folder / "a" / "0.png").write_text("x")),
    _case("empty_class", "a class without a picture", lambda folder: (folder / "c").mkdir()),
    _case("empty_picture", "an empty file", lambda folder: (folder / "a" / "0.png").write_bytes(b"")),
    _case("sizes", "pictures of two sizes", _sizes),
    _case("deep", "16 bits per channel", _grey16),
    _case("nest", "300 folders in each other", _nest),
    _case("inner", "a folder within a class", lambda folder: (folder / "a" / "inner").mkdir()),
    _case("names_control", "a name with control characters", _name(b"\x1b[2J\n.png"), 0),
    _case("names_bytes", "a name that is no UTF-8", _name(b"\xff\xfe.png"), 0),
    _case("names_long", "a name of 204 characters", _name(_LONG.encode() + b".png"), 0),
    _case("names_digits", "a name of 200 digits", _name(b"9" * 200 + b".png"), 0),
    _case("masks", "pictures with masks", _mask(_PICTURE), 0, 2),
    _case("masks_lie", "a mask that declares 20000 x 20000",
          _mask(SIGNATURE + header(20_000, 20_000) + pixels(72) + chunk(b"IEND"))),
    _case("masks_cut", "a mask that is cut", _mask(_PICTURE[:-20])),
    _case("masks_names", "class names of 2 MB",
          lambda folder: (_mask(_PICTURE)(folder), (folder / "classes.txt").write_bytes(b"x" * 2_000_000))),
    _case("masks_pipe", "class names in a pipe",
          lambda folder: (_mask(_PICTURE)(folder), os.mkfifo(folder / "classes.txt")), 0, 2),
    _case("many", "5,000 pictures", _many(5_000), 0),
    _case("test_only", "test images alone", lambda folder: (folder / "test" / "a").mkdir(parents=True)),
    _case("other_classes", "test classes that training lacks",
          lambda folder: (_build(folder / "train"), _build(folder / "test", ("a", "x")))),
)  # fmt: skip
