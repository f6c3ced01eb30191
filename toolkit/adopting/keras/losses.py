"""The loss that a Keras model was trained with, where cnnkit has the same one."""

from typing import Any

_LOSSES = {
    "meansquarederror": "mean_squared_error", "mse": "mean_squared_error", "meanabsoluteerror": "l1", "mae": "l1",
    "huber": "huber", "huberloss": "huber",
}  # fmt: skip
_ON_LOGITS = {
    "categoricalcrossentropy": "softmax_cross_entropy", "sparsecategoricalcrossentropy": "softmax_cross_entropy",
    "binarycrossentropy": "binary_cross_entropy",
}  # fmt: skip


def find_loss(training: Any) -> str | None:
    """Return the name of cnnkit's loss; None where the file has none, or one on probabilities: cnnkit's take logits.

    training: the file's training_config or compile_config
    """
    given = training.get("loss") if isinstance(training, dict) else None
    fields: Any = given.get("config") if isinstance(given, dict) else {}
    name = given.get("class_name") if isinstance(given, dict) else given
    if not isinstance(name, str) or not isinstance(fields, dict):
        return None
    word = name.replace("_", "").lower()
    if word in _ON_LOGITS and fields.get("from_logits") is True and not fields.get("label_smoothing"):
        return _ON_LOGITS[word]
    if word.startswith("huber") and fields.get("delta", 1.0) != 1.0:
        return None
    return _LOSSES.get(word)
