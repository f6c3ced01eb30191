"""A stand-in for CuPy without a GPU: device arrays in host memory, and CUDA kernels compiled by g++.

`sim_module.SimModule` has cupy.RawModule's call form, `device_arrays.xp` stands for the module cupy. Both are stricter
than CuPy where a GPU would read garbage or hang in silence: arguments of another type, threads that wait for ever,
memory that nobody wrote, host arrays among device arrays, host reads while a step is captured.

What it cannot show: speed; the order in which blocks see one another's writes, since each block runs to its end before
the next begins; rounding of the GPU's own functions, and denormals, which CuPy's kernels flush to zero.
"""
