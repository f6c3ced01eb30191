"""Files of PyTorch, zip and legacy: storages that lie, tensors beyond them, records that do not fit."""

import pickle
import struct

from hostile.making import READ, make_cases
from hostile.pickle_files import text
from hostile.zips import Entry, write_zip, zeros

REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
END = b"\x89ccollections\nOrderedDict\n)RtR"
LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
BIG = b"\x8a\x08" + struct.pack("<q", 1 << 61)
KEYS = pickle.dumps(["0"], 2)


def storage(count: bytes = b"K\4", kind: bytes = b"ctorch\nFloatStorage\n", key: bytes = b"0") -> bytes:
    return b"(" + text(b"storage") + kind + text(key) + text(b"cpu") + count + b"tQ"


def tensor(
    offset: bytes = b"K\0", shape: bytes = b"K\4\x85", strides: bytes = b"K\1\x85", base: bytes | None = None
) -> bytes:
    return REBUILD + b"(" + (storage() if base is None else base) + offset + shape + strides + END


def zipped(document: bytes, members: dict[str, bytes] | None = None, name: str = "data.pkl") -> bytes:
    kept = {"data/0": bytes(16), "version": b"3\n"} if members is None else members
    return write_zip([Entry(f"a/{key}".encode(), data) for key, data in {name: document, **kept}.items()])


def state(body: bytes) -> bytes:
    return zipped(b"\x80\2}" + text(b"w") + body + b"s.")


def saved(body: bytes) -> bytes:
    return b"\x80\2}" + text(b"w") + body + b"s."


def many_views(count: int) -> bytes:
    views = b"".join(text(b"w%d" % n) + tensor(shape=b"J\0\0\4\0\x85", strides=b"K\0\x85") for n in range(count))
    return zipped(b"\x80\2}(" + views + b"u.")


DATA = struct.pack("<q", 4) + bytes(16)
FLOATS = b"ctorch\nFloatStorage\n"

