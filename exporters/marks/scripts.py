"""Commands that turn files of other programs into files that cnnkit reads; FILE stands for the path.

Each takes the path as an argument, so that no quotation marks inside of it matter, and needs the program that wrote the
file. The results lie in weights.npz in the current folder.
"""


def _python(imports: str, arrays: str, argument: str = "FILE") -> str:
    return f"python -c \"import sys, numpy, {imports}; numpy.savez('weights.npz', **{arrays})\" {argument}"


def convert_checkpoint(prefix: str) -> str:
    """Return the command for a TensorFlow checkpoint, which is named by the common beginning of its files."""
    arrays = (
        "{k: r.get_tensor(k) for r in [tf.train.load_checkpoint(sys.argv[1])] "
        "for k in r.get_variable_to_shape_map() if not k.startswith('_')}"
    )
    return _python("tensorflow as tf", arrays, prefix)


def convert_paddle(prefix: str) -> str:
    """Return the command for a program of Paddle, which is named by the common beginning of its two files."""
    return _python("paddle", "{k: v.numpy() for k, v in paddle.jit.load(sys.argv[1]).state_dict().items()}", prefix)


GRAPH = _python(
    "tensorflow as tf",
    "{n.name: tf.make_ndarray(n.attr['value'].tensor) "
    "for n in tf.compat.v1.GraphDef.FromString(open(sys.argv[1], 'rb').read()).node if n.op == 'Const'}",
)
CAFFE = _python(
    "caffe",
    "{f'{k}.{i}': b.data for k, v in caffe.Net(sys.argv[2], sys.argv[1], caffe.TEST).params.items() "
    "for i, b in enumerate(v)}",
    "FILE deploy.prototxt",
)
DARKNET = _python(
    "cv2",
    "{f'{k}.{i}': b for n in [cv2.dnn.readNetFromDarknet(sys.argv[2], sys.argv[1])] "
    "for k in n.getLayerNames() for i, b in enumerate(n.getLayer(n.getLayerId(k)).blobs)}",
    "FILE net.cfg (OpenCV before 5)",
)
MXNET = _python("mxnet", "{k: v.asnumpy() for k, v in mxnet.nd.load(sys.argv[1]).items()}")
MINDSPORE = _python("mindspore", "{k: v.asnumpy() for k, v in mindspore.load_checkpoint(sys.argv[1]).items()}")
FLAX = _python(
    "flax",
    "flax.traverse_util.flatten_dict(flax.serialization.msgpack_restore(open(sys.argv[1], 'rb').read()), sep='.')",
)
TORCH7 = (
    'python -c "import sys, torchfile; print(torchfile.load(sys.argv[1]))" FILE shows its arrays: '
    "save them with numpy.savez"
)
COREML = _python(
    "coremltools as ct",
    "{f'{layer.name}.{field.name}': numpy.float32(value.floatValue) "
    "for net in [ct.utils.load_spec(sys.argv[1])] "
    "for layer in getattr(net, net.WhichOneof('Type')).layers "
    "for field, value in getattr(layer, layer.WhichOneof('layer')).ListFields() if hasattr(value, 'floatValue')}",
)
