"""The command line: `cnnkit train`, `cnnkit evaluate`, ...; one file a command, whose imports wait until it runs."""


def main() -> None:
    """Run the command line and leave with its exit status."""
    import sys

    from cnnkit.cli.app import run

    sys.exit(run(sys.argv[1:]))


__all__ = ["main"]
