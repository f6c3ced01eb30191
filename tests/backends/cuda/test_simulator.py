"""The stand-in runs kernels as a GPU would, and says what a GPU would keep to itself."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnnkit.backends.cuda.simulator import compiler
from cnnkit.backends.cuda.simulator.device_arrays import xp
from cnnkit.backends.cuda.simulator.errors import KernelError
from cnnkit.backends.cuda.simulator.sim_module import SimModule
from cnnkit.errors import BackendUnavailableError

pytestmark = pytest.mark.gpu_tools

SAXPY = """
extern "C" __global__ void k(const REAL* __restrict__ x, REAL* __restrict__ y, REAL a, long long n) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (long long)blockDim.x)
        y[i] += a * x[i];
}
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saxpy(device, dtype) -> None:
    saxpy = SimModule(SAXPY, (f"-DREAL={'float' if dtype == 'float32' else 'double'}",)).get_function("k")
    x, y = device(np.arange(1000), dtype), device(np.ones(1000), dtype)
    saxpy((3,), (64,), (x, y, np.dtype(dtype).type(2), np.int64(900)))
    i = np.arange(1000)
    assert np.array_equal(y.get(), np.where(i < 900, 2 * i + 1, 1))


def test_every_thread_of_a_grid_in_three_dimensions_comes_once(kernel) -> None:
    mark = kernel("""
    extern "C" __global__ void k(int* seen, int* places) {
        int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
        int z = blockIdx.z * blockDim.z + threadIdx.z;
        int at = (z * gridDim.y * blockDim.y + y) * gridDim.x * blockDim.x + x;
        atomicAdd(seen + at, 1);
        places[at] = x + 100 * y + 10000 * z;
    }
    """)
    seen, places = xp.zeros((8, 15, 12), xp.int32), xp.empty((8, 15, 12), xp.int32)
    mark((3, 5, 2), (4, 3, 4), (seen, places))
    z, y, x = np.indices((8, 15, 12))
    assert np.array_equal(seen.get(), np.ones((8, 15, 12)))
    assert np.array_equal(places.get(), x + 100 * y + 10000 * z)


def test_integers_keep_their_size_and_kind(kernel, device) -> None:
    f = kernel("""
    extern "C" __global__ void k(unsigned long long* out, int a, unsigned b, long long c, size_t d, bool e, double f) {
        out[0] = a; out[1] = b; out[2] = c; out[3] = d; out[4] = e; out[5] = f; out[6] = __umulhi(b, b);
    }
    """)
    out = device(np.zeros(7), np.uint64)
    f(
        (1,), (1,),
        (out, np.int32(-1), np.uint32(2**32 - 1), np.int64(2**40), np.uint64(7), np.bool_(True), np.float64(9.5)),
    )  # fmt: skip
    assert out.tolist() == [2**64 - 1, 2**32 - 1, 2**40, 7, 1, 9, 2**32 - 2]


def test_functions_of_cuda_in_single_precision(kernel, device) -> None:
    f = kernel("""
    template <class T> __device__ T twice(T x) { return x + x; }
    extern "C" __global__ void k(const float* x, float* y) {
        float v = x[threadIdx.x];
        float results[] = {expf(v), exp(v), rsqrtf(v), sqrtf(v), tanhf(v), erff(v), log1pf(v), fmaf(v, v, 1.0f),
                           fmaxf(v, 2.0f), min(v, 2.0f), __fmul_rn(v, v), __fdiv_rn(v, 3.0f), twice(v), __ldg(x)};
        for (int i = 0; i < 14; ++i) y[i * blockDim.x + threadIdx.x] = results[i];
    }
    """)
    v = np.array([0.25, 1.0, 3.5], np.float32)
    y = xp.empty((14, 3), np.float32)
    f((1,), (3,), (device(v), y))
    d = v.astype(np.float64)
    erf = [0.27632639016823696, 0.8427007929497149, 0.9999992569016276]
    wanted = [np.exp(d), np.exp(d), d**-0.5, d**0.5, np.tanh(d), erf, np.log1p(d), d * d + 1]
    wanted += [np.maximum(d, 2), np.minimum(d, 2), d * d, d / 3, d + d, [0.25] * 3]
    np.testing.assert_allclose(y.get(), wanted, rtol=3e-7)


def test_a_wrong_argument_is_refused_with_its_name(kernel, device) -> None:
    saxpy, x = kernel(SAXPY), device(np.ones(4))
    a, n = np.float32(1), np.int64(4)
    for args, message in [
        ((x, x, a), r"expected 4 arguments \(x, y, a, n\), got 3"),
        ((x, device([1.0], np.float64), a, n), r"1 \(y\): expected a device array of float32, got one of float64"),
        ((np.ones(4, np.float32), x, a, n), r"argument 0 \(x\): expected a device array of float32, got a host array"),
        ((x, x, np.float64(1), n), r"argument 2 \(a\): expected np.float32, got np.float64 1.0"),
        ((x, x, a, np.int32(4)), r"argument 3 \(n\): expected np.int64, got np.int32 4"),
        ((x, x, a, 4), r"argument 3 \(n\): expected np.int64, got Python int 4"),
        ((x, x, x[0], n), r"argument 2 \(a\): expected np.float32, got a device array of float32, shape \(\)"),
        ([x, x, a, n], "as a tuple, got list"),
    ]:
        with pytest.raises(KernelError, match=message):
            saxpy((1,), (4,), args)
    assert x.tolist() == [1, 1, 1, 1]


