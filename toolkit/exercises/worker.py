"""Runs an exercise's file: python -m cnnkit.exercises.worker EXERCISE FILE FOLDER.

The folder gets answers.safetensors (results, named problem.case.result) and answers.json (errors, changed arguments,
and how long the functions take beside ours).
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit import exporters
from cnnkit.exercises import answering
from cnnkit.exercises.judging import Reply
from cnnkit.exercises.table import EXERCISES
from cnnkit.exporters.core.weight_file import Tensor, WeightFile
from cnnkit.files.json_text import dump_json

RESULTS, REPORT = "answers.safetensors", "answers.json"


def main(name: str, file: Path, folder: Path) -> None:
    """Run the file and its functions, and leave what they give in the folder."""
    exercise = EXERCISES[name]
    report: dict[str, Any] = {"failed": "", "missing": [], "problems": {}, "ratios": {}}
    tensors: list[Tensor] = []
    try:
        functions = answering.load_functions(file)
    except (Exception, SystemExit) as error:
        report["failed"] = answering.explain(error, str(file))
        functions = {}
    for problem in exercise.problems:
        function = functions.get(problem.name)
        if not callable(function):
            report["missing"].append(problem.name)
            continue
        answers = answering.answer_cases(problem, function, str(file))
        report["problems"][problem.name] = [_describe(answer) for answer in answers]
        for place, answer in enumerate(answers):
            tensors += [
                Tensor.of(f"{problem.name}.{place}.{i}", np.ascontiguousarray(result, _choose_dtype(result)))
                for i, result in enumerate(answer.results)
            ]
    if not any(answer["error"] for answers in report["problems"].values() for answer in answers):
        report["ratios"] = answering.race(exercise, functions)
    exporters.write(WeightFile(tuple(tensors)), folder / RESULTS)
    (folder / REPORT).write_text(dump_json(report))


def _choose_dtype(result: Any) -> str:
    return "float32" if result.dtype in (np.float16, np.float32) else "float64"


def _describe(answer: Reply) -> dict[str, Any]:
    return {"error": answer.error, "changed": list(answer.changed), "results": len(answer.results)}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
