"""PyTorch with exact numerics."""

from cnnkit.backends.exact.exact_numerics import ExactNumerics
from cnnkit.backends.protocol import Native, Step
from cnnkit.backends.pytorch.torch_backend import TorchBackend
from cnnkit.backends.shared.step_inputs import with_numbers_as_arrays
from cnnkit.errors import BackendUnavailableError


class ExactTorchBackend(ExactNumerics, TorchBackend):
    """TorchBackend with exact sums. PyTorch's own float64 convolutions on the CPU are im2col and products."""

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        super().__init__(device, threads)
        if self.device != "cpu":
            raise BackendUnavailableError(
                f"backend torch on {self.device}: has no exact numerics, because a division by a number is a product "
                "with its inverse there: use --device cpu, or --backend cupy"
            )
        self.word_type, self.real_type = self.torch.int64, self.torch.float64

    def sqrt(self, x: Native) -> Native:
        """Return the square root, correctly rounded, which PyTorch's own in float32 (by MKL) is not.

        A root of float32 is at least 2^-51 away from the middle between two float32, so that one in float64 that is
        less than a unit of its last place off rounds to the right one.
        """
        return self.asarray(self.torch.sqrt(self.asarray(x, "float64")), "float32")

    def compile(self, step: Step, impure: str | None = None) -> Step:
        """Return the step with numbers as 0-d arrays of float32, as captured steps of other backends have them."""
        return with_numbers_as_arrays(self, super().compile(step, impure))
