"""What a command has to tell as headings, paragraphs and tables, and the forms in which these are written."""

from cnnkit.documents.blocks import Block, Cell, Paragraph, SectionHeading, Table, TableEntry, count, text_of

__all__ = ["Block", "Cell", "Paragraph", "SectionHeading", "Table", "TableEntry", "count", "text_of"]
