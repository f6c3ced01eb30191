"""One line about a part of a file that cannot be adopted."""

from pathlib import Path

from cnnkit.errors import WeightFileError
from cnnkit.exporters.core.faults import fault
from cnnkit.exporters.onnx.network import FileNode
from cnnkit.files.names import printable

_FORMAT, _LONGEST = "onnx", 700  # letters of a line


def describe_node(node: FileNode) -> str:
    """Return "node conv1 (Conv)": its name, or that of its first output, and its operator with a foreign domain."""
    name = node.name or next(filter(None, node.outputs), f"number {node.place}")
    domain = f"{printable(node.domain, 60)}." if node.domain else ""
    return f"node {printable(name, 80)} ({domain}{printable(node.op, 60)})"


def refuse(file: str, problem: str, kind: str = "unreadable") -> WeightFileError:
    """Return the error about a file."""
    return fault(Path(file), printable(problem, _LONGEST), kind=kind, format_name=_FORMAT)


def refuse_node(file: str, node: FileNode, problem: str) -> WeightFileError:
    """Return the error about a node of a file."""
    return refuse(file, f"{describe_node(node)}: {problem}")
