"""The exercises: right answers pass, mistakes of students are named, and nothing is said of what is right."""

import re
from collections import Counter

import numpy as np
import pytest
from students.planted import PLANTED
from students.solutions import SOLUTIONS

from cnnkit.errors import ConfigError
from cnnkit.exercises import EXERCISES, check, judge, write_template
from cnnkit.exercises.answering import answer_cases, draw_cases
from cnnkit.exercises.broken_net import PLANTS, SOURCE, write_source
from cnnkit.exercises.checking import find_exercise

PROBLEMS = [problem for exercise in EXERCISES.values() for problem in exercise.problems]
NAMES = [problem.name for problem in PROBLEMS]
LEAST_NAMED = 0.95  # of the planted mistakes


def run(name: str, text: str) -> list:
    """Return the judgements of a text, without a process of its own."""
    names: dict = {}
    exec(compile(text, "mine.py", "exec"), names)
    return [
        judge(problem, draw_cases(problem), answer_cases(problem, names[problem.name], "mine.py"))
        for problem in EXERCISES[name].problems
    ]


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_right_answer_passes(name) -> None:
    for judgement in run(name, SOLUTIONS[name]):
        assert judgement.passed, judgement


def test_all_exercises_have_a_right_answer() -> None:
    assert {*SOLUTIONS, "broken-net"} == set(EXERCISES)


@pytest.mark.parametrize("problem", PROBLEMS, ids=NAMES)
def test_float32_answers_pass(problem) -> None:
    def answer(*values):
        return tuple(np.asarray(result, np.float32) for result in right(*values))

    def right(*values):
        return problem.solve(dict(zip(problem.takes, values, strict=True)))

    assert judge(problem, draw_cases(problem), answer_cases(problem, answer, "")).passed


def find_misnamed() -> list[str]:
    """Return the planted mistakes that are not named as they should be."""
    missed = []
    for name, old, new, words in PLANTED:
        assert SOLUTIONS[name].count(old) >= 1, (name, old)
        wrong = [judgement for judgement in run(name, SOLUTIONS[name].replace(old, new)) if not judgement.passed]
        assert wrong, f"{name}: {new} passes"
        said = wrong[0].mistakes[:1] or (wrong[0].first,)
        if not re.search(words, said[0]):
            missed.append(f"{name}: {old!r} -> {new!r}: expected {words!r}, said {wrong[0].mistakes or wrong[0].first}")
    return missed


def test_planted_mistakes_are_named() -> None:
    assert len(PLANTED) >= 100
    missed = find_misnamed()
    assert len(missed) <= (1 - LEAST_NAMED) * len(PLANTED), "\n".join(missed)


@pytest.mark.parametrize("problem", PROBLEMS, ids=NAMES)
def test_every_known_mistake_is_wrong_and_unlike_the_others(problem) -> None:
    """Each differs from what is right in some case, and is named first when it is what was given."""
    for words, mistake in problem.mistakes.items():
        given = iter(draw_cases(problem))
        answers = answer_cases(
            problem, lambda *_, given=given, mistake=mistake: _give(problem, next(given), mistake), ""
        )
        judgement = judge(problem, draw_cases(problem), answers)
        assert not judgement.passed, words
        if not answers[0].error:
            assert judgement.mistakes, words
            assert words == judgement.mistakes[0], judgement.mistakes


def _give(problem, case, mistake):
    results = problem.solve(case, mistake)
    return results if len(results) > 1 else results[0]


def test_two_mistakes_in_two_results_are_both_named() -> None:
    text = SOLUTIONS["conv2d-backward"].replace("dy.sum(axis=(0, 2, 3))", "dy.sum(axis=(2, 3))")
    (judgement,) = run("conv2d-backward", text.replace("return dx, dweight, dbias", "return dx, dweight / N, dbias"))
    assert [words[:8] for words in judgement.mistakes] == ["dweight ", "dbias is"]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("return y * 2", "multiplied by 2"),
        ("return -y", "the sign is wrong"),
        ("return y, y", "returns 2 results instead of 1"),
        ("pass", "returns None"),
        ("return 'y'", "expected numbers"),
        ("return y / 0 * 0", "gives NaN"),
        ("return unknown", "line 17: NameError"),
        ("x += 1; return y", "the argument x is changed in place"),
    ],
)
def test_what_is_said_of_other_mistakes(new, said) -> None:
    (judgement,) = run("conv2d", SOLUTIONS["conv2d"].replace("return y", new))
    text = " ".join((*judgement.mistakes, judgement.first))
    assert said in text, text
    assert not judgement.passed


@pytest.mark.parametrize("problem", PROBLEMS, ids=NAMES)
def test_the_derivation_of_a_value_ends_with_it(problem) -> None:
    """Where a sum is written out, its total is the right value, for every result of every case."""
    for case in draw_cases(problem):
        for name, right in zip(problem.gives, problem.solve(case), strict=True):
            for place in list(np.ndindex(right.shape))[:: max(1, right.size // 3)]:
                text = problem.derive(case, name, tuple(map(int, place)))
                assert name in text
                if total := re.search(r" = (-?[\d.e+-]+)$", text):
                    assert float(total[1]) == pytest.approx(float(right[place]), rel=1e-4, abs=1e-4), text


# ---- the file


@pytest.mark.parametrize("name", EXERCISES)
def test_a_template_is_python_and_not_written_yet(name, tmp_path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(write_template(EXERCISES[name], "mine.py"))
    assert find_exercise(path).name == name
    if not EXERCISES[name].secret:
        assert not any(judgement.written for judgement in run(name, path.read_text()))


@pytest.mark.parametrize("seed", range(len(PLANTS)))
def test_a_broken_net_is_wrong_and_its_mistake_known(seed) -> None:
    (judgement,) = run("broken-net", write_source(seed))
    assert judgement.mistakes[0] == list(PLANTS)[seed]
    assert run("broken-net", SOURCE)[0].passed


def test_a_file_is_checked_in_a_process_of_its_own(tmp_path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SOLUTIONS["dense"] + "\nprint('hello')\n")
    first, second = check("dense", path)
    assert first.passed
    assert second.passed
    assert first.ratio is not None
    path.write_text(SOLUTIONS["dense"] + "\nwhile True:\n    pass\n")
    with pytest.raises(ConfigError, match="ran for more than 3 s"):
        check("dense", path, seconds=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def dense(x:", "line 1: SyntaxError"),
        ("x = 1", "expected a function of an exercise"),
        ("", "expected a function of an exercise"),
    ],
)
def test_a_file_that_is_none_is_refused_before_it_is_run(text, said, tmp_path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        find_exercise(path)


@pytest.mark.parametrize(
    ("text", "said"), [("import nothing_of_that", "ModuleNotFoundError"), ("import sys\nsys.exit(3)", "SystemExit")]
)
def test_a_file_that_fails_is_told_with_its_line(text, said, tmp_path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"{text}\n{SOLUTIONS['sgd']}")
    with pytest.raises(ConfigError, match=f"line [12]: {said}"):
        check("sgd", path)


def test_names_of_functions_are_of_one_exercise() -> None:
    assert set(Counter(NAMES).values()) == {1}
