"""Data sets known by name: facts for `cnnkit data list`, and the address and SHA-256 of each file to download."""

from dataclasses import dataclass, replace

from cnnkit.data.targets import CLASS, CLASS_MAP, NUMBERS, TAGS, VALUES

BASE_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
BASE_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


@dataclass(frozen=True)
class Download:
    """Files under one address: {name: (SHA-256, bytes)}."""

    base_url: str
    files: dict[str, tuple[str, int]]


@dataclass(frozen=True)
class KnownSet:
    """A data set with a name.

    classes   0 where the targets are no classes
    location  where it is now; None when it must be downloaded first
    target    the kind of its targets, as in `cnnkit.data.targets`
    """

    name: str
    description: str
    train_images: int
    test_images: int
    image_shape: tuple[int, ...]  # (C, H, W), or (C, L) of signals
    classes: int
    licence: str | None
    download_bytes: int
    location: str | None = None
    target: str = CLASS

    @property
    def task(self) -> str:
        """What a network for it gives, in words."""
        return {
            CLASS: f"one of {self.classes} classes",
            TAGS: f"any of {self.classes} classes",
            CLASS_MAP: f"one of {self.classes} classes per pixel",
            NUMBERS: "numbers",
            VALUES: "an image",
        }[self.target]

    def at(self, location: str | None) -> "KnownSet":
        """Return the same entry with that location."""
        return replace(self, location=location)


DOWNLOADS = {
    "mnist": Download(
        BASE_MNIST,
        {
            "train-images-idx3-ubyte.gz": ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
            "train-labels-idx1-ubyte.gz": ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
            "t10k-images-idx3-ubyte.gz": ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
            "t10k-labels-idx1-ubyte.gz": ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
        },
    ),
    "fashion-mnist": Download(
        BASE_FASHION,
        {
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                26421880,
            ),
            "train-labels-idx1-ubyte.gz": ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
            "t10k-images-idx3-ubyte.gz": ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
            "t10k-labels-idx1-ubyte.gz": ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
        },
    ),
}

_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CLASS_NAMES = {"mnist": _DIGITS, "fashion-mnist": _CLOTHES}


def _bytes(name: str) -> int:
    return sum(size for _, size in DOWNLOADS[name].files.values())


KNOWN = (
    KnownSet("digits", "handwritten digits, UCI", 1437, 360, (1, 8, 8), 10, "CC BY 4.0", 0),
    KnownSet("bright-dark", "dark and bright squares, made", 10, 10, (1, 8, 8), 2, None, 0),
    KnownSet("digits-28", "the digits as large as MNIST's", 1437, 360, (1, 28, 28), 10, "CC BY 4.0", 0),
    KnownSet(
        "noisy-digits", "digits with noise to remove, made", 4311, 360, (1, 8, 8), 0, "CC BY 4.0", 0, target=VALUES
    ),
    KnownSet(
        "composed-digits",
        "digits on a canvas, with masks, made",
        1600,
        400,
        (1, 25, 25),
        11,
        "CC BY 4.0",
        0,
        target=CLASS_MAP,
    ),
    KnownSet(
        "multi-digits", "several digits on a canvas, made", 3000, 600, (1, 20, 20), 10, "CC BY 4.0", 0, target=TAGS
    ),
    KnownSet(
        "digit-sums", "rows of digits and their sums, made", 4000, 800, (1, 8, 24), 0, "CC BY 4.0", 0, target=NUMBERS
    ),
    KnownSet("signals", "waves of eight shapes, made", 2400, 600, (1, 96), 8, None, 0),
    KnownSet("shapes-32", "colour pictures of ten shapes, made", 4000, 1000, (3, 32, 32), 10, None, 0),
    KnownSet("mnist", "handwritten digits", 60000, 10000, (1, 28, 28), 10, "CC BY-SA 3.0", _bytes("mnist")),
    KnownSet("fashion-mnist", "clothes, Zalando", 60000, 10000, (1, 28, 28), 10, "MIT", _bytes("fashion-mnist")),
)
LICENCES = {entry.name: entry.licence for entry in KNOWN}
