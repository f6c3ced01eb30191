"""A report in Markdown."""

from cnnkit.documents import markdown
from cnnkit.parity.document import document
from cnnkit.parity.results import ParityResults


def render(report: ParityResults) -> str:
    """Return the report as a page of Markdown."""
    return "\n\n".join(map(markdown.render, document(report))) + "\n"