CASES = make_cases(
    "weights",
    [
        ("pt-beyond.pt", "an offset beyond the storage", state(tensor(offset=b"K\1"))),
        ("pt-offset-negative.pt", "a negative offset", state(tensor(offset=b"J\xff\xff\xff\xff"))),
        ("pt-offset-huge.pt", "an offset of 2^61", state(tensor(offset=BIG))),
        ("pt-offset-text.pt", "an offset that is a text", state(tensor(offset=text(b"0")))),
        ("pt-stride-beyond.pt", "a stride beyond the storage", state(tensor(strides=b"K\2\x85"))),
        ("pt-stride-negative.pt", "a negative stride", state(tensor(strides=b"J\xff\xff\xff\xff\x85"))),
        ("pt-stride-huge.pt", "a stride of 2^61", state(tensor(shape=b"K\2\x85", strides=BIG + b"\x85"))),
        ("pt-stride-missing.pt", "no strides", state(tensor(strides=b")"))),
        ("pt-stride-real.pt", "strides that are not whole", state(tensor(strides=b"G?\xf0\0\0\0\0\0\0\x85"))),
        ("pt-stride-none.pt", "strides that are None", state(tensor(strides=b"N"))),
        ("pt-shape-negative.pt", "a negative extent", state(tensor(shape=b"J\xff\xff\xff\xff\x85"))),
        ("pt-shape-huge.pt", "a product over 2^120", state(tensor(shape=BIG + BIG + b"\x86", strides=b"K\0K\0\x86"))),
        ("pt-shape-expanded.pt", "four values seen as 2^28", state(tensor(b"K\0", b"J\0\0\0\x10\x85", b"K\0\x85"))),
        ("pt-shape-true.pt", "an extent that is True", state(tensor(shape=b"\x88\x85"))),
        ("pt-shape-dict.pt", "a shape that is a dictionary", state(tensor(shape=b"}"))),
        ("pt-shape-rank.pt", "40 axes", state(tensor(b"K\0", b"(" + b"K\1" * 40 + b"t", b"(" + b"K\1" * 40 + b"t"))),
        ("pt-views.pt", "100 views of 2^18 values of one", many_views(100)),
        ("pt-storage-none.pt", "a tensor without storage", state(tensor(base=b"N"))),
        ("pt-storage-text.pt", "a tensor whose storage is a text", state(tensor(base=text(b"0")))),
        ("pt-storage-count.pt", "a storage of more values than it has", state(tensor(base=storage(b"K\5")))),
        ("pt-storage-less.pt", "a storage of fewer values than it has", state(tensor(base=storage(b"K\3"))), (0, 2)),
        ("pt-storage-huge.pt", "a storage of 2^61 values", state(tensor(base=storage(BIG)))),
        ("pt-storage-negative.pt", "a storage of -1 values", state(tensor(base=storage(b"J\xff\xff\xff\xff")))),
        ("pt-storage-outside.pt", "a storage ../../etc/passwd", state(tensor(base=storage(key=b"../../etc/passwd")))),
        ("pt-storage-pickle.pt", "a storage that is the pickle", state(tensor(base=storage(key=b"../data.pkl")))),
        ("pt-storage-kind.pt", "a storage of no type", state(tensor(base=storage(kind=b"N")))),
        ("pt-storage-other.pt", "a storage of another module", state(tensor(base=storage(kind=b"cos\nsystem\n")))),
        ("pt-storage-key-number.pt", "a storage by a number", state(tensor(base=b"(" + text(b"storage") + FLOATS
                                                                           + b"K\0" + text(b"cpu") + b"K\4tQ")), READ),
        ("pt-id-other.pt", "a persistent id of another kind", zipped(b"\x80\2" + text(b"module") + b"\x85Q.")),
        ("pt-id-number.pt", "a persistent id that is a number", zipped(b"\x80\2K\1Q.")),
        ("pt-id-text.pt", "a persistent id in a line", zipped(b"\x80\2Pxyz\n.")),
        ("pt-rebuild-few.pt", "a rebuild function with no arguments", zipped(b"\x80\2" + REBUILD + b")R.")),
        ("pt-rebuild-many.pt", "a rebuild function with 100 arguments", zipped(b"\x80\2" + REBUILD + b"("
                                                                               + b"K\1" * 100 + b"tR.")),
        ("pt-rebuild-list.pt", "a rebuild function with a list", zipped(b"\x80\2" + REBUILD + b"]R.")),
        ("pt-rebuild-itself.pt", "a parameter of nothing", zipped(b"\x80\2ctorch._utils\n_rebuild_parameter\nN\x85R.")),
        ("pt-quantised.pt", "a quantised tensor of wrong arguments", zipped(
            b"\x80\2ctorch._utils\n_rebuild_qtensor\n(K\1K\2tR.")),
        ("pt-sparse.pt", "a sparse tensor of wrong arguments", zipped(
            b"\x80\2ctorch._utils\n_rebuild_sparse_tensor\nK\1K\2\x86R.")),
        ("pt-meta.pt", "a tensor without values of wrong arguments", zipped(
            b"\x80\2ctorch._utils\n_rebuild_meta_tensor_no_storage\n)R."), READ),
        ("pt-wrapper.pt", "a wrapper's subclass of wrong arguments", zipped(
            b"\x80\2ctorch._utils\n_rebuild_wrapper_subclass\n(NNNNNNtR."), READ),
        ("pt-from-type.pt", "a tensor of a class of its own", zipped(
            b"\x80\2ctorch._tensor\n_rebuild_from_type_v2\n(NNNNtR.")),
        ("pt-no-pickle.pt", "no data.pkl", zipped(b"", {"data/0": bytes(16)}, "other.pkl")),
        ("pt-pickle-empty.pt", "an empty data.pkl", zipped(b"")),
        ("pt-two-pickles.pt", "two data.pkl in two folders", write_zip([
            Entry(b"a/data.pkl", saved(tensor())), Entry(b"b/data.pkl", b"\x80\2}."), Entry(b"a/data/0", bytes(16))]),
         (0, 2)),
        ("pt-pickle-bomb.pt", "a data.pkl that unfolds to 1 GB", lambda: write_zip([
            zeros(b"a/data.pkl", 1 << 28), Entry(b"a/version", b"3\n")])),
        ("pt-storage-deflated.pt", "a storage that unfolds to 256 MB", lambda: write_zip([
            Entry(b"a/data.pkl", saved(tensor(base=storage(b"J\0\0\0\4")))), zeros(b"a/data/0", 1 << 28)])),
        ("pt-byte-order.pt", "a byte order that there is not", zipped(saved(tensor()), {
            "data/0": bytes(16), "byteorder": b"middle"})),
        ("pt-big-endian.pt", "of a big-endian machine", zipped(saved(tensor()), {
            "data/0": bytes(16), "byteorder": b"big"}), (0, 2)),
        ("pt-old-script.pt", "TorchScript of before 1.4", zipped(b"{}", {}, "model.json")),
        ("pt-constants.pt", "constants.pkl that is no tuple", zipped(saved(tensor()), {
            "data/0": bytes(16), "constants.pkl": b"\x80\2K\1."}), (0, 2)),
        ("pt-exported.pt2", "an exported program whose description is 100,000 brackets", write_zip([
            Entry(b"a/serialized_exported_program.json", b"[" * 100_000), Entry(b"a/version", b"1")])),
        ("pt-exported-archive.pt2", "an archive whose weights' description lies", write_zip([
            Entry(b"a/archive_format", b"pt2"), Entry(b"a/models/model.json", b'{"graph_module": 5}'),
            Entry(b"a/data/weights/model_weights_config.json", b'{"config": {"w": {"path_name": "../../x"}}}')]), READ),
        ("pt-legacy.pth", "an honest legacy file", LEGACY + saved(tensor()) + KEYS + DATA, READ),
        ("pt-legacy-protocol.pth", "a legacy file of protocol 1002", LEGACY[:15] + pickle.dumps(1002, 2)
         + pickle.dumps({}, 2)),
        ("pt-legacy-order.pth", "a legacy file of no byte order", LEGACY[:15] + pickle.dumps(1001, 2)
         + pickle.dumps([], 2) + saved(tensor()) + KEYS + DATA, (0, 2)),
        ("pt-legacy-cut.pth", "cut within the state", LEGACY + b"\x80\2}" + text(b"w")),
        ("pt-legacy-keys.pth", "a list of storages that is a number", LEGACY + b"\x80\2}." + b"\x80\2K\1."),
        ("pt-legacy-keys-endless.pth", "a list of storages of dictionaries", LEGACY + saved(tensor())
         + pickle.dumps([{}, []], 2) + DATA),
        ("pt-legacy-no-data.pth", "no values", LEGACY + saved(tensor()) + KEYS),
        ("pt-legacy-data-cut.pth", "values cut short", LEGACY + saved(tensor()) + KEYS + DATA[:-1]),
        ("pt-legacy-count.pth", "a storage of 2^60 values", LEGACY + saved(tensor()) + KEYS
         + struct.pack("<q", 1 << 60) + bytes(16)),
        ("pt-legacy-count-negative.pth", "a storage of -1 values", LEGACY + saved(tensor()) + KEYS
         + struct.pack("<q", -1) + bytes(16)),
        ("pt-legacy-few.pth", "a rebuild function with too few arguments", LEGACY
         + saved(b"ctorch._utils\n_rebuild_tensor\n(K\1tR") + KEYS + DATA),
        ("pt-legacy-masked.pth", "an array of NumPy rebuilt by too few arguments", LEGACY
         + saved(b"cnumpy.core.multiarray\n_reconstruct\n)R") + KEYS + DATA),
        ("pt-legacy-tar.pt", "the tar of before 0.1.10", b"sys_info".ljust(100, b"\0") + bytes(412) * 4),
    ],
)  # fmt: skip
