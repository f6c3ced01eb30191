"""Random hostile names of tensors, metadata and files through commands and formats: shown safely, read back."""

import itertools
import os
import random
import time
from pathlib import Path

from hostile.names import TEXTS, write_safetensors
from hostile.shown import check_svg, find_fault, list_elements, list_hidden, parse_strictly, read_csv

from cnnkit import exporters
from cnnkit.files.names import to_text
from torture.program import run_cnnkit
from torture.trial import Budget, Found, Trial

_NAMES = 40  # in a file
_PIECES = [text for text in TEXTS.values() if 0 < len(text) < 100]
_RANGES = ((0, 0x20), (0x20, 0x7F), (0x7F, 0x100), (0x300, 0x370), (0x590, 0x700), (0x2000, 0x2070), (0xE000, 0xE010),
           (0xFE00, 0xFF00), (0xFFF0, 0x10000), (0x1F600, 0x1F650), (0xE0000, 0xE0080))  # fmt: skip
_WRITERS = ("hdf5", "npz", "txt", "json", "safetensors", "torch", "svg")
_VIEWS = (
    ("inspect", "--json"), ("inspect", "--html", "page.html"), ("diff", "--format", "csv"), ("export",),
    ("inspect",), ("diff", "--json"), ("show", "--json"), ("export", "--json"), ("missing", "--json"),
    ("diff", "--format", "markdown"), ("show", "-o", "layer.svg"), ("inspect", "--values", "-v"),
    ("diff", "--format", "latex"), ("export",), ("missing",), ("inspect", "--layer"),
)  # fmt: skip


def try_names(budget: Budget) -> Found:
    found, rng, names = Found(), random.Random(budget.seed), 0
    write_safetensors(budget.folder / "plain.safetensors", [f"layer{k}.weight" for k in range(_NAMES)], {"key": "x"})
    run_cnnkit(["inspect", "plain.safetensors", "--html", "plain.html"], budget.folder)
    allowed = list_elements((budget.folder / "plain.html").read_text("utf-8"))
    end = time.monotonic() + budget.seconds
    for view in itertools.cycle(_VIEWS):
        if found.attempts >= budget.count or time.monotonic() > end:
            break
        folder = budget.folder / f"{found.attempts}"
        folder.mkdir()
        chosen = [name for name in dict.fromkeys(_draw_name(rng) for _ in range(_NAMES)) if name != "__metadata__"]
        names += len(chosen)
        fault = _try(view, folder, chosen, rng, allowed)
        found.attempts += 1
        if fault:
            found.faults.append(f"attempt {found.attempts - 1}, {' '.join(view)}: {fault}")
    found.figures["names"] = names
    return found


def _draw_name(rng: random.Random) -> str:
    """Return a few hostile pieces and characters; lone surrogates are no text, and other tests have them."""
    parts = [
        rng.choice(_PIECES)
        if rng.random() < 0.5
        else "".join(chr(rng.randrange(*rng.choice(_RANGES))) for _ in range(4))
        for _ in range(rng.randint(1, 4))
    ]
    return "".join(parts) * (50 if rng.random() < 0.02 else 1)


def _draw_file_name(rng: random.Random) -> str:
    name = os.fsencode(_draw_name(rng).replace("/", "|").replace("\0", ""))[:120]
    return os.fsdecode(name + (b"\xff\xc0" if rng.random() < 0.3 else b"") + b".safetensors")


def _try(
    view: tuple[str, ...], folder: Path, names: list[str], rng: random.Random, allowed: set[tuple[str, ...]]
) -> str:
    """Return what is wrong with one command, "" if nothing is."""
    command, *options = view
    file, made = _draw_file_name(rng), {option for option in options if "." in option}
    write_safetensors(folder / file, names, {name: name for name in names})
    where, form = f"./{file}", rng.choice(_WRITERS)
    words = {"missing": ["inspect", *options, f"./x{file}"], "diff": ["diff", *options, where, where],
             "show": ["show", *options, "--", where, rng.choice(names)],
             "export": ["export", *options, where, "-f", form, "-o", "out" + exporters.formats()[form].suffixes[0]],
             }.get(command, ["inspect", *options, where])  # fmt: skip
    if "--layer" in options:
        words = ["inspect", f"--layer={rng.choice(names)}", where]
    words = [word.replace("\0", "") for word in words]  # no program can be given a NUL
    outcome = run_cnnkit(words, folder)
    if fault := outcome.find_fault():
        return ascii(fault)
    try:
        out, err = outcome.output.decode(), outcome.errors.decode()
        wanted = (0, 2) if command == "show" or "--layer" in options else (2,) if command == "missing" else (0,)
        if fault := find_fault(outcome.status, out, err, wanted):
            return fault
        if outcome.status == 0:
            made |= {"out" + exporters.formats()[form].suffixes[0]} if command == "export" else set()
            _check(view, folder, names, form, out, allowed)
        if "--json" in options:
            value = parse_strictly(out)
            assert isinstance(value, dict)
            shown = to_text(f"./{file}"[2:])
            assert command != "inspect" or value["file"] == shown, "another file"
    except (AssertionError, ValueError, SyntaxError) as error:
        return f"{type(error).__name__}: {str(error)[:300]!a}"
    left = set(os.listdir(folder)) - {file} - (made if outcome.status == 0 else set())
    return f"left {sorted(map(ascii, left))}" if left else ""


def _check(
    view: tuple[str, ...], folder: Path, names: list[str], form: str, out: str, allowed: set[tuple[str, ...]]
) -> None:
    """Raise for what one command wrote. Raises AssertionError, ValueError, or SyntaxError of XML."""
    if view == ("inspect", "--json"):
        assert sorted(row["name"] for row in parse_strictly(out)["tensors"]) == sorted(names), "other names"
    elif "csv" in view:
        assert len(read_csv(out)) == len(names) + 1, "another number of rows"
    elif "page.html" in view:
        page = (folder / "page.html").read_text("utf-8")
        assert list_elements(page) <= allowed, "elements that a name made"
        assert not list_hidden(page), "hidden characters in the page"
    elif "layer.svg" in view:
        check_svg(folder / "layer.svg")
    elif view[0] == "export":
        target = folder / f"out{exporters.formats()[form].suffixes[0]}"
        back = exporters.read(target)
        assert sorted(tensor.name for tensor in back) == sorted(names), f"other names in {form}"
        if form == "svg":
            check_svg(target)


TRIAL = Trial(
    "names",
    "random hostile names of tensors, metadata and files",
    "nothing raw on a terminal, no element or line that a name made, every name read back",
    try_names,
    short=4,
    usual=160,
    long=10_000,
)
