"""The parity report that users see: the results, as text and as a file."""

from pathlib import Path

from cnnkit.parity import writing
from cnnkit.parity.document import verdict
from cnnkit.parity.results import ParityResults


class ParityReport(ParityResults):
    """The results of the suite, which print as sentences and write themselves to a file."""

    def __str__(self) -> str:
        return "\n".join(verdict(self))

    def write(self, path: str | Path) -> None:
        """Write the whole report to a file in .md or .html, for publication.

        Raises ConfigError for another suffix, and for an existing file that is not a parity report.
        """
        writing.write(self, Path(path))
