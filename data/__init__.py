"""Images and their targets: the data set that ships with cnnkit, the ones it downloads, readers of common files."""

from cnnkit.data.arrays import from_arrays
from cnnkit.data.catalogue import KNOWN, KnownSet
from cnnkit.data.class_names import arrange_classes, match_classes
from cnnkit.data.dataset import Dataset
from cnnkit.data.fetching import cache_folder, fetch
from cnnkit.data.picture import read_image
from cnnkit.data.pixels import Images
from cnnkit.data.reading import Reading
from cnnkit.data.resizing import Resizing
from cnnkit.data.scaling import Scaling
from cnnkit.data.sources import find, is_builtin, is_known, known, load
from cnnkit.data.split import Split
from cnnkit.data.targets import Targets, TargetSpec

__all__ = [
    "KNOWN",
    "Dataset",
    "Images",
    "KnownSet",
    "Reading",
    "Resizing",
    "Scaling",
    "Split",
    "TargetSpec",
    "Targets",
    "arrange_classes",
    "cache_folder",
    "fetch",
    "find",
    "from_arrays",
    "is_builtin",
    "is_known",
    "known",
    "load",
    "match_classes",
    "read_image",
]
