"""The names of the forms in which tables are written."""

from enum import StrEnum


class TableForm(StrEnum):
    """The forms in which tables are written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"
