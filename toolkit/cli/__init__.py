"""The command line: `cnnkit train`, `cnnkit evaluate`, ...; one file a command, whose imports wait until it runs."""


def main() -> None:
    """Run the command line and leave with its exit status."""
    import sys

    try:
        from cnnkit.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the imports were still running
        status = 130
    sys.exit(status)


__all__ = ["main"]
