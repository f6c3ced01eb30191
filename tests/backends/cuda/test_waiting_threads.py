"""Barriers, shuffles and shared memory; what lacks one gives a wrong result or is reported, and never hangs."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.errors import KernelError

pytestmark = pytest.mark.gpu_tools

TOTAL = """
__device__ __forceinline__ REAL of_warp(REAL s) {
    for (int step = 16; step > 0; step /= 2) s += __shfl_down_sync(0xffffffffu, s, step);
    return s;
}
extern "C" __global__ void k(const REAL* x, REAL* y, int n) {
    __shared__ REAL parts[32];
    REAL s = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) s += x[i];
    s = of_warp(s);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = s;
    __syncthreads();
    if (threadIdx.x < 32) {
        s = of_warp(threadIdx.x < blockDim.x / 32 ? parts[threadIdx.x] : REAL(0));
        if (threadIdx.x == 0) y[blockIdx.x] = s;
    }
}
"""
# Each round turns a tile round by way of shared memory; it needs both barriers.
TURNS = """
extern "C" __global__ void k(REAL* x, int rounds, int shift) {
    __shared__ REAL tile[64];
    for (int i = 0; i < rounds; ++i) {
        tile[threadIdx.x] = x[threadIdx.x];
        __syncthreads();  // one
        x[threadIdx.x] = tile[(threadIdx.x + shift) % 64];
        __syncthreads();  // two
    }
}
"""


@pytest.mark.parametrize("threads", [32, 256, 1024])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_reduction_through_shuffles_shared_memory_and_a_barrier(kernel, device, threads, reverse) -> None:
    y = xp.empty(3, np.float32)
    kernel(TOTAL, reverse=reverse)((3,), (threads,), (device(np.arange(5000)), y, np.int32(5000)))
    result = y.get()
    i = np.arange(5000)
    assert result.tolist() == [i[i // threads % 3 == block].sum() for block in range(3)]


def test_launches_from_several_threads_of_the_host_take_turns(kernel, device) -> None:
    total, x = kernel(TOTAL), device(np.arange(5000))

    def launch(_):
        y = xp.empty(1, np.float32)
        for _ in range(5):
            total((1,), (256,), (x, y, np.int32(5000)))
        return y.tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(launch, range(8))) == [[np.arange(5000).sum()]] * 8


def test_without_its_barrier_the_reduction_is_wrong(kernel, device) -> None:
    y = xp.empty(1, np.float32)
    kernel(TOTAL.replace("__syncthreads();", ""))((1,), (256,), (device(np.arange(5000)), y, np.int32(5000)))
    assert y.tolist() != [np.arange(5000).sum()]


@pytest.mark.parametrize("shift", [1, 17, 63])  # neighbours on either side too
@pytest.mark.parametrize(("lacks", "right"), [("", True), ("one", False), ("two", False), ("both", False)])
def test_each_barrier_counts(kernel, device, shift, lacks, right) -> None:
    lines = TURNS.splitlines()
    text = "\n".join(s for s in lines if "sync" not in s or not (lacks == "both" or (lacks and s.endswith(lacks))))
    x = device(np.arange(64))
    kernel(text)((1,), (64,), (x, np.int32(3), np.int32(shift)))
    assert np.array_equal(x.get(), (np.arange(64) + 3 * shift) % 64) == right


SHUFFLES = {
    "__shfl_sync(all, v, 5)": lambda t: t // 32 * 32 + 5,
    "__shfl_sync(all, v, 1, 8)": lambda t: t // 8 * 8 + 1,
    "__shfl_down_sync(all, v, 3)": lambda t: np.where(t % 32 < 29, t + 3, t),
    "__shfl_up_sync(all, v, 3)": lambda t: np.where(t % 32 >= 3, t - 3, t),
    "__shfl_xor_sync(all, v, 9)": lambda t: t ^ 9,
    "__shfl_xor_sync(all, v, 1, 2)": lambda t: t ^ 1,
}


@pytest.mark.parametrize(
    ("kind", "dtype"), [("float", "float32"), ("double", "float64"), ("int", "int32"), ("long long", "int64")]
)
def test_shuffles_of_four_and_eight_bytes(kernel, kind, dtype) -> None:
    calls = "".join(f"x[{i} * 64 + threadIdx.x] = {call};\n" for i, call in enumerate(SHUFFLES))
    start = "T v = threadIdx.x; unsigned all = 0xffffffffu;"
    x = xp.empty((len(SHUFFLES), 64), dtype)
    kernel(f'extern "C" __global__ void k(T* x) {{ {start}\n{calls} }}', f"-DT={kind}")((1,), (64,), (x,))
    for result, (call, wanted) in zip(x.get(), SHUFFLES.items(), strict=True):
        assert np.array_equal(result, wanted(np.arange(64))), call


BARRIER = "if (threadIdx.x < n) __syncthreads();"
ENDLESS = {
    BARRIER: r"kernel k0: barrier at w\.cu:1 reached by 3 of 64 threads",
    "if (threadIdx.x >= n) return; __syncthreads();": r"kernel k1: barrier at w\.cu:2 reached by 3 of 64 threads",
    "if (threadIdx.x < n) __syncthreads(); else BARRIER_OF_ANOTHER_LINE": r"barrier at .* others wait at \w\.cu:\d",
    "if (threadIdx.x < n) __shfl_sync(~0u, n, 0);": r"warp operation at w\.cu:4 reached by 3 of 32 lanes",
    "if (threadIdx.x < n) __syncwarp(); else __syncthreads();": r"warp operation at w\.cu:5 reached by 3 of 32 lanes",
    "__shfl_sync(7u, n, 0);": r"warp operation at w\.cu:6 reached by lane 3, which its mask leaves out",
}


@pytest.mark.parametrize("number", range(len(ENDLESS)))
def test_threads_that_would_wait_for_ever_are_named(kernel, number) -> None:
    text = "\n".join(f'extern "C" __global__ void k{i}(int n) {{ {body} }}' for i, body in enumerate(ENDLESS))
    text = text.replace("BARRIER_OF_ANOTHER_LINE", '\n#line 9 "v.cu"\n__syncthreads();\n#line 3 "w.cu"\n')
    with pytest.raises(KernelError, match=[*ENDLESS.values()][number]):
        kernel(text, file="w.cu", name=f"k{number}")((2,), (64,), (np.int32(3),))


def test_local_variables_that_need_too_much_are_reported(kernel, device) -> None:
    text = """
    extern "C" __global__ void k(REAL* x) {
        volatile REAL local[COUNT];
        for (int i = 0; i < COUNT; ++i) local[i] = i;
        __syncthreads();
        *x = local[COUNT - 1];
    }
    """
    x = device([0.0])
    kernel(text, "-DCOUNT=8000")((1,), (1,), (x,))
    assert x.tolist() == [7999]
    with pytest.raises(KernelError, match="kernel k: more than 65536 bytes of local variables"):
        kernel(text, "-DCOUNT=17000")((1,), (1,), (x,))


def test_a_kernel_that_failed_can_run_again(kernel) -> None:
    wait = kernel(f'extern "C" __global__ void k(int n) {{ {BARRIER} }}')
    for n in (0, 64):
        with pytest.raises(KernelError):
            wait((1,), (64,), (np.int32(3),))
        wait((1,), (64,), (np.int32(n),))


def test_a_mask_may_name_some_lanes_and_they_alone_wait(kernel, device) -> None:
    text = """
    extern "C" __global__ void k(int* x) {
        if (threadIdx.x < 8) x[threadIdx.x] = __shfl_xor_sync(0xffu, x[threadIdx.x], 7);
        __syncthreads();
    }
    """
    x = device(np.arange(32), np.int32)
    kernel(text)((1,), (32,), (x,))
    assert x.tolist() == [7, 6, 5, 4, 3, 2, 1, 0, *range(8, 32)]


def test_shared_memory_begins_undefined_in_every_block(kernel) -> None:
    text = """
    extern "C" __global__ void k(REAL* y) {
        __shared__ REAL sum;
        if (blockIdx.x == 0 && threadIdx.x == 0) sum = 0;
        __syncthreads();
        if (threadIdx.x == 0) y[blockIdx.x] = sum + 1;
    }
    """
    y = xp.empty(3, np.float32)
    kernel(text)((3,), (32,), (y,))
    assert y.tolist()[0] == 1
    assert np.isnan(y.get()[1:]).all()


def test_shared_memory_of_a_size_that_the_launch_gives(kernel, device) -> None:
    text = """
    extern "C" __global__ void k(REAL* x) {
        extern __shared__ REAL tile[];
        tile[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        x[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
    }
    """
    x = device(np.arange(40))
    kernel(text)((1,), (40,), (x,), shared_mem=160)
    assert x.tolist() == list(range(39, -1, -1))


def test_waiting_inside_functions_and_structures_is_seen(kernel, device) -> None:
    text = """
    namespace inner { struct Gate { __device__ void close() { __syncthreads(); } }; }
    template <class T> __device__ void pass(T* x, T value) { inner::Gate().close(); *x = value; }
    extern "C" __global__ void k(int* x) {
        int next = x[(threadIdx.x + 1) % blockDim.x];
        pass(x + threadIdx.x, next);
    }
    extern "C" __global__ void alone(int* x) { x[threadIdx.x] = 0; }
    """
    x = device(np.arange(40), np.int32)
    kernel(text)((1,), (40,), (x,))
    assert x.tolist() == [*range(1, 40), 0]
    kernel(text, name="alone")((1,), (40,), (x,))
    assert not x.get().any()


def test_where_an_order_is_taken_for_granted_the_reverse_gives_another_result(kernel, device) -> None:
    text = 'extern "C" __global__ void k(int* x) { int i = blockIdx.x * 4 + threadIdx.x; x[i + 1] = x[i] + 1; }'
    results = []
    for reverse in (False, True):
        x = device(np.zeros(13), np.int32)
        kernel(text, reverse=reverse)((3,), (4,), (x,))
        results.append(x.tolist())
    assert results == [list(range(13)), [0] + [1] * 12]
