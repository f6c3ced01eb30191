"""What the environment may tell libhdf5, which takes drivers, connectors and plug-ins from it."""

from collections.abc import Mapping

_LOCKING = "HDF5_USE_FILE_LOCKING"  # some network file systems need it for writing


def choose_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables with which libhdf5 loads no plug-in, and takes no other driver or connector."""
    plain = {name: value for name, value in environment.items() if not name.startswith("HDF5_") or name == _LOCKING}
    return plain | {"HDF5_PLUGIN_PRELOAD": "::"}
