"""The error of the simulator for a wrong kernel: a defect of the program, not of its input."""


class KernelError(RuntimeError):
    """A kernel does not compile, does not exist, is called wrongly, or has threads that wait for ever."""
