"""The command line: `cnnkit train`, `cnnkit evaluate`, ...; one file per command, imported when it runs."""


def main() -> None:
    """Run the command line and exit with its status."""
    import sys

    try:
        from cnnkit.cli.app import run
        from cnnkit.cli.signals import raise_terminations

        with raise_terminations():
            status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the imports were still running
        status = 130
    sys.exit(status)


__all__ = ["main"]
