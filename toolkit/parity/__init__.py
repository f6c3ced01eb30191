"""Parity: whether backends give the same output, operation by operation, layer by layer, training by training.

from cnnkit import parity
report = parity.run(["numpy", "torch"])
report.passed, report.failures, report.first_divergence
"""

from cnnkit.parity.report import ParityReport
from cnnkit.parity.results import ParityRow
from cnnkit.parity.suite import Settings, run

__all__ = ["ParityReport", "ParityRow", "Settings", "run"]
