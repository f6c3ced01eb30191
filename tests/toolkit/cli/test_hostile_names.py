"""Every hostile name through every command and form: nothing reaches a terminal raw, and what is written reads back."""

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hostile.names import BYTES, LONE, TEXTS, is_file_name, write_safetensors
from hostile.shown import check_svg, find_fault, list_elements, list_hidden, parse_strictly, read_csv
from PIL import Image

from cnnkit import exporters
from cnnkit.cli.completion import complete_layer
from cnnkit.errors import ExportError
from cnnkit.exporters import Tensor, WeightFile
from cnnkit.files.names import from_text, to_text
from cnnkit.files.shell import write_command

NAMES = [name for name in TEXTS.values() if name != "__metadata__"]  # which a safetensors file cannot name a tensor
FILES = [name for name in NAMES if is_file_name(name)] + list(map(os.fsdecode, BYTES))
FORMS = ("csv", "latex", "markdown")
# All at once, for what takes one word: commands, options, titles.
WORST = "\x1b]0;x\x07\nFORGED \x9b31m\u202e\u2028\udcff[red]</script>\"'><svg onload=x>&amp;$(reboot)`x`%s=1\ufffe"
NET = """
name = {}
data = "digits"
input_shape = [1, 8, 8]
[training]
epochs = 1
[[layers]]
type = "Flatten"
[[layers]]
type = "Dense"
features = {}
"""


@pytest.fixture
def shown(cnnkit):
    """Run a command line that must end well and show nothing raw; return its result."""

    def call(*arguments, statuses=(0,)):
        result = cnnkit(*arguments)
        assert find_fault(result.status, result.out, result.err, statuses) is None, ascii(arguments)
        if "--json" in arguments:
            assert isinstance(parse_strictly(result.out), dict)
            assert result.out.count("\n}\n") == 1
        return result

    return call


@pytest.fixture
def foreign(folder):
    """A file of another program whose tensors and metadata have every name."""
    write_safetensors(folder / "all.safetensors", NAMES, {name: name for name in TEXTS.values()})
    return "all.safetensors"


def make_weights(names, metadata=None):
    tensors = (Tensor.of(name, np.full(1, k, np.float32), layer=name) for k, name in enumerate(names))
    return WeightFile(tuple(tensors), None, metadata or {})


def test_names_of_tensors_in_every_view(shown, foreign):
    facts = shown("inspect", foreign, "--json").json
    assert sorted(tensor["name"] for tensor in facts["tensors"]) == sorted(NAMES)
    shown("inspect", foreign, "--values")
    shown("inspect", foreign, "--no-stats", "-v")
    facts = shown("diff", foreign, foreign, "--json").json
    assert sorted(tensor["a"] for tensor in facts["tensors"]) == sorted(NAMES)
    tables = {form: shown("diff", foreign, foreign, "--format", form).out for form in FORMS}
    assert len(read_csv(tables["csv"])) == len(NAMES) + 1


