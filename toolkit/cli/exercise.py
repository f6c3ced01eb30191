"""`cnnkit exercise`: functions of a network to write, checked, with mistakes named."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnkit.cli.help_groups import GroupedCommand, GroupedGroup
from cnnkit.cli.options import Quiet, Verbose, Version
from cnnkit.cli.output import Output
from cnnkit.cli.place import require_place
from cnnkit.cli.request import Request, take_options
from cnnkit.cli.tables import print_table
from cnnkit.errors import ConfigError
from cnnkit.files.shell import write_command

if TYPE_CHECKING:
    from cnnkit.exercises import Exercise, Judgement

app = typer.Typer(
    cls=GroupedGroup,
    epilog="Example: cnnkit exercise start conv2d",
    help="Functions of a network to write yourself: list them, start one, check it; a mistake is named.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _globals(version: Version = False, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Take the options of every command before its name too; their callbacks do the rest."""


@app.command("list", cls=GroupedCommand, epilog="Example: cnnkit exercise list")
@take_options
def list_exercises(request: Request) -> int:
    """List the exercises, in the order in which they are best done."""
    from cnnkit.exercises import EXERCISES

    rows = [
        (name, exercise.title, ", ".join(problem.name for problem in exercise.problems))
        for name, exercise in EXERCISES.items()
    ]
    print_table(request.output, ("exercise", "what", "functions"), rows, " ww")
    request.output.note("begin with: cnnkit exercise start NAME   then: cnnkit exercise check FILE")
    keys = ("name", "title", "functions")
    request.output.result({"exercises": [dict(zip(keys, (*row[:2], row[2].split(", ")), strict=True)) for row in rows]})
    return 0


@dataclass(frozen=True)
class StartRequest(Request):
    """The exercise to begin, and the place for its file."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="conv2d, dense, ...: see cnnkit exercise list.")]
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.py", help="By default my_NAME.py in this folder.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.py.")] = False
    seed: Annotated[int, typer.Option(min=0, help="Of broken-net: which mistake it has.")] = 0


@app.command("start", cls=GroupedCommand, epilog="Example: cnnkit exercise start conv2d")
@take_options
def start_exercise(request: StartRequest) -> int:
    """Write the file in which the functions of an exercise are to be written."""
    from cnnkit.exercises import EXERCISES, write_template
    from cnnkit.files.writing.atomic import write_text

    exercise = EXERCISES.get(request.name)
    if exercise is None:
        raise ConfigError(f"no exercise {request.name}: expected one of {', '.join(EXERCISES)}")
    out = request.out or Path(f"my_{request.name.replace('-', '_')}.py")
    require_place(out, (".py",), request.overwrite)
    write_text(out, write_template(exercise, str(out), request.seed))
    command = write_command("cnnkit", "exercise", "check", out)
    what = "find the mistake in" if exercise.secret else "write the functions of"
    request.output.say(f"wrote {out}: {what} {exercise.name} ({exercise.title}), then: {command}")
    request.output.result({"exercise": exercise.name, "out": str(out)})
    return 0


@dataclass(frozen=True)
class CheckRequest(Request):
    """The file to check."""

    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Your file. It is run, in a process of its own.")]
    hint: Annotated[bool, typer.Option("--hint", help="Name the mistake of broken-net too.")] = False
    seconds: Annotated[float, typer.Option("--time-limit", min=1, help="Seconds after which it is stopped.")] = 60


@app.command("check", cls=GroupedCommand, epilog="Example: cnnkit exercise check my_conv2d.py")
@take_options
def check_exercise(request: CheckRequest) -> int:
    """Run your functions and compare them with the right results; exit status 1 when one is wrong or not written."""
    from cnnkit.exercises import check
    from cnnkit.exercises.checking import find_exercise

    exercise = find_exercise(request.file)
    judgements = check(exercise, request.file, request.seconds)
    named = request.hint or not exercise.secret
    for judgement in judgements:
        _say(request.output, exercise, judgement, named)
    passed = all(judgement.passed for judgement in judgements)
    if passed:
        request.output.say(f"{exercise.name}: done", "bold green")
    facts = [asdict(judgement) | ({} if named else {"mistakes": []}) for judgement in judgements]
    request.output.result({"exercise": exercise.name, "passed": passed, "functions": facts})
    return 0 if passed else 1


def _say(output: Output, exercise: "Exercise", judgement: "Judgement", named: bool) -> None:
    name = judgement.problem
    if judgement.passed:
        output.say(f"{name}: right{_compare_times(judgement.ratio)}", "green")
    elif not judgement.written:
        output.say(f"{name}: not written yet", "yellow")
    else:
        mistakes: tuple[Any, ...] = judgement.mistakes if named else ()
        words = "; ".join(mistakes[:3]) or ("wrong" if named else "still wrong: --hint names the mistake")
        if not mistakes and judgement.first and not judgement.derivation and named:
            words = "fails"
        output.say(f"{name}: {words}", "bold red")
        for line in filter(None, (judgement.first, judgement.derivation if not exercise.secret else "")):
            output.say(f"  {line}")


def _compare_times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f", {ratio:.3g} times as long as ours" if ratio >= 1 else f", in {ratio:.2g} of the time of ours"
