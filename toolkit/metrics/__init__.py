"""Metrics of a trained network, on the host in float64. An undefined value is NaN with a reason, never zero."""

from cnnkit.metrics.accuracies import accuracy, most_confident_mistakes, top_k_accuracy
from cnnkit.metrics.confusion import confusion_matrix, largest_confusions
from cnnkit.metrics.precision_recall import ClassScores, class_scores, macro
from cnnkit.metrics.ranking import roc_auc, roc_auc_per_class, roc_curve
from cnnkit.metrics.regression import mean_squared_error
from cnnkit.metrics.report import Confusion, Report, Scores, classification_report

__all__ = [
    "ClassScores",
    "Confusion",
    "Report",
    "Scores",
    "accuracy",
    "class_scores",
    "classification_report",
    "confusion_matrix",
    "largest_confusions",
    "macro",
    "mean_squared_error",
    "most_confident_mistakes",
    "roc_auc",
    "roc_auc_per_class",
    "roc_curve",
    "top_k_accuracy",
]
