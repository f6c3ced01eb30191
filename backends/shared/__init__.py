"""Code that several backends share.

`ArrayBackend` has the primitives that are the same on any array module with NumPy's interface; NumPy and CuPy inherit
it and pass their module as `xp`. `CapturedStep` is a training step that is captured and replayed, on NumPy, CuPy and
PyTorch; what differs between them is behind `CaptureDevice`.
"""
