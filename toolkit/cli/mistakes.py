"""Mistakes in a command line, explained: what was expected, what came, what to type instead."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnkit.cli.choice import find_recipe
from cnnkit.cli.commands import SUMMARIES
from cnnkit.cli.hints import find_hint
from cnnkit.cli.synonyms import COMMANDS, MISSING, NUMBERS, OPTIONS
from cnnkit.files.shell import write_command

_WANTED = {
    "LAYER": "`cnnkit inspect FILE` lists the layers",
    "SOURCE": "`cnnkit data list` lists the names",
    "NAME": "`cnnkit data list` lists the names",
}


def explain_usage(error: Any, arguments: Sequence[str]) -> str:
    """Return an error of the option parser in one line that ends with what to type; "" when it has printed the help."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", None) or "cnnkit"
    kind, text = type(error).__name__, " ".join(error.format_message().split())
    if kind == "NoArgsIsHelpError":
        return ""
    said = _explain(error, kind, text, command, arguments)
    return said if find_hint(said) else f"{said} (see {command} --help)"


def _explain(error: Any, kind: str, text: str, command: str, arguments: Sequence[str]) -> str:
    known, parameter = _list_options(getattr(error, "ctx", None)), getattr(error, "param", None)
    if kind == "NoSuchOption":
        return _explain_option(error.option_name, known, command)
    if kind == "MissingParameter" and parameter is not None:
        name = parameter.metavar or parameter.name
        return f"expected {name}, got nothing: " + _WANTED.get(name, f"see `{command} --help`")
    if kind == "BadParameter" and parameter is not None:
        return _explain_value(parameter, text, arguments)
    return _explain_words(error, text, command, arguments)


def _explain_words(error: Any, text: str, command: str, arguments: Sequence[str]) -> str:
    """Return what to type for a mistake that the parser tells in its text alone."""
    if text.startswith("No such command"):
        listed = getattr(getattr(getattr(error, "ctx", None), "command", None), "commands", SUMMARIES)
        return _explain_command(text, command, list(listed))
    if extra := re.match(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", text):
        return _explain_extra(extra[1], _list_options(getattr(error, "ctx", None)), command)
    if flag := re.match(r"Option '(--?[\w-]+)' does not take a value", text):
        value = next((word.partition("=")[2] for word in arguments if word.startswith(f"{flag[1]}=")), "")
        meant = "--exact-fine" if (flag[1], value) == ("--exact", "fine") else f"{flag[1]} alone"
        return f"{flag[1]}: expected no value, got {value!r}: did you mean {meant}?"
    if bare := re.match(r"Option '(--?[\w-]+)' requires an argument", text):
        name = f"cnnkit {arguments[0]}" if arguments[0] in SUMMARIES else "cnnkit"
        return f"{bare[1]}: expected a value behind it, got nothing: see `{name} --help`"
    return text


def _list_options(context: Any) -> list[str]:
    parameters = getattr(getattr(context, "command", None), "params", ())
    return [option for parameter in parameters for option in parameter.opts if option.startswith("--")]


def _explain_option(name: str, known: Sequence[str], command: str) -> str:
    plain = "--" + name.lower().lstrip("-").replace("_", "-")
    if plain in MISSING and plain not in known:
        return f"{name}: no such option: {MISSING[plain]}"
    if plain in ("--model", "--weights", "--file", "--checkpoint") and not {"--model", "--image"} & set(known):
        return f"{name}: no such option: the weight file stands without one, as in `{command} weights.h5`"
    meant = OPTIONS.get(plain, "")
    if meant.partition(" ")[0] not in known:
        squeezed = {option.replace("-", ""): option for option in known}
        near = difflib.get_close_matches(plain.replace("-", "").replace("is", "iz"), squeezed, 1, 0.7)
        same = [option for option in known if len(name) == 2 and option[2:3] == name[1:]]
        meant = squeezed[near[0]] if near else same[0] if same else ""
    return f"{name}: no such option: did you mean {meant}?" if meant else f"{name}: no such option"


def _explain_command(text: str, command: str, known: Sequence[str]) -> str:
    match = re.search(r"'([^']*)'", text)
    name = match[1] if match else ""
    near = difflib.get_close_matches(name.lower(), known, 1)
    meant = (COMMANDS.get(name.lower()) if command == "cnnkit" else None) or (near[0] if near else "")
    return f"{name}: no such command" + (f": did you mean `{command} {meant}`?" if meant else "")


def _explain_extra(words: str, known: Sequence[str], command: str) -> str:
    """Return what to type for an argument that a command does not take."""
    first = words.split(maxsplit=1)[0] if words.split() else words
    option = ""
    if "--model" in known and first.endswith(".toml"):
        option = "--model"
    elif "--data" in known and (Path(first).exists() or _names_data(first)):
        option = "--data"
    elif "--recipe" in known and (recipe := find_recipe(first)):
        option, first = "--recipe", recipe
    said = f"expected no argument {words!r}" if words else "expected no argument"
    return f"{said}: did you mean `{command} {option} {write_command(first)}`?" if option else said


def _names_data(word: str) -> bool:
    from cnnkit.data import is_known

    return is_known(word)


def _explain_value(parameter: Any, text: str, arguments: Sequence[str]) -> str:
    """Return what values an option takes, and the one that came."""
    option = parameter.opts[0] if parameter.opts else parameter.name
    got = _find_value(parameter.opts, arguments)
    if choices := text.partition("is not one of ")[2].removesuffix("."):
        listed = [choice.strip(" '") for choice in choices.split(",")]
        near = difflib.get_close_matches((got or "").lower(), listed, 1)
        meant = f": did you mean {near[0]}?" if near else f": type {option} {listed[0]}"
        return f"{option}: expected {_join_choices(listed)}, got {got!r}{meant}"
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", "")
    whole = "integer" in text or "int" in str(annotation)
    if not (whole or "number" in text or "greater" in text or "less" in text):
        return f"{option}: {text.partition(': ')[2] or text}"
    bounds = parameter if hasattr(parameter, "min") else getattr(parameter, "type", None)  # as Typer's version has it
    low, high = getattr(bounds, "min", None), getattr(bounds, "max", None)
    span = f" from {low} to {high}" if low is not None and high is not None else f" >= {low}" if low is not None else ""
    said = f"{option}: expected a {'whole ' if whole else ''}number{span}, got {got!r}"
    meant_number = _read_number(got or "", whole)
    fits = meant_number is not None and (low is None or meant_number >= low) and (high is None or meant_number <= high)
    return f"{said}: did you mean {option} {meant_number}?" if fits else said


def _join_choices(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _find_value(options: Sequence[str], arguments: Sequence[str]) -> str | None:
    for place, word in enumerate(arguments):
        if word in options and place + 1 < len(arguments):
            found: str | None = arguments[place + 1]
        elif word.partition("=")[0] in options and "=" in word:
            found = word.partition("=")[2]
        else:
            continue
        return found
    return None


def _read_number(text: str, whole: bool) -> float | None:
    """Return the number that a person may have meant by a text that is none: three, 1e3, 10.0, 1,000, 5k."""
    plain = text.strip().lower().replace(",", "" if re.fullmatch(r"-?\d{1,3}(,\d{3})+", text.strip()) else ".")
    if plain in NUMBERS:
        return NUMBERS[plain]
    scale = 1000 if plain.endswith("k") else 1
    try:
        value = float(plain.removesuffix("k").rstrip("%")) * scale / (100 if plain.endswith("%") else 1)
    except ValueError:
        return None
    if not abs(value) < 1e12:
        return None
    return (int(value) if value.is_integer() else None) if whole else value
