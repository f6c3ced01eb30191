"""The parity suite: check that backends give the same output in every operation, layer and training.

from cnnkit import parity
report = parity.run(["numpy", "torch"])
report.passed, report.failures, report.first_divergence
"""

from cnnkit.parity.report import ParityReport
from cnnkit.parity.results import ParityRow
from cnnkit.parity.suite import Settings, run

__all__ = ["ParityReport", "ParityRow", "Settings", "run"]