def test_names_on_a_terminal_with_colours(shown, foreign, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for width in ("40", "120"):
        monkeypatch.setenv("COLUMNS", width)
        assert "\x1b[" in shown("inspect", foreign).out
        shown("diff", foreign, foreign)


def test_no_name_makes_an_element_of_the_page(shown, foreign, folder):
    write_safetensors(folder / "plain.safetensors", [f"layer{k}.weight" for k in range(len(NAMES))], {"key": "value"})
    pages = []
    for file in (foreign, "plain.safetensors"):
        shown("inspect", file, "--html", "page.html")
        pages.append(Path("page.html").read_bytes().decode())
    assert list_elements(pages[0]) <= list_elements(pages[1])
    assert not list_hidden(pages[0])


@pytest.mark.parametrize(
    "name", sorted(name for name, form in exporters.formats().items() if form.writes and not form.by_name)
)
def test_written_names_read_back_or_are_refused(shown, name):
    if name in ("keras", "onnx", "c"):
        pytest.skip("names of a whole network, which are numbers: see the training below")
    form, whole = exporters.formats()[name], [*NAMES, *LONE.values()]
    target = f"out{form.suffixes[0]}"
    try:
        exporters.write(make_weights(whole, {"key": whole}), target, name)
    except ExportError as error:
        line, reason = str(error), {"hdf5": "a name of more than 10000 bytes", "json": "half a surrogate pair"}[name]
        if reason not in line or list_hidden(line):
            raise
        assert os.listdir() == []
        whole = [text for text in NAMES if len(text) < 5_000]
        exporters.write(make_weights(whole, {"key": whole}), target, name)
    assert os.listdir() == [target]
    back = exporters.read(target)
    assert [tensor.name for tensor in back] == whole
    assert [float(tensor.read()[0]) for tensor in back] == list(range(len(whole)))
    listed = shown("inspect", target, "--json").json["tensors"]
    assert [tensor["name"] for tensor in listed] == list(map(to_text, whole))
    if name == "svg":
        check_svg(Path(target))
    if name in ("txt", "json"):
        shown("export", target, "-f", name, "-o", "-")
    shown("diff", target, target, "--runs")


def test_every_name_chooses_its_tensor(shown):
    exporters.write(make_weights(NAMES), "all.npz")
    for number, name in enumerate(filter(None, NAMES)):
        facts = shown("inspect", "all.npz", "--no-stats", "--json", f"--layer={name}").json
        assert name in [tensor["name"] for tensor in facts["tensors"]]
        if number % 16 == 0:
            shown("show", "all.npz", "--json", "--", name)
            shown("show", "all.npz", "--", name)
            shown("show", "all.npz", "-o", f"{number}.svg", "--", name)
            check_svg(Path(f"{number}.svg"))
    assert {Path(name).suffix for name in os.listdir()} == {".npz", ".svg"}


@pytest.mark.parametrize("about", LONE)
def test_half_a_surrogate_pair_is_refused_as_other_parsers_do(shown, folder, about):
    from safetensors import SafetensorError, safe_open

    write_safetensors(folder / "lone.safetensors", ["ok", LONE[about]])
    with pytest.raises(SafetensorError), safe_open("lone.safetensors", "np"):
        pass
    line = shown("inspect", "lone.safetensors", statuses=(2,)).err
    assert "half a surrogate pair" in line
    (folder / "map.json").write_text(json.dumps({LONE[about]: "x"}))
    write_safetensors(folder / "ok.safetensors", ["ok"])
    assert (
        "half a surrogate" in shown("diff", "ok.safetensors", "ok.safetensors", "--map", "map.json", statuses=(2,)).err
    )


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """A folder of pictures with a hostile name, whose classes have every name that a folder can have."""
    place = tmp_path_factory.mktemp("gallery") / WORST.replace("/", "|")
    classes = [name for name in FILES if not name.startswith(".")]
    rng = np.random.default_rng(0)
    for split, name in itertools.product(("train", "test"), classes):
        (place / split / name).mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(place / split / name / "0.png")
    return place, classes


def test_names_of_classes_data_and_files_through_a_training(shown, gallery):
    data, classes = gallery
    names = sorted(map(to_text, classes))
    model, out = Path("net\x1b[1A.toml"), "w" + WORST.replace("/", "|") + ".h5"
    model.write_text(NET.format(json.dumps(WORST.replace("\udcff", "")), len(classes)))
    shown("data", "show", data, "--index", "0", "--index", "9")
    assert shown("data", "show", data, "--json").json["shown"][0]["class_name"] in names
    shown("summary", "--model", model)
    shown("summary", "--model", model, "--json", "-o", "net.svg")
    check_svg(Path("net.svg"))
    given = ("train", "--model", model, "--data", data, "-o", out)
    shown(*given, "--plot", "curves\x9b.svg", "--log", "log\x1b.jsonl")
    check_svg(Path("curves\x9b.svg"))
    assert not list_hidden(Path("log\x1b.jsonl").read_text())
    shown(*given, "--json")
    shown(*given, "--overwrite", "--init-from", out)
    shown(*given, "--seed", "5", statuses=(2,))
    shown("train", "--resume", "-o", out, "--epochs", "2", "--data", data)
    for form in FORMS:
        text = shown("evaluate", out, "--data", data, "--format", form, "--mistakes", "99").out
        if form == "csv":
            assert len(read_csv(text)) > len(classes)
    shown("evaluate", out, "--data", data, "--plot", "plot.svg")
    check_svg(Path("plot.svg"))
    assert sorted(shown("predict", out, "--data", data, "--json").json["class_names"]) == names
    shown("predict", out, "--image", data / "test" / "CON" / "0.png")
    shown("evaluate", out, "--json", statuses=(2,))  # its data lie elsewhere
    shown("evaluate", out, "--data", data, "--json")
    shown("inspect", out, "--html", "page.html")
    shown("inspect", out)
    for name in ("svg", "npz", "json", "keras", "onnx"):
        target = f"out{exporters.formats()[name].suffixes[0]}"
        more = ("--activations", "0") if name == "svg" else ()
        shown("export", out, "--overwrite", "-f", name, "-o", target, "--data", data, *more)
        if name in ("npz", "json"):
            assert sorted(exporters.read(target).metadata["class_names"]) == names
    check_svg(Path("out.svg"))
    shown("diff", out, "out.npz", "--runs", statuses=(0, 1))


def test_files_of_every_name(shown, trained):
    views = [
        ("inspect", "--no-stats"), ("summary",), ("show", "5"), ("predict", "--show", "none"), ("evaluate",),
        ("export", "-f", "npz", "-o", "out.npz", "--overwrite"), ("inspect", "--html", "page.html"),
    ]  # fmt: skip
    for number, (name, (command, *options)) in enumerate(zip(FILES, itertools.cycle(views))):
        shutil.copy(trained, name)
        file = Path(name) if not name.startswith("-") else Path(f"./{name}")
        words = [command, *options, "--", str(file)] if command != "show" else [command, "--", str(file), *options]
        if number % 3 == 0:
            shown(*words)
        facts = shown("inspect", "--no-stats", "--json", "--", file).json
        assert facts["file"] == to_text(str(file))
        assert from_text(facts["file"]) == str(file) or "\\x" in name
        os.remove(name)
        missing = ("inspect", "--json") if number % 2 else (command,)
        shown(*missing, "--", file, *options[:1] if command == "show" and not number % 2 else (), statuses=(2,))
    assert sorted(os.listdir()) == ["out.npz", "page.html"]


OPTIONS = (
    ("train", "--data"), ("train", "--model"), ("train", "--recipe"), ("train", "--init-from"),
    ("train", "--optimizer"), ("train", "--schedule"), ("train", "--loss"), ("train", "--initializer"),
    ("train", "--backend"),
    ("train", "--device"), ("train", "--dtype"), ("train", "--epochs"), ("train", "--plot"),
    ("inspect", "w.h5", "--layer"),
    ("inspect", "w.h5", "--slice"), ("inspect", "w.h5", "--html"), ("show", "w.h5", "--unit"), ("show", "w.h5", "-o"),
    ("diff", "w.h5", "w.h5", "--map"), ("diff", "w.h5", "w.h5", "--only"), ("diff", "w.h5", "w.h5", "--atol"),
    ("summary", "--input-shape"), ("summary", "--recipe"), ("evaluate", "w.h5", "--data"),
    ("evaluate", "w.h5", "--format"),
    ("predict", "w.h5", "--image"), ("predict", "w.h5", "--model"), ("export", "w.h5", "--format"),
    ("export", "w.h5", "--out"), ("parity", "--backend"), ("parity", "--report"), ("gradcheck", "--recipe"),
    ("recipes", "--copy"), ("data", "fetch", "--"), ("data", "show", "--"), ("show", "w.h5", "--"), ("inspect", "--"),
    ("--",), ("data", "--"), ("formats", "--"), ("backends", "--"), ("data", "list", "--"), ("summary", "--"),
)  # fmt: skip


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
def test_a_hostile_word_for_every_option(shown, trained, words):
    shutil.copy(trained, "w.h5")
    for word in (WORST, f"{WORST}{'x' * 100_000}"):
        shown(*words, word, statuses=(2,))
        at = words.index("--") if "--" in words else len(words) - 1
        error = shown(*words[:at], "--json", *words[at:], word, statuses=(2,)).json["error"]
        assert len(error["message"]) < 10_000
    assert os.listdir() == ["w.h5"]


def test_each_name_as_a_word_of_some_command(shown, trained):
    shutil.copy(trained, "w.h5")
    for name, (words, form) in zip(NAMES, itertools.cycle(itertools.product(OPTIONS[1::3], ((), ("--json",))))):
        if "\0" not in name:
            at = words.index("--") if "--" in words else len(words) - 1
            shown(*words[:at], *form, *words[at:], name, statuses=(0, 1, 2))


@pytest.mark.parametrize("arguments", [["\x1b[31m\nFORGED"], ["inspect", "--\x1b[31m\nFORGED"], ["data", "\u202e"]])
def test_unknown_commands_and_options(shown, arguments):
    shown(*arguments, statuses=(2,))
    assert "error" in shown(*arguments, "--json", statuses=(2,)).json


def test_the_shell_reads_back_what_is_written_for_it():
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash to ask")
    names = [
        name for name in (*FILES, "-rf", "--help", "=ls", *TEXTS.values()) if "\0" not in name and len(name) < 9_999
    ]
    command = write_command("printf", "%s\\0", *names)
    assert not list_hidden(command)
    told = subprocess.run([bash, "-c", command], capture_output=True, check=True, env={"PATH": ""}).stdout
    assert told == b"".join(os.fsencode(name) + b"\0" for name in names)
    assert write_command("rm", Path("-rf"), Path("a b")) == "rm ./-rf 'a b'"


def test_a_shell_is_offered_no_word_that_it_evaluates(foreign):
    offered = complete_layer(SimpleNamespace(params={"file": foreign}), "")
    assert {"constructor", "CON"} <= {*offered}
    assert all(name.isprintable() and not {*name} & {*"$`\\\"' ;&|<>(){}[]*?!#~\n"} for name in offered)
