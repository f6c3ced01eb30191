"""ONNX networks that are wrong or ask for more than any machine has: cycles, lies about shapes, bombs of constants."""

import itertools
import struct
from collections.abc import Callable

from hostile.making import READ, make_cases
from hostile.onnx_files import content, number, raw, tensor

REFUSED = (0, 2)  # `inspect` lists the tensors, or refuses


def attribute(name: str, value: int | float | str | bytes | tuple[int, ...], kind: int = 0) -> bytes:
    """Return an AttributeProto; bytes are a tensor."""
    body = content(1, name)
    if isinstance(value, bytes):
        return content(5, body + content(5, value) + number(20, kind or 4))
    if isinstance(value, str):
        return content(5, body + content(4, value) + number(20, kind or 3))
    if isinstance(value, float):
        return content(5, body + b"\x15" + struct.pack("<f", value) + number(20, kind or 1))
    if isinstance(value, int):
        return content(5, body + number(3, value) + number(20, kind or 2))
    return content(5, body + b"".join(number(8, n) for n in value) + number(20, kind or 7))


def op(kind: str, inputs: str, outputs: str, *attributes: bytes, name: str = "", domain: str = "") -> bytes:
    """Return a node of a graph; names of values are apart by blanks, "-" is one left out."""
    names = [content(1, "" if part == "-" else part) for part in inputs.split()]
    names += [content(2, part) for part in outputs.split()]
    named = content(3, name) if name else b""
    return content(1, b"".join(names) + named + content(4, kind) + b"".join(attributes)
                   + (content(7, domain) if domain else b""))  # fmt: skip


def value(name: str, *shape: int | str, kind: int = 1) -> bytes:
    """Return a ValueInfoProto."""
    extents = b"".join(content(1, number(1, n) if isinstance(n, int) else content(2, n)) for n in shape)
    return content(1, name) + content(2, content(1, number(1, kind) + content(2, extents)))


def numbers(name: str, *values: int) -> bytes:
    """Return an initializer of whole numbers."""
    return tensor((len(values),), 7, name, content(9, struct.pack(f"<{len(values)}q", *values)))


def floats(name: str, *shape: int) -> bytes:
    count = 1
    for extent in shape:
        count *= extent
    return tensor(shape, 1, name, content(9, struct.pack("<f", 0.5) * count))


def network(
    nodes: bytes, *tensors: bytes, inputs: tuple[bytes, ...] = (value("x", "n", 4),),
    outputs: tuple[bytes, ...] = (value("y", "n", 4),), opset: bytes = content(8, number(2, 17)), more: bytes = b"",
) -> bytes:  # fmt: skip
    graph = nodes + content(2, "g") + b"".join(content(5, part) for part in tensors)
    graph += b"".join(content(11, part) for part in inputs) + b"".join(content(12, part) for part in outputs)
    return number(1, 8) + content(2, "someone") + content(7, graph) + opset + more


def chain(count: int, kind: str = "Relu", more: str = "") -> bytes:
    """Return nodes v0 -> v1 -> ... -> y."""
    names = ["x", *(f"v{n}" for n in range(count - 1)), "y"]
    return b"".join(op(kind, f"{a} {more}", b) for a, b in itertools.pairwise(names))


def constants(*nodes: bytes) -> bytes:
    """Return nodes of which the last gives c, a constant that is added to the samples."""
    return b"".join(nodes) + op("Add", "x c", "y")


def nest(kind: str, depth: int) -> bytes:
    """Return a node with a graph in it, and so on."""
    graph = op("Relu", "x", "y")
    for _ in range(depth):
        inner = content(5, content(1, "then_branch" if kind == "If" else "body") + content(6, graph) + number(20, 5))
        graph = op(kind, "x", "y", inner)
    return graph


def fill(shape: str, out: str) -> bytes:
    return op("ConstantOfShape", shape, out)


