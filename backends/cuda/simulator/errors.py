"""What the stand-in says when a kernel is wrong: a defect of the program, not of what its user typed."""


class KernelError(RuntimeError):
    """A kernel that does not compile, does not exist, is called wrongly, or whose threads wait for ever."""
