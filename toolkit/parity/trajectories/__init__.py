"""Whole trainings side by side: every recipe, shuffled, with dropout, step for step on every backend."""

from cnnkit.parity.trajectories.compare import Trajectory, compare_recipe
from cnnkit.parity.trajectories.plan import TrainingPlan, plan_training
from cnnkit.parity.trajectories.runner import Contestant

__all__ = ["Contestant", "TrainingPlan", "Trajectory", "compare_recipe", "plan_training"]
