"""`python -m cnnkit` is `cnnkit`, also for `torchrun -m cnnkit`."""

from cnnkit.cli import main

main()
