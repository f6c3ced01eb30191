"""Decides whether a regular expression can take longer than its text is long, from the expression alone."""
