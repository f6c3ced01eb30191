"""A worker that runs three command lines one after the other; the last one is wrong."""

import sys

from cnnkit.cli.app import run

file, data = sys.argv[1], ("--data", "digits", "--json")
assert run(["evaluate", file, *data]) == 0
assert run(["predict", file, *data, "--index", "3"]) == 0
sys.exit(run(["evaluate", "missing.h5", *data]))
