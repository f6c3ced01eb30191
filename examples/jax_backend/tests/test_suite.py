"""The parity suite of cnnkit, on this backend."""

from cnnkit.testing import BackendSuite


class TestJax(BackendSuite):
    """Every check; `recipes` may be widened to all of `cnnkit.recipes.names()`."""

    backend = "jax"
