"""`python -m cnnkit.cli` is `cnnkit`."""

from cnnkit.cli import main

main()
