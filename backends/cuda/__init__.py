"""The CUDA backend: the array code of `shared/` with kernels of our own.

`CudaBackend` has the primitives, `kernels/` the CUDA text. It runs on a `Machine`: an NVIDIA GPU through CuPy
(`cupy_backend.py`), or the CPU simulator that tests the kernels without a GPU (`cupy_sim_backend.py`, `simulator/`).
Every kernel is a gather with sums in a fixed order, so two runs give the same bits.
"""
