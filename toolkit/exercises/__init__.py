"""Exercises: functions to write, checked against the right results, with known mistakes named.

from cnnkit.exercises import EXERCISES, check
verdict = check("conv2d", "my_conv2d.py")
"""

from cnnkit.exercises.checking import check
from cnnkit.exercises.exercise import Exercise, Problem
from cnnkit.exercises.judging import Judgement, judge
from cnnkit.exercises.table import EXERCISES
from cnnkit.exercises.template import write_template

__all__ = ["EXERCISES", "Exercise", "Judgement", "Problem", "check", "judge", "write_template"]
