"""Images and labels: the data set that ships with cnnkit, the ones it downloads, and readers of common files."""

from cnnkit.data.arrays import from_arrays
from cnnkit.data.catalogue import KnownSet
from cnnkit.data.dataset import Dataset, Scaling, Split
from cnnkit.data.fetching import cache_folder, fetch
from cnnkit.data.picture import read_image
from cnnkit.data.pixels import Images
from cnnkit.data.sources import known, load

__all__ = [
    "Dataset",
    "Images",
    "KnownSet",
    "Scaling",
    "Split",
    "cache_folder",
    "fetch",
    "from_arrays",
    "known",
    "load",
    "read_image",
]
