"""Training: options, the loop, evaluation and checkpoints."""

from cnnkit.options import Options
from cnnkit.training.evaluation import Evaluation, evaluate
from cnnkit.training.task_evaluation import TaskEvaluation
from cnnkit.training.training import EpochReport, Training

__all__ = ["EpochReport", "Evaluation", "Options", "TaskEvaluation", "Training", "evaluate"]