def wide(count: int) -> bytes:
    """Return nodes of which each reads all before it."""
    names = ["x"]
    nodes = []
    for n in range(count):
        nodes.append(op("Sum", " ".join(names), f"v{n}"))
        names.append(f"v{n}")
    return b"".join(nodes) + op("Sum", " ".join(names), "y")


def reuse(count: int, size: int) -> bytes:
    """Return convolutions that share one tensor, none with the same settings: a file that grows when it is read."""
    names = ["x", *(f"v{n}" for n in range(count))]
    nodes = [
        op("Conv", f"{a} w", b, attribute("dilations", (n + 1, n + 1)), attribute("pads", ((n + 1) * 0,) * 4))
        for n, (a, b) in enumerate(itertools.pairwise(names))
    ]
    side = (value("x", "n", size, 8, 8),)
    return network(b"".join(nodes) + op("Relu", names[-1], "y"), floats("w", size, size, 1, 1), inputs=side,
                   outputs=(value("y", "n", size, 8, 8),))  # fmt: skip


def many_inputs(count: int, nodes: bytes) -> bytes:
    given = (value("x", "n", 4), *(value(f"i{n}", "n", 4, kind=7) for n in range(count)))
    return network(nodes, inputs=given)


_BIG, _SHAPE = 1 << 40, numbers("s", 1 << 40)
_RELU = op("Relu", "x", "y")
_ROWS: list[tuple[str, str, bytes | Callable[[], bytes]]] = [
    ("cycle", "two nodes that wait for each other", network(op("Add", "x b", "a") + op("Add", "x a", "b")
        + op("Add", "a b", "y"))),
    ("itself", "a node that reads what it gives", network(op("Add", "x y", "y"))),
    ("unknown", "a value that nothing gives", network(op("Add", "x q", "y"))),
    ("like-input", "a node that gives the input", network(op("Relu", "x", "x") + _RELU)),
    ("twice", "two nodes that give one value", network(_RELU + _RELU)),
    ("like-tensor", "a node that gives an initializer", network(op("Relu", "x", "w") + op("Relu", "w", "y"), floats(
        "w", 4))),
    ("no-input", "no input", network(fill("s", "y"), _SHAPE, inputs=())),
    ("no-output", "no output", network(_RELU, outputs=())),
    ("input-is-output", "an input that is an output", network(b"", outputs=(value("x", "n", 4),))),
    ("chain", "a chain of 12,000 layers", lambda: network(chain(12_000))),
    ("chain-biases", "a chain of 3,000 constants", lambda: network(chain(3_000, "Sub", "w"), floats("w", 4))),
    ("chain-mul", "a chain of 3,000 factors", lambda: network(chain(3_000, "Mul", "w"), floats("w", 4))),
    ("wide", "each of 300 nodes reads all before it", lambda: network(wide(300))),
    ("many-inputs", "20,000 inputs, 5,000 nodes", lambda: many_inputs(20_000, chain(5_000))),
    ("many-reshapes", "20,000 inputs, 5,000 Reshapes", lambda: many_inputs(20_000, chain(5_000, "Reshape", "s"))),
    ("name-1m", "a node whose name has a million letters", lambda: network(op("Relu", "x", "y", name="n" * 1_000_000))),
    ("names-odd", "names with marks that turn a line around", network(op("Relu", "x", "\u202e\x1b[2J\n"), outputs=(
        value("\u202e\x1b[2J\n", "n", 4),))),
    ("extent-2-47", "samples of 2^47 values", network(_RELU, inputs=(value("x", "n", 1 << 47),), outputs=(
        value("y", "n", 1 << 47),))),
    ("extents", "samples of 2^90 values", network(_RELU, inputs=(value("x", "n", *[1 << 45] * 2),), outputs=(
        value("y", "n", *[1 << 45] * 2),))),
    ("extent-0", "samples of no value", network(_RELU, inputs=(value("x", "n", 0),))),
    ("rank-30", "samples of 30 axes", network(_RELU, inputs=(value("x", "n", *[1] * 30),), outputs=())),
    ("window-2-31", "a window of 2^31", network(op("MaxPool", "x", "y", attribute("kernel_shape", (1 << 31,) * 2)),
        inputs=(value("x", "n", 1, 4, 4),))),
    ("pads-2-62", "pads of 2^62", network(op("MaxPool", "x", "y", attribute("kernel_shape", (2, 2)), attribute(
        "pads", (1 << 62,) * 4)), inputs=(value("x", "n", 1, 4, 4),))),
    ("pad-2-30", "an image padded to 2^60 pixels", network(op("Pad", "x p", "y"), numbers("p", 0, 0, 0, 0, 0, 0,
        1 << 30, 1 << 30), inputs=(value("x", "n", 1, 4, 4),), outputs=(value("y", "n", "a", "b", "c"),))),
    ("resize-2-40", "an image enlarged to 2^80 pixels", network(op("Resize", "x - - s", "y", attribute("mode", "linear")
        ), numbers("s", 1, 1, _BIG, _BIG), inputs=(value("x", "n", 1, 4, 4),), outputs=(
        value("y", "n", "a", "b", "c"),))),
    ("resize-large", "an image enlarged to 2^34 pixels", network(op("Resize", "x - - s", "y", attribute("mode",
        "linear")), numbers("s", 1, 1, 1 << 17, 1 << 17), inputs=(value("x", "n", 1, 4, 4),), outputs=(
        value("y", "n", "a", "b", "c"),))),
    ("stretch", "a row of 2^34 values by 34 doublings", network(b"".join(op("Concat", f"v{n} v{n}", f"v{n + 1}",
        attribute("axis", 1)) for n in range(34)) + op("Relu", "v34", "y"), inputs=(value("v0", "n", 1),), outputs=(
        value("y", "n", "a"),))),
    ("reshape-2-60", "samples in a shape of 2^60", network(op("Reshape", "x s", "y"), numbers("s", -1, 1 << 60))),
    ("tile", "samples repeated 2^40 times", network(op("Tile", "x s", "y"), numbers("s", 1, _BIG))),
    ("expand", "samples repeated to 2^40", network(op("Expand", "x s", "y"), numbers("s", 1, _BIG), inputs=(value("x",
        "n", 1),))),
    ("gather", "channels picked 100,000 times", network(op("Gather", "x s", "y", attribute("axis", 1)), numbers("s",
        *[0] * 100_000), outputs=(value("y", "n", "a"),))),
    ("split-many", "a Split with 20,000 outputs", lambda: network(op("Split", "x", " ".join(f"v{n}" for n in range(
        20_000)), attribute("axis", 1)) + op("Relu", "v0", "y"), inputs=(value("x", "n", 20_000),))),
    ("features", "a weight that declares 2^62 values", network(op("MatMul", "x w", "y"), tensor((4, 1 << 60), 1, "w",
        raw()))),
    ("weights-fill", "a Dense with weights of 2^40 equal values", network(fill("s", "w") + op("MatMul", "x w", "y"),
        numbers("s", 4, 1 << 38), outputs=(value("y", "n", "a"),))),
    ("fill-add", "2^40 equal values added", network(constants(fill("s", "c")), _SHAPE)),
    ("fill-clip", "2^33 values clipped", network(constants(fill("s", "a"), op("Clip", "a l", "c")), numbers("s",
        1 << 33), floats("l"))),
    ("fill-sum", "2^44 values summed up", network(constants(fill("s", "a"), op("ReduceSum", "a", "c")), numbers("s",
        1 << 44))),
    ("fill-max", "2^44 values of which the place of the largest is asked", network(constants(fill("s", "a"), op(
        "ArgMax", "a", "b"), op("Cast", "b", "c", attribute("to", 1))), numbers("s", 1 << 44))),
    ("fill-running", "sums of 2^33 values", network(constants(fill("s", "a"), op("CumSum", "a z", "c")), numbers("s",
        1 << 33), numbers("z", 0))),
    ("fill-nonzero", "places of 2^33 values", network(constants(fill("s", "a"), op("Cast", "a", "b", attribute("to",
        9)), op("NonZero", "b", "d"), op("Cast", "d", "c", attribute("to", 1))), numbers("s", 1 << 33))),
    ("fill-scatter", "2^33 values changed in one place", network(constants(fill("s", "a"), op("ScatterND", "a p u",
        "c")), numbers("s", 1 << 33), tensor((1, 1), 7, "p", raw(8)), floats("u", 1))),
    ("fill-gather", "one of 2^33 values picked", network(constants(fill("s", "a"), op("Gather", "a z", "c")), numbers(
        "s", 1 << 33), numbers("z", 0))),
    ("fill-batch", "2^40 values for each sample", network(op("Shape", "x", "h", attribute("end", 1)) + op("Concat",
        "h s", "k", attribute("axis", 0)) + fill("k", "a") + op("Slice", "a b e g", "d") + constants(op("ReduceSum",
        "d", "c")), _SHAPE, numbers("b", 0), numbers("e", 1), numbers("g", 0))),
    ("fill-samples", "2^40 values for each sample, added", network(op("Shape", "x", "h", attribute("end", 1)) + op(
        "Concat", "h s", "k", attribute("axis", 0)) + constants(fill("k", "c")), _SHAPE)),
    ("tile-constant", "a constant repeated 2^40 times", network(constants(op("Tile", "w s", "c")), floats("w", 1),
        _SHAPE)),
    ("range", "numbers up to 2^40", network(constants(op("Range", "a b d", "r"), op("Cast", "r", "c", attribute("to",
        1))), numbers("a", 0), numbers("b", _BIG), numbers("d", 1))),
    ("range-zero", "numbers in steps of zero", network(constants(op("Range", "a b a", "c")), floats("a", 1), floats(
        "b", 1))),
    ("pad-constant", "a constant padded to 2^40", network(constants(op("Pad", "w p", "c")), floats("w", 1), numbers(
        "p", 0, _BIG))),
    ("expand-constant", "a row repeated 2^40 times, negated", network(constants(op("Expand", "w s", "a"), op("Neg", "a",
        "c")), floats("w", 1), _SHAPE)),
    ("outer", "a product of 2^28 values", network(constants(op("MatMul", "a b", "c")), floats("a", 1 << 14, 1), floats(
        "b", 1, 1 << 14))),
    ("outer-sum", "a sum of 2^30 values", network(constants(op("Add", "a b", "c")), floats("a", 1 << 15, 1), floats(
        "b", 1, 1 << 15))),
    ("outer-where", "a choice of 2^30 values", network(constants(op("Cast", "a", "d", attribute("to", 9)), op("Where",
        "d a b", "c")), floats("a", 1 << 15, 1), floats("b", 1, 1 << 15))),
    ("outer-pick", "places of 2^30 values", network(constants(op("GatherElements", "a z", "c", attribute("axis", 1))),
        floats("a", 1 << 15, 1), tensor((1, 1 << 15), 7, "z", raw(8 << 15)))),
    ("products", "400 products of whole numbers", lambda: network(b"".join(op("MatMul", "a a", f"m{n}") for n in range(
        400)) + constants(op("Sum", " ".join(f"m{n}" for n in range(400)), "b"), op("Cast", "b", "c", attribute("to",
        1))), tensor((500, 500), 3, "a", raw(250_000)))),
    ("doubling", "a constant doubled 40 times", network(b"".join(op("Concat", f"v{n} v{n}", f"v{n + 1}", attribute(
        "axis", 0)) for n in range(40)) + op("Add", "x v40", "y"), floats("v0", 1))),
    ("one-weight", "1,000 layers that share one tensor", lambda: reuse(1_000, 200)),
    ("declared", "a value declared in another shape", network(op("Relu", "x", "a") + op("Relu", "a", "y") + content(13,
        value("a", "n", 7)))),
    ("output-declared", "an output declared in another shape", network(_RELU, outputs=(value("y", "n", 7, 7),))),
    ("weight-shape", "a weight in a shape that no layer takes", network(op("Conv", "x w", "y"), floats("w", 2, 2),
        inputs=(value("x", "n", 1, 4, 4),))),
    ("weight-number", "too few weights", network(op("BatchNormalization", "x w w", "y"), floats("w", 4))),
    ("weight-kind", "weights that are whole numbers", network(op("MatMul", "x w", "y"), tensor((4, 4), 7, "w", raw(
        128)))),
    ("weight-texts", "weights that are texts", network(op("MatMul", "x w", "y"), tensor((1,), 8, "w", content(6,
        "a")))),
    ("opset-0", "operator set 0", network(_RELU, opset=content(8, number(2, 0)))),
    ("opset-huge", "operator set 10^9", network(_RELU, opset=content(8, number(2, 10**9)))),
    ("opset-negative", "operator set -1", network(_RELU, opset=content(8, number(2, -1)))),
    ("opset-none", "no operator set", network(_RELU, opset=b"")),
    ("opset-text", "an operator set that is a text", network(_RELU, opset=content(8, content(2, "17")))),
    ("if-1000", "1,000 conditions in each other", lambda: network(nest("If", 1_000))),
    ("loop-1000", "1,000 loops in each other", lambda: network(nest("Loop", 1_000))),
    ("scan", "a scan", network(nest("Scan", 1))),
    ("function", "a function that calls itself", network(op("F", "x", "y", domain="own"), more=content(25, content(1,
        "F") + content(10, "own") + content(4, "x") + content(5, "y") + content(7, op("F", "x", "y", domain="own")[
        2:])))),
    ("relu-function", "a function called Relu that calls itself", network(_RELU, more=content(25, content(1, "Relu") +
        content(7, _RELU[2:])))),
    ("attribute-text", "a stride that is a text", network(op("MaxPool", "x", "y", attribute("kernel_shape", "2")),
        inputs=(value("x", "n", 1, 4, 4),))),
    ("attribute-tensor", "an axis that is a tensor", network(op("Softmax", "x", "y", attribute("axis", floats("a",
        1))))),
    ("attribute-huge", "an axis of 2^62", network(op("Softmax", "x", "y", attribute("axis", 1 << 62)))),
    ("attribute-nan", "a slope that is NaN", network(op("LeakyRelu", "x", "y", attribute("alpha", float("nan"))))),
    ("perm-long", "an order of 60,000 axes", network(op("Transpose", "x", "y", attribute("perm", tuple(range(
        60_000)))))),
    ("groups-zero", "no group", network(op("Conv", "x w", "y", attribute("group", 0)), floats("w", 1, 1, 1, 1), inputs=(
        value("x", "n", 1, 4, 4),))),
    ("groups-negative", "-1 groups", network(op("Conv", "x w", "y", attribute("group", -1)), floats("w", 1, 1, 1, 1),
        inputs=(value("x", "n", 1, 4, 4),))),
    ("strides-zero", "strides of 0", network(op("Conv", "x w", "y", attribute("strides", (0, 0))), floats("w", 1, 1, 1,
        1), inputs=(value("x", "n", 1, 4, 4),))),
    ("slice-huge", "a slice in steps of 2^62", network(op("Slice", "x a b z s", "y"), numbers("a", -(1 << 63)), numbers(
        "b", (1 << 63) - 1), numbers("z", 1), numbers("s", 1 << 62), outputs=(value("y", "n", "a"),))),
    ("depth-block", "blocks of 2^31 pixels", network(op("DepthToSpace", "x", "y", attribute("blocksize", 1 << 31)),
        inputs=(value("x", "n", 4, 4, 4),))),
    ("lrn", "a sum over 2^40 channels", network(op("LRN", "x", "y", attribute("size", (1 << 40) + 1)), inputs=(value(
        "x", "n", 4, 4, 4),), outputs=(value("y", "n", 4, 4, 4),))),
]  # fmt: skip
CASES = make_cases("weights", [(f"graph-{name}.onnx", *row, REFUSED) for name, *row in _ROWS])  # type: ignore[arg-type]

__all__ = ["CASES", "READ"]
