"""The array code with kernels of its own: on an NVIDIA GPU through CuPy, or on the CPU stand-in."""
