"""NVIDIA's own compiler takes every kernel, for each generation of GPUs; no GPU and no driver are needed for this."""

import re

import pytest

from cnnkit.backends.cuda.kernels import FOLDER, files, options, source
from cnnkit.backends.cuda.simulator.kernel_source import kernels
from cnnkit.precision import HALF

pytestmark = pytest.mark.gpu_tools

SOURCES = sorted(FOLDER.glob("*.cu"))
WINDOWED = [(f"AXES={axes}", f"DILATED={dilated}") for axes in (1, 2, 3) for dilated in (0, 1)]
VARIANTS = [(file, ()) for file in SOURCES] + [
    (file, defines) for file in SOURCES if "windows.cuh" in file.read_text("utf-8") for defines in WINDOWED
]
DTYPES = ("float32", "float64", *HALF)
WHOLE = ("optimizers", "random", "softmax")  # of which half precision needs float32 alone
ARCHITECTURES = ["sm_75", "sm_80", "sm_90"]


@pytest.fixture(scope="module")
def compiled():
    """Return a function that gives a text's machine code, compiled as CuPy does, or fails with NVRTC's log."""
    try:
        from cupy.cuda import nvrtc

        nvrtc.getVersion()
    except Exception as error:  # CuPy has several: no library, no symbol, a wrong version
        pytest.skip(f"needs CuPy and NVRTC: pip install cupy-cuda13x nvidia-cuda-nvrtc nvidia-cuda-runtime ({error})")

    def compile_one(text: str, name: str, *flags: str) -> bytes:
        program = nvrtc.createProgram(text, name, (), ())
        try:
            nvrtc.compileProgram(program, (*flags, "-ftz=true"))
            return nvrtc.getCUBIN(program)
        except nvrtc.NVRTCError:
            pytest.fail(nvrtc.getProgramLog(program), pytrace=False)
        finally:
            nvrtc.destroyProgram(program)

    return compile_one


def names_in(cubin: bytes) -> set[str]:
    """Each kernel is a section .text.NAME of the ELF file."""
    return {name.decode() for name in re.findall(rb"\.text\.(\w+)\0", cubin)}


def test_there_are_kernels() -> None:
    assert {"convolution.cu", "pooling.cu"} <= {file.name for file in SOURCES}
    assert set(files().values()) == set(SOURCES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("file", "defines", "dtype"),
    [(*variant, dtype) for variant in VARIANTS for dtype in DTYPES if not (dtype in HALF and variant[0].stem in WHOLE)],
    ids=lambda part: "-".join(part) if isinstance(part, tuple) else getattr(part, "stem", part),
)
def test_every_kernel_compiles_for(compiled, file, defines, dtype, architecture) -> None:
    wanted = {name for name, home in files().items() if home == file}
    assert names_in(compiled(source(file), file.name, f"-arch={architecture}", *options(dtype, *defines))) == wanted


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.stem)
def test_both_ways_of_finding_kernels_find_the_same(file) -> None:
    assert {kernel.name for kernel in kernels(source(file))} == {n for n, home in files().items() if home == file}


PLANTED = """
extern "C" __global__ void k(REAL* y) {
    __shared__ REAL tile[SIZE];
    tile[threadIdx.x] = START;
    __syncthreads();
    y[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
"""


@pytest.mark.parametrize(
    ("size", "start", "message"),
    [
        (64, "undeclared", r"planted\.cu\(4\): error: identifier .undeclared. is undefined"),
        (64, "-INFINITY", r"planted\.cu\(4\): error: identifier .INFINITY. is undefined"),  # where nvcc knows it
        (20000, "0", "uses too much shared data"),  # 80 kB; a block has 48
    ],
    ids=["undeclared", "INFINITY", "shared memory"],
)
def test_a_planted_error_fails(compiled, size, start, message) -> None:
    text = PLANTED.replace("SIZE", str(size)).replace("START", start)
    with pytest.raises(pytest.fail.Exception, match=message):
        compiled(text, "planted.cu", "-arch=sm_90", *options("float32"))
    right = PLANTED.replace("SIZE", "64").replace("START", "0")
    assert names_in(compiled(right, "planted.cu", "-arch=sm_90", *options("float32"))) == {"k"}
