"""The command line: `cnnkit train`, `cnnkit evaluate`, ...; one file per command, imported when it runs."""


def main() -> None:
    """Run the command line and exit with its status. A signal from the first line on ends it tidily."""
    from cnnkit.cli.signals import end_on_signals, ignore_signals

    end_on_signals()
    import sys

    from cnnkit.cli.app import run

    status = run(sys.argv[1:])
    ignore_signals()
    sys.exit(status)


__all__ = ["main"]
