"""Which function adopts which class of Keras, and why the others cannot be."""

from collections.abc import Callable, Mapping

from cnnkit.adopting.keras import (
    activations,
    convolutions,
    dense,
    image_operations,
    joining,
    normalisation,
    operations,
    pooling,
    resizing,
    shaping,
    tensorflow_operations,
)
from cnnkit.adopting.keras.layer_call import LayerCall
from cnnkit.adopting.keras.values import Value
from cnnkit.layers import Dropout, SpatialDropout

Handler = Callable[[LayerCall], Value | list[Value]]

_DO_NOTHING = {
    "ActivityRegularization": "acts on the loss of a training alone",
    **dict.fromkeys(("GaussianNoise", "GaussianDropout", "AlphaDropout", "StochasticDepth", "DropConnect",
                     "FixedDropout"), "random in training; inference: does nothing"),
    **dict.fromkeys(("RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomBrightness",
                     "RandomTranslation", "RandomShear", "RandomHue", "RandomSaturation", "RandomColorJitter",
                     "RandomGrayscale", "RandomErasing", "RandomPosterization", "RandomSharpness", "RandomPerspective",
                     "RandomElasticTransform", "RandomGaussianBlur", "RandomInvert", "RandomColorDegeneration",
                     "RandAugment", "AugMix", "CutMix", "MixUp", "RandomHeight", "RandomWidth"),
                    "changes images in training; inference: does nothing"),
    **dict.fromkeys(("Identity", "StopGradient", "Copy"), "does nothing"),
}  # fmt: skip
_REASONS = {
    "Lambda": "holds Python code, which is never run",
    "TensorFlowOpLayer": "an operation of TensorFlow that cnnkit has no layer for",
    "TFOpLambda": "an operation of TensorFlow that cnnkit has no layer for",
    "Masking": "masks of sequences are not supported",
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D",
                     "CuDNNLSTM", "CuDNNGRU", "StackedRNNCells"), "recurrent layers are not supported"),
    **dict.fromkeys(("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention",
                     "GroupedQueryAttention"), "attention is not supported"),
    **dict.fromkeys(("Embedding", "ReversibleEmbedding"), "embeddings of words are not supported"),
}  # fmt: skip


def convert_call(call: LayerCall) -> list[Value]:
    """Let a layer add its nodes to the network, and return its outputs.

    Raises WeightFileError for one that cnnkit has no layers for; code in the file is never run.
    """
    if any(isinstance(given, Value) for name, given in call.arguments.keywords.items() if name == "mask"):
        raise call.refuse("is called with a mask, which is not supported", "refused")
    if call.kind in _DO_NOTHING:
        call.notes.append(_DO_NOTHING[call.kind])
        return [call.x]
    handler = HANDLERS.get(call.kind)
    if handler is None:
        reason = _REASONS.get(call.kind, "cnnkit has no such layer, and code of a model's author is never run")
        raise call.refuse(reason, "refused")
    made = handler(call)
    return made if isinstance(made, list) else [made]


def _drop(call: LayerCall) -> Value:
    rate, x = call.number("rate", 0.5), call.x
    if rate == 0:
        call.notes.append("a rate of 0: does nothing")
        return x
    parts = call.get("noise_shape", [])
    if not isinstance(parts, list) or any(size is not None for size in parts):
        call.notes.append("drops whole parts in training; inference: does nothing")
        return x
    return call.apply(call.build(Dropout, rate), x)


def _drop_channels(call: LayerCall) -> Value:
    rate, rank = call.number("rate", 0.5), call.x.rank - 1
    if rate == 0:
        call.notes.append("a rate of 0: does nothing")
        return call.x
    return call.emit(call.build(SpatialDropout, rate), call.take_images(rank))


HANDLERS: Mapping[str, Handler] = {
    "Dropout": _drop,
    **{f"SpatialDropout{n}D": _drop_channels for n in (1, 2, 3)},
    **operations.HANDLERS,
    **activations.HANDLERS,
    **convolutions.HANDLERS,
    **dense.HANDLERS,
    **image_operations.HANDLERS,
    **joining.HANDLERS,
    **normalisation.HANDLERS,
    **pooling.HANDLERS,
    **resizing.HANDLERS,
    **shaping.HANDLERS,
    **tensorflow_operations.HANDLERS,
}
