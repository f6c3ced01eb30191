"""Workers that torchrun has started, over torch.distributed: Gloo between hosts, NCCL between NVIDIA GPUs."""

import os
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from cnnkit.backends.groups.group import Buffer, Group, Messages
from cnnkit.backends.protocol import Backend, Native
from cnnkit.errors import BackendUnavailableError, GroupError


class TorchGroup(Group):
    """The processes of torch.distributed's world, which this class starts unless the program has done so.

    Tensors on an NVIDIA GPU travel by NCCL; all else, also arrays of other backends, through the host by Gloo. NCCL
    has no time limit of its own here: PyTorch's watchdog ends the process after `seconds`.
    """

    name = "torch.distributed"

    def __init__(self, backend: Backend, seconds: float) -> None:
        import torch
        from torch import distributed

        if not distributed.is_available():
            raise BackendUnavailableError(f"PyTorch {torch.__version__} is built without torch.distributed")
        self._torch, self._distributed = torch, distributed
        self._nccl = torch.cuda.is_available() and distributed.is_nccl_available()
        self._own = not distributed.is_initialized()
        if self._own:
            engine = "cpu:gloo,cuda:nccl" if self._nccl else "gloo"
            try:
                distributed.init_process_group(engine, timeout=timedelta(seconds=seconds))
            except (RuntimeError, ValueError) as error:
                place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
                raise GroupError(f"torch.distributed at {place}: {_tell(error)}: start every worker there") from error
        super().__init__(backend, distributed.get_rank(), distributed.get_world_size(), seconds)

    # ---- messages are tensors of bytes

    def pack(self, x: Native) -> Buffer:
        if isinstance(x, self._torch.Tensor):
            flat = x.detach().to(self._road(x)).reshape(-1)
            dense = flat if flat.stride(0) == 1 else flat.clone(memory_format=self._torch.contiguous_format)
            return dense.view(self._torch.uint8)
        return self._torch.from_numpy(np.require(super().pack(x), requirements="W"))

    def allocate(self, length: int, like: Native) -> Buffer:
        if isinstance(like, self._torch.Tensor):
            return self._torch.empty(length, dtype=like.dtype, device=self._road(like)).view(self._torch.uint8)
        return self._torch.from_numpy(super().allocate(length, like))

    def unpack(self, buffer: Buffer, like: Native) -> Native:
        if isinstance(like, self._torch.Tensor):
            return buffer.view(like.dtype).to(like.device)
        return super().unpack(buffer.numpy(), like)

    def _road(self, x: Native) -> Any:
        """Return the device from which a tensor is sent."""
        return x.device if self._nccl and x.is_cuda else self._torch.device("cpu")

    # ---- the engine

    def move(self, outgoing: Messages, incoming: Messages, seconds: float) -> None:
        dist = self._distributed
        receives = [(rank, dist.irecv, buffer) for rank, buffers in incoming.items() for buffer in buffers]
        sends = [(rank, dist.isend, buffer) for rank, buffers in outgoing.items() for buffer in buffers]
        operations = [*receives, *sends]
        if any(buffer.is_cuda for _, _, buffer in operations):
            self._move_on_device([dist.P2POp(call, buffer, rank) for rank, call, buffer in operations])
        else:
            self._move_on_host(operations, time.monotonic(), seconds)

    def _move_on_device(self, operations: Sequence[Any]) -> None:
        """Queue the messages, as one call of NCCL, behind the work of the device; the host does not wait."""
        for work in self._distributed.batch_isend_irecv(list(operations)):
            work.wait()

    def _move_on_host(self, operations: Sequence[Any], start: float, seconds: float) -> None:
        waits = [(rank, self._try(rank, start, seconds, call, buffer, rank)) for rank, call, buffer in operations]
        for rank, work in waits:
            left = max(min(start + seconds, self.latest) - time.monotonic(), 1e-3)
            self._try(rank, start, seconds, work.wait, timedelta(seconds=left))

    def _try(self, rank: int, start: float, seconds: float, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except RuntimeError as error:  # of Gloo; its connections cannot be used after that
            late = time.monotonic() >= min(start + seconds, self.latest)
            raise (self.silent(rank, seconds) if late else self.lost(rank, _tell(error))) from error

    def close(self) -> None:
        super().close()
        if self._own:
            self._distributed.destroy_process_group()

    def abort(self) -> None:
        """Nothing more than to end: the connections close with this process, which the others see."""


def _tell(error: BaseException) -> str:
    """Return what a message of PyTorch says, without its place in the source and the advice after it."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rsplit("] ", 1)[-1].split(". ")[0].rstrip(".")
