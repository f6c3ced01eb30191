"""Files as other programs wrote them, made by hand."""
