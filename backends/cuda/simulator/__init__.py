"""A test instrument: CuPy and CUDA without a GPU, with device arrays in host memory and kernels compiled by g++.

`sim_module.SimModule` has the interface of cupy.RawModule, `device_arrays.xp` that of the module cupy. They are
stricter: arguments of another type, threads that wait for ever, memory that nobody wrote, host arrays among device
arrays, and host reads while a step is captured are errors or show in the result.

It cannot show speed, the order in which blocks see the writes of other blocks (each block ends before the next begins),
the rounding of the GPU's own functions, and denormals, which CuPy's kernels flush to zero.
"""