def test_a_wrong_grid_is_refused(kernel, device) -> None:
    bound = kernel('extern "C" __global__ void __launch_bounds__(64) k(REAL* x) { x[0] = 1; }')
    x = device([0.0])
    for grid, block, message in [
        (1, (1,), "grid as a tuple"),
        ((0,), (1,), "grid from 1"),
        ((1, 70000), (1,), "grid from 1"),
        ((1,), (1, 1, 65), "block from 1"),
        ((1,), (33, 2), "at most 64 threads in a block, got 66"),
        ((1.0,), (1,), "tuple of 1 to 3 integers"),
    ]:
        with pytest.raises(KernelError, match=message):
            bound(grid, block, (x,))
    assert x.tolist() == [0]
    bound((1,), (32, 2), (x,))
    assert x.tolist() == [1]


def test_an_array_of_any_type_goes_where_the_kernel_says_void_and_a_structure_nowhere(kernel, device) -> None:
    text = """
    struct Pair { int a, b; };
    extern "C" __global__ void k(const void* from, unsigned char* to) { *to = ((const unsigned char*)from)[1]; }
    extern "C" __global__ void whole(Pair pair) {}
    """
    to = device([0], np.uint8)
    kernel(text)((1,), (1,), (device([0x1234], np.uint16), to))
    assert to.tolist() == [0x12]
    with pytest.raises(KernelError, match=r"argument 0 \(pair\): expected a parameter of a number's type"):
        kernel(text, name="whole")((1,), (1,), (np.int64(1),))


def test_an_unknown_kernel_and_a_text_without_one() -> None:
    with pytest.raises(KernelError, match=r"lib\.cu: expected one of the kernels k, got 'j'"):
        SimModule(SAXPY, ("-DREAL=float",), file="lib.cu").get_function("j")
    with pytest.raises(KernelError, match="found none"):
        SimModule("// " + SAXPY.replace("\n", " "))
    with pytest.raises(KernelError, match="option '--magic'"):
        SimModule(SAXPY, ("-DREAL=float", "--magic"))


def test_an_error_of_the_compiler_names_the_line_of_the_kernel() -> None:
    wrong = SAXPY.replace("a * x[i]", "a * z[i]")
    with pytest.raises(KernelError, match=r"saxpy\.cu:4:\d+: error: .z. was not declared"):
        SimModule(wrong, ("-DREAL=float",), file="saxpy.cu")


def test_sums_of_floats_by_atomics_do_not_compile() -> None:
    with pytest.raises(KernelError, match="deleted function"):
        SimModule('extern "C" __global__ void k(float* x) { atomicAdd(x, 1.0f); }')


def test_without_a_compiler_the_message_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BackendUnavailableError, match=r"expected the compiler g\+\+ in PATH, found none: install g\+\+"
    ):
        SimModule(SAXPY + "// not compiled before", ("-DREAL=float",))


def test_elsewhere_than_on_linux_the_message_says_what_to_use(monkeypatch) -> None:
    monkeypatch.setattr(compiler.sys, "platform", "darwin")
    with pytest.raises(BackendUnavailableError, match="expected Linux, got darwin: use --backend numpy"):
        SimModule(SAXPY + "// nor this", ("-DREAL=float",))


def test_what_was_compiled_is_found_again_and_another_text_is_not(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "cnnkit" / "simulator"
    one = compiler.build(SAXPY, ("-DREAL=float",), "a.cu").path
    made = one.stat().st_mtime_ns
    assert one.parent == folder
    assert compiler.build(SAXPY, ("-DREAL=float",), "a.cu").path.stat().st_mtime_ns == made
    others = [(SAXPY + " ", "float"), (SAXPY, "double")]
    assert len({one, *(compiler.build(text, (f"-DREAL={real}",), "a.cu").path for text, real in others)}) == 3
    assert len(list(folder.iterdir())) == 3  # and nothing half made


def test_compiling_one_text_several_times_at_once_leaves_one_whole_file(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with ThreadPoolExecutor(3) as pool:
        modules = list(pool.map(lambda _: SimModule(SAXPY, ("-DREAL=double",)), range(3)))
    assert len(list((tmp_path / "cnnkit" / "simulator").iterdir())) == 1
    assert all(module.get_function("k").name == "k" for module in modules)


def test_a_cache_that_cannot_be_written_is_replaced_by_a_private_folder(monkeypatch, tmp_path, device) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    x = device([1.0])
    SimModule(SAXPY, ("-DREAL=float",)).get_function("k")((1,), (1,), (x, x, np.float32(2), np.int64(1)))
    assert x.tolist() == [3]
    assert compiler.cache_folder().stat().st_mode & 0o777 == 0o700
