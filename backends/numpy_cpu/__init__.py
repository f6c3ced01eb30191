"""The NumPy backend.

It is fast by the layout of memory (images with their samples last), by the shapes of its matrix products, by working on
shards of the batch in threads where that pays, and by replaying recorded steps without the Python code between NumPy's
calls. `numpy_backend.py` has the primitives; `kernels/`, `threads/` and `capture/` are its parts.
"""
