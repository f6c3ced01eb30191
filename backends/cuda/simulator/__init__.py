"""A stand-in for CuPy without a GPU: device arrays in host memory, and CUDA kernels compiled by g++.

SimModule has cupy.RawModule's call form, `device_arrays.xp` stands for the module cupy. Both are stricter than CuPy
where a GPU would read garbage or hang in silence.
"""
