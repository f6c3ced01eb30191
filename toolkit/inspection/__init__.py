"""Inspection: the statistics of a network's weights, the faults in them, and the differences between two networks."""

from cnnkit.inspection.finding import Finding
from cnnkit.inspection.findings import findings
from cnnkit.inspection.inspection import Inspection, inspect
from cnnkit.inspection.statistics import Statistics, statistics

__all__ = ["Finding", "Inspection", "Statistics", "findings", "inspect", "statistics"]
