"""The command line: `cnnkit train`, `cnnkit evaluate`, ...; one file a command, whose imports wait until it runs."""


def main() -> None:
    """Run the command line and leave with its exit status."""
    import os
    import sys

    # The NumPy backend shares work out over threads of its own; those that BLAS would start on import only wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from cnnkit.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the imports were still running
        status = 130
    sys.exit(status)


__all__ = ["main"]
