"""A cnnkit backend on JAX, found through the entry point `jax` of group `cnnkit.backends`."""

from cnnkit_jax.jax_backend import JaxBackend

__all__ = ["JaxBackend"]
