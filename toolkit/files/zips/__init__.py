"""Zip archives: read behind one gate, written so that the same content gives the same bytes."""
