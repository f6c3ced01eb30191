"""Nothing in the package runs what a file says; JSON and XML are read by one strict reader each."""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"toolkit": "cnnkit", "backends": "cnnkit.backends", "exporters": "cnnkit.exporters", "data": "cnnkit.data"}
# What runs code, starts programs, opens connections, unpickles, or reads a text by other rules than cnnkit's.
NAMES = {
    "eval", "exec", "compile", "__import__", "input", "breakpoint", "os.system", "os.popen", "os.startfile", "os.fork",
    "os.posix_spawn", "os.posix_spawnp", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile",
    "numpy.lib.format", "torch.load", "torch.jit", "torch.hub", "importlib.import_module", "importlib.util",
    "json.load", "json.loads", "orjson.loads", "tomllib.load", "tomllib.loads", "tempfile.mktemp", "zipfile.ZipFile",
    "xml.etree", "xml.parsers", "xml.sax", "xml.dom", "h5py.File",
    *(f"os.{way}{kind}" for way in ("exec", "spawn") for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
}  # fmt: skip
LIBRARIES = {
    "pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "dbm", "marshal", "yaml", "subprocess", "ctypes",
    "multiprocessing", "socket", "ssl", "http", "ftplib", "smtplib", "urllib", "requests", "xmlrpc", "socketserver",
    "code", "codeop", "runpy", "webbrowser", "lxml", "tarfile", "pooch", "pty", "imaplib", "asyncio", "pip",
}  # fmt: skip
ALLOWED = {
    ("cnnkit", "importlib.import_module"): "names from the table in the same file",
    ("cnnkit.cli.commands", "importlib.import_module"): "names of cnnkit's own commands",
    ("cnnkit.training.notebook_progress", "importlib.import_module"): "a fixed name",
    ("cnnkit.training.figure_file", "importlib.util"): "whether matplotlib is there",
    ("cnnkit.testing", "importlib.util"): "whether hypothesis is there",
    ("cnnkit.training.logs.tensorboard_log", "importlib.util"): "whether tensorboard is there",
    ("cnnkit.backends.cuda.gpu", "importlib.util"): "whether ml_dtypes is there",
    ("cnnkit.backends.cuda.simulator.sim_machine", "importlib.util"): "whether ml_dtypes is there",
    ("cnnkit.backends.cuda.simulator.sim_machine", "importlib.import_module"): "a fixed name",
    ("cnnkit.recipes.recipe", "tomllib.loads"): "model files and recipes: the only reader of TOML",
    ("cnnkit.exporters.core.strict_json", "json.loads"): "the strict reader of JSON",
    ("cnnkit.exporters.core.number_text.parsing", "orjson.loads"): "numbers alone, whose characters were checked",
    ("cnnkit.inspection.value_text", "json.loads"): "what the line before has written",
    ("cnnkit.exporters.svg.scanner", "xml.parsers"): "the strict reader of XML",
    ("cnnkit.exporters.svg.canvas", "xml.etree"): "builds elements, parses nothing",
    ("cnnkit.exporters.svg.writer", "xml.etree"): "builds elements, parses nothing",
    ("cnnkit.adopting.checking.worker_process", "subprocess"): "starts cnnkit's own worker, for `adopt --check`",
    ("cnnkit.adopting.checking.worker_process", "importlib.util"): "whether onnxruntime or Keras is there",
    ("cnnkit.exercises.checking", "subprocess"): "starts cnnkit's own worker, for `exercise check`",
    ("cnnkit.exercises.answering", "runpy"): "runs, in that worker, the file that the user asks to check",
    ("cnnkit.files.hdf5.worker_process", "subprocess"): "starts cnnkit's own worker",
    ("cnnkit.files.hdf5.worker_process", "socket"): "a pair of sockets to cnnkit's own worker",
    ("cnnkit.files.hdf5.worker_process", "json.loads"): "the answer of cnnkit's own worker",
    ("cnnkit.files.hdf5.worker_requests", "socket"): "a pair of sockets to the process that started the worker",
    ("cnnkit.files.hdf5.worker_requests", "json.loads"): "a request of the process that started the worker",
    ("cnnkit.files.hdf5.cage", "json.loads"): "the answer of cnnkit's own worker",
    ("cnnkit.files.hdf5.request", "json.loads"): "the answer of cnnkit's own worker",
    ("cnnkit.files.hdf5.system_call_filter", "ctypes"): "takes system calls away from the worker",
    ("cnnkit.backends.cuda.simulator.sanitizer", "subprocess"): "the C++ compiler, with cnnkit's own kernels",
    ("cnnkit.backends.cuda.simulator.compiler", "subprocess"): "the C++ compiler, with cnnkit's own kernels",
    ("cnnkit.backends.cuda.simulator.sim_module", "ctypes"): "loads what that compiler has made",
    ("cnnkit.backends.cuda.cublas", "ctypes"): "NVIDIA's library, found by CuPy",
    ("cnnkit.backends.groups.group", "json.loads"): "what the workers of a training tell each other",
    ("cnnkit.training.forward_batches", "json.loads"): "what the workers of a training tell each other",
    ("cnnkit.training.sharing", "json.loads"): "what the workers of a training tell each other",
    ("cnnkit.data.augmentation.workers", "subprocess"): "starts cnnkit's own workers, which read samples ahead",
    ("cnnkit.data.augmentation.frames", "pickle"): "what a training and its own workers tell each other, on pipes",
    ("cnnkit.data.fetching", "pooch"): "`cnnkit data fetch`, the only command that uses the network",
    ("cnnkit.data.downloading", "requests"): "`cnnkit data fetch`, the only command that uses the network",
}


def list_modules() -> Iterator[tuple[str, ast.Module]]:
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def find_names(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything that is imported, and of everything that is used, as the imports resolve it."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield known.get(node.func.id, node.func.id if hasattr(builtins, node.func.id) else "")
        if isinstance(node, ast.Attribute):
            parts, value = [node.attr], node.value
            while isinstance(value, ast.Attribute):
                parts.insert(0, value.attr)
                value = value.value
            if isinstance(value, ast.Name) and value.id in known:
                yield ".".join((known[value.id], *parts))


def find_dangerous(tree: ast.AST) -> set[str]:
    """Return the entries of NAMES and LIBRARIES that a module uses."""
    found = set()
    for name in find_names(tree):
        parts = name.split(".")
        heads = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        found |= heads & NAMES | {parts[0]} & LIBRARIES
    return found


MODULES = list(list_modules())
USED = {(module, what) for module, tree in MODULES for what in find_dangerous(tree)}


def test_only_these_modules_do_what_may_be_dangerous() -> None:
    assert sorted(USED - ALLOWED.keys()) == []


def test_no_exception_outlives_its_reason() -> None:
    assert sorted(ALLOWED.keys() - USED) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "pickle"),
        ("from pickle import loads", "pickle"),
        ("import numpy as np\nnp.load('a', allow_pickle=True)", "numpy.load"),
        ("from numpy import load as read\nread('a')", "numpy.load"),
        ("def f():\n    import torch\n    return torch.load('a')", "torch.load"),
        ("import json\njson.loads('1')", "json.loads"),
        ("import json\nread = json.loads", "json.loads"),
        ("from xml.etree import ElementTree", "xml.etree"),
        ("import os\nos.execvp('a', [])", "os.execvp"),
        ("eval('1')", "eval"),
        ("import urllib.request", "urllib"),
    ],
)
def test_each_kind_is_found(source, what) -> None:
    assert what in find_dangerous(ast.parse(source))


def test_what_is_harmless_is_not_found() -> None:
    source = "import json\nimport re\njson.dumps(1)\nre.compile('a')\nself.compile(step)\nmodel.load('x')"
    assert find_dangerous(ast.parse(source)) == set()


def test_each_exemption_from_the_static_check_has_a_reason() -> None:
    """Ruff's S rules are on: what they are told to pass over says why, in place."""
    lines = [
        line for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") for line in path.read_text().splitlines()
    ]
    exempt = [line for line in lines if re.search(r"noqa: [A-Z0-9, ]*\bS[0-9]{3}", line)]
    assert len(exempt) > 10
    assert [line for line in exempt if not re.search(r"noqa: [A-Z0-9, ]+ \(\w", line)] == []


def test_xml_is_built_but_never_parsed_by_element_tree() -> None:
    parsers = {"parse", "fromstring", "XML", "XMLID", "iterparse", "XMLParser", "XMLPullParser", "TreeBuilder"}
    for module, tree in MODULES:
        names = {name for name in find_names(tree) if name.startswith("xml.etree")}
        assert {name.rpartition(".")[2] for name in names} & parsers == set(), module
