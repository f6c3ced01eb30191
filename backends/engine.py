"""What of the processor and its libraries decides the last bits of plain arithmetic, as texts to compare.

The same program gives the same bits where these are the same: a BLAS picks its kernels, and NumPy its loops, by the
features of the processor.
"""

import functools
import platform


@functools.cache
def describe_processor() -> dict[str, str]:
    """Return {"processor": "x86_64", "features": "AVX2 FMA3 ..."}: those that NumPy finds and dispatches on."""
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]  # which has no stub

    known: dict[str, bool] = _multiarray_umath.__cpu_features__  # as numpy.show_runtime reads them
    return {"processor": platform.machine(), "features": " ".join(sorted(name for name, has in known.items() if has))}


@functools.cache
def describe_blas() -> str:
    """Return library, version and kernels of NumPy's products: "openblas 0.3.30 SkylakeX", or "unknown"."""
    import threadpoolctl

    loaded = [entry for entry in threadpoolctl.threadpool_info() if entry["user_api"] == "blas"]
    own = [entry for entry in loaded if "numpy" in str(entry.get("filepath"))]  # not that of SciPy or another package
    texts = (
        " ".join(str(entry.get(key) or "unknown") for key in ("internal_api", "version", "architecture"))
        for entry in own or loaded
    )
    return ", ".join(sorted(set(texts))) or "unknown"
