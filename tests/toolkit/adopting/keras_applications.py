"""Makes networks of keras.applications with random weights, and the small models; in a process that may import Keras.

Each is saved as NAME.keras and NAME.h5, with an input x0 and Keras's output y0 in NAME.npz.
"""

from pathlib import Path

import numpy as np

SIZES = {  # the smallest that the network takes, or nearly
    "VGG16": 32, "MobileNet": 32, "MobileNetV2": 32, "ResNet50V2": 32, "DenseNet121": 32, "InceptionV3": 75,
    "EfficientNetB0": 32, "Xception": 71, "ResNet50": 32, "MobileNetV3Small": 32, "EfficientNetV2B0": 32,
    "ConvNeXtTiny": 32, "InceptionResNetV2": 75, "NASNetMobile": 32,
}  # fmt: skip


def main(folder, names):
    """Save the small models, and the named networks, in a folder."""
    import keras
    from keras_models import make_models, save

    folder = Path(folder)
    make_models(keras, folder)
    rng = np.random.default_rng(5)
    for name in names:
        if name == "NASNetMobile":
            lift_refusal(keras)
        shape = (SIZES[name], SIZES[name], 3)
        make = getattr(keras.applications, name)
        fields = {"include_top": False} if name == "VGG16" else {"classes": 10}
        save(keras, name, make(weights=None, input_shape=shape, **fields), folder, rng)


def lift_refusal(keras):
    """Keras refuses NASNet on PyTorch, for what does not concern its inference."""
    module = keras.src.applications.nasnet

    class Backend:
        def __getattr__(self, name):
            return (lambda: "") if name == "backend" else getattr(keras.src.backend, name)

    module.backend = Backend()
