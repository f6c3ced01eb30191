"""The PyTorch backend: native operations on the CPU, an NVIDIA GPU or an Apple GPU.

Autograd is not used: the layers bring their own gradients, and the primitives call PyTorch's backward operations
directly. On CUDA a training step is captured in a CUDA graph.
"""
