"""Files that are packed, and files that hold no weights at all: archives, pictures, documents."""

import re
from collections.abc import Callable

from cnnkit.exporters.marks.mark import Mark, quote
from cnnkit.exporters.marks.unknown_file import UnknownFile

_PACKED = re.compile(r"\.(gz|tgz|bz2|xz|zst|lz4)$", re.IGNORECASE)
_WEIGHTS = re.compile(r"\.(h5|hdf5|keras|pth?|onnx|npz|npy|safetensors|weights|ckpt|bin|pkl|pb|tflite)$", re.IGNORECASE)
_PREDICT = "it holds no weights; cnnkit predict weights.h5 --image FILE shows what a trained net says of it"
_NOTHING = "it holds no weights: name another file"


def _unpack(program: str) -> Callable[[UnknownFile], str]:
    def advise(sample: UnknownFile) -> str:
        name = sample.name
        out = _PACKED.sub("", name) if _PACKED.search(name) else f"{name}.unpacked"
        target = quote(sample.path.parent / out)
        return f"{program} -dc FILE > {target}, then cnnkit inspect {target}"

    return advise


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _list_weights(sample: UnknownFile) -> str:
    """Return the first name in a zip that is one of a weight file, else ""."""
    return next((name for name in sample.members if _WEIGHTS.search(name)), "")


def _describe_zip(sample: UnknownFile) -> str:
    inside = _list_weights(sample) or next(iter(sample.members), "nothing")
    return f"a zip of {len(sample.members)} files ({quote(inside)}{', ...' if len(sample.members) > 1 else ''})"


def _advise_zip(sample: UnknownFile) -> str:
    inside = _list_weights(sample)
    return f"unzip FILE, then cnnkit inspect {quote(inside)}" if inside else "unzip FILE, then read what is inside"


CONTAINERS: tuple[Mark[UnknownFile], ...] = (
    Mark("a tar archive in gzip", "tar -xzf FILE, then read a file of it", lambda s: _is_tar(s.inflated)),
    Mark("packed with gzip", _unpack("gzip"), lambda s: s.begins(b"\x1f\x8b")),
    Mark("packed with bzip2", _unpack("bzip2"), lambda s: s.begins(b"BZh") and s.head[4:10] == b"1AY&SY"),
    Mark("packed with xz", _unpack("xz"), lambda s: s.begins(b"\xfd7zXZ\0")),
    Mark("packed with Zstandard", _unpack("zstd"), lambda s: s.begins(b"\x28\xb5\x2f\xfd")),
    Mark("packed with LZ4", _unpack("lz4"), lambda s: s.begins(b"\x04\x22\x4d\x18")),
    Mark("a 7z archive", "7z x FILE, then read a file of it", lambda s: s.begins(b"7z\xbc\xaf\x27\x1c")),
    Mark("a RAR archive", "unrar x FILE, then read a file of it", lambda s: s.begins(b"Rar!\x1a\x07")),
    Mark("a tar archive", "tar -xf FILE, then read a file of it", lambda s: _is_tar(s.head)),
    Mark(
        "a network of Deeplearning4j",
        "in Java: for each entry of MultiLayerNetwork.load(file, false).paramTable() write "
        'Nd4j.writeAsNumpy(entry.getValue(), new File(entry.getKey() + ".npy"))',
        lambda s: {"configuration.json", "coefficients.bin"} <= {*s.members},
    ),
    Mark(
        "a .keras file without its weights",
        "save the model again: model.save('model.keras')",
        lambda s: {"config.json", "metadata.json"} <= {*s.members},
    ),
    Mark("a zip without members", "download it again", lambda s: s.begins(b"PK\5\6")),
    Mark(_describe_zip, _advise_zip, lambda s: bool(s.members)),
    Mark("a PNG picture", _PREDICT, lambda s: s.begins(b"\x89PNG\r\n\x1a\n")),
    Mark("a JPEG picture", _PREDICT, lambda s: s.begins(b"\xff\xd8\xff")),
    Mark("a GIF picture", _PREDICT, lambda s: s.begins(b"GIF87a", b"GIF89a")),
    Mark("a BMP picture", _PREDICT, lambda s: s.begins(b"BM") and s.head[2:6] == s.size.to_bytes(4, "little")),
    Mark("a WebP picture", _PREDICT, lambda s: s.begins(b"RIFF") and s.head[8:12] == b"WEBP"),
    Mark("a TIFF picture", _PREDICT, lambda s: s.begins(b"II*\0", b"MM\0*")),
    Mark("a PDF document", _NOTHING, lambda s: s.begins(b"%PDF-")),
    Mark("a program", _NOTHING, lambda s: s.begins(b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")),
    Mark("an SQLite database", _NOTHING, lambda s: s.begins(b"SQLite format 3\0")),
    Mark("a data set in Parquet", _NOTHING, lambda s: s.begins(b"PAR1")),
    Mark(
        "a data set in IDX, as MNIST's",
        lambda s: f"it holds no weights; cnnkit data show {quote(s.path.parent)} shows the images of a whole folder",
        lambda s: s.begins(b"\0\0\x08\1", b"\0\0\x08\3"),
    ),
    Mark(
        "what macOS keeps beside a file, not the file itself",
        lambda s: f"cnnkit inspect {quote(s.path.with_name(s.name.removeprefix('._')))}",
        lambda s: s.begins(b"\0\5\x16\7"),
    ),
    Mark(
        "nothing but zeros so far: an interrupted download",
        "delete it and download it again",
        lambda s: len(s.head) > 512 and not any(s.head) and not any(s.tail),
    ),
)
