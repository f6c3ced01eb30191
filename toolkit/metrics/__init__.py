"""Metrics of a trained network, on the host in float64. An undefined value is NaN with a reason, never zero."""

from cnnkit.metrics.accuracies import accuracy, most_confident_mistakes, top_k_accuracy
from cnnkit.metrics.arrays import ArrayErrors, ArrayReport, peak_signal_to_noise_ratio
from cnnkit.metrics.calibration import Calibration, CalibrationBin, calibration
from cnnkit.metrics.confusion import confusion_matrix, largest_confusions
from cnnkit.metrics.overlap import (
    MapReport,
    dice_score,
    intersection_over_union,
    map_confusion,
    map_report,
    pixel_accuracy,
)
from cnnkit.metrics.precision_recall import ClassScores, class_scores, macro
from cnnkit.metrics.ranking import precision_recall_curve, roc_auc, roc_auc_per_class, roc_curve
from cnnkit.metrics.regression import (
    Errors,
    RegressionReport,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    regression_report,
    root_mean_squared_error,
)
from cnnkit.metrics.report import Confusion, Report, Scores, classification_report
from cnnkit.metrics.retrieval import RetrievalReport, recall_at_1
from cnnkit.metrics.tags import TagScores, TagsReport, average_precision, best_threshold, tags_report

__all__ = [
    "ArrayErrors",
    "ArrayReport",
    "Calibration",
    "CalibrationBin",
    "ClassScores",
    "Confusion",
    "Errors",
    "MapReport",
    "RegressionReport",
    "Report",
    "RetrievalReport",
    "Scores",
    "TagScores",
    "TagsReport",
    "accuracy",
    "average_precision",
    "best_threshold",
    "calibration",
    "class_scores",
    "classification_report",
    "confusion_matrix",
    "dice_score",
    "intersection_over_union",
    "largest_confusions",
    "macro",
    "map_confusion",
    "map_report",
    "mean_absolute_error",
    "mean_squared_error",
    "most_confident_mistakes",
    "peak_signal_to_noise_ratio",
    "pixel_accuracy",
    "precision_recall_curve",
    "r2_score",
    "recall_at_1",
    "regression_report",
    "roc_auc",
    "roc_auc_per_class",
    "roc_curve",
    "root_mean_squared_error",
    "tags_report",
    "top_k_accuracy",
]
