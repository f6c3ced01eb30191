"""Inspection: what the weights of a net are like, what is wrong with them, how two nets differ."""

from cnnkit.inspection.finding import Finding
from cnnkit.inspection.findings import findings
from cnnkit.inspection.statistics import Statistics, statistics

__all__ = ["Finding", "Statistics", "findings", "statistics"]
