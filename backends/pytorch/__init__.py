"""PyTorch: native operations, on the CPU, an NVIDIA GPU or an Apple GPU; autograd is not used."""
