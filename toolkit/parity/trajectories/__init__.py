"""Whole trainings side by side: every recipe, shuffled, with dropout, step for step on every backend."""

from cnnkit.parity.trajectories.compare import Trajectory, compare_recipe
from cnnkit.parity.trajectories.plan import Plan, plan
from cnnkit.parity.trajectories.runner import Contestant

__all__ = ["Contestant", "Plan", "Trajectory", "compare_recipe", "plan"]
