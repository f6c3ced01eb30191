"""The CUDA backends with exact numerics: on a GPU, and on the simulator."""

from cnnkit.backends.cuda.cupy_backend import CupyBackend
from cnnkit.backends.cuda.cupy_sim_backend import CupySimBackend
from cnnkit.backends.exact.exact_numerics import ExactNumerics


class ExactCupyBackend(ExactNumerics, CupyBackend):
    """CupyBackend with exact sums; kernels are compiled without FMA."""


class ExactCupySimBackend(ExactNumerics, CupySimBackend):
    """CupySimBackend with exact sums."""
