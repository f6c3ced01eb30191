"""Command-line arguments of the benchmark programs."""

import argparse


def parser(documentation: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the program's docstring."""
    return argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )


def positive(text: str) -> int:
    """Return a whole number >= 1. Raises ArgumentTypeError for any other text."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1, got {text!r}")
    return int(text)
