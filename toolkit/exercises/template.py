"""The file that an exercise begins with."""

import textwrap

from cnnkit.exercises.exercise import Exercise, Problem


def write_template(exercise: Exercise, file: str, seed: int = 0) -> str:
    """Return the text of the file, in which each function is to be written, or one mistake to be found.

    file: its name, for the command that checks it; seed: which mistake, where there is one to find.
    """
    if exercise.source is not None:
        return exercise.source(seed).replace("{file}", file)
    functions = "\n\n".join(_write_function(problem) for problem in exercise.problems)
    head = f'"""Exercise {exercise.name}: {exercise.title}.\n\nCheck it with: cnnkit exercise check {file}\n"""\n'
    return f"{head}\nimport numpy as np\n\n\n{functions}"


def _write_function(problem: Problem) -> str:
    text = textwrap.indent(f'"""{problem.text.rstrip()}\n"""', "    ", lambda line: bool(line.strip()))
    return f"def {problem.signature}:\n{text}\n    raise NotImplementedError  # {', '.join(problem.gives)}\n"
