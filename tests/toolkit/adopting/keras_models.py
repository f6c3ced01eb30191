"""Makes small Keras models of every kind of layer.

Each is saved as NAME.keras and NAME.h5 with inputs x0, x1 ... and Keras's outputs y0, y1 ... in NAME.npz.
"""

import numpy as np

IMAGE, ODD = (12, 10, 3), (9, 7, 4)


def chains(layers, activations):
    """{name: (shape of a sample, layers)} of Sequential models."""
    conv = layers.Conv2D
    yield (
        "conv2d",
        (
            (13, 12, 4),
            [
                conv(6, (3, 2), strides=2, padding="same", activation="relu", name="first"),
                conv(8, 3, dilation_rate=2, padding="same", use_bias=False),
                conv(4, 2, groups=2, activation="softmax"),
                conv(5, 3, strides=3, padding="same", activation="hard_sigmoid"),
            ],
        ),
    )
    yield (
        "conv1d",
        (
            (20, 3),
            [
                layers.Conv1D(4, 3, padding="causal", dilation_rate=2),
                layers.Conv1D(6, 4, strides=3, padding="same", activation="tanh"),
                layers.Dense(5, activation="elu"),
                layers.SeparableConv1D(6, 2, depth_multiplier=2, padding="same"),
                layers.DepthwiseConv1D(2, depth_multiplier=2),
                layers.Conv1DTranspose(3, 3, strides=2, padding="same"),
                layers.UpSampling1D(2),
                layers.ZeroPadding1D((1, 2)),
                layers.Cropping1D((2, 0)),
                layers.MaxPooling1D(3, 2, padding="same"),
                layers.AveragePooling1D(2, padding="same"),
                layers.BatchNormalization(),
                layers.SpatialDropout1D(0.2),
                layers.Flatten(),
                layers.Dense(4),
            ],
        ),
    )
    yield (
        "conv3d",
        (
            (6, 7, 5, 2),
            [
                layers.Conv3D(4, (2, 3, 2), padding="same", activation="relu"),
                layers.MaxPooling3D((2, 1, 2), padding="same"),
                layers.Conv3DTranspose(3, 2, strides=(1, 2, 2)),
                layers.ZeroPadding3D(((0, 1), (1, 0), (1, 1))),
                layers.Cropping3D(((1, 0), (0, 0), (0, 1))),
                layers.UpSampling3D((1, 2, 1)),
                layers.AveragePooling3D(2),
                layers.GlobalMaxPooling3D(),
            ],
        ),
    )
    yield (
        "depthwise",
        (
            IMAGE,
            [
                layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu6"),
                layers.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=2, activation="silu"),
                layers.SeparableConv2D(4, 2, use_bias=False),
            ],
        ),
    )
    for padding in ("same", "valid"):
        for window, stride in ((3, 2), (2, 3), (4, 2), (5, 1)):
            yield (
                f"transposed_{padding}_{window}_{stride}",
                (
                    (5, 4, 2),
                    [layers.Conv2DTranspose(3, window, strides=stride, padding=padding, activation="relu")],
                ),
            )
    yield (
        "transposed_output_padding",
        (
            (5, 4, 2),
            [
                layers.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1),
                layers.Conv2DTranspose(2, (3, 2), strides=3, padding="valid", output_padding=(1, 2)),
            ],
        ),
    )
    yield (
        "pooling",
        (
            ODD,
            [
                layers.MaxPooling2D(3, 2, padding="same"),
                layers.AveragePooling2D(3, 1, padding="same"),
                layers.MaxPooling2D(2),
            ],
        ),
    )
    yield "average", ((11, 13, 2), [layers.AveragePooling2D(3), layers.GlobalAveragePooling2D(keepdims=True)])
    yield "sequence_of_rows", ((6, 4), [layers.Conv1D(3, 2), layers.Permute((2, 1)), layers.Dense(2)])
    yield "adaptive", ((11, 13, 3), [layers.AdaptiveAveragePooling2D((3, 4)), layers.AdaptiveMaxPooling2D(2)])
    yield (
        "flattened",
        (
            (4, 5, 3),
            [
                conv(4, 2),
                layers.Flatten(),
                layers.Dropout(0.4),
                layers.BatchNormalization(scale=False),
                layers.PReLU(),
                layers.LayerNormalization(),
                layers.Activation("relu"),
                layers.Dense(6, activation="gelu"),
                layers.BatchNormalization(center=False, epsilon=0.01, momentum=0.9),
                layers.Dense(3, activation="softmax"),
            ],
        ),
    )
    yield "flat_output", ((3, 4, 2), [conv(3, 2), layers.Flatten()])
    yield "flat_reshaped", ((3, 4, 2), [conv(3, 2), layers.Flatten(), layers.Reshape((3, 6)), layers.Dense(4)])
    yield "plain_images", ((7, 5), [layers.Flatten(), layers.Dense(4, activation="relu"), layers.Dense(3)])
    yield "plain_reshaped", ((7, 5), [layers.Reshape((7, 5, 1)), conv(3, 2), layers.Flatten(), layers.Dense(2)])
    yield (
        "decoder",
        (
            (6,),
            [
                layers.Dense(2 * 3 * 4),
                layers.Reshape((2, 3, 4)),
                layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="sigmoid"),
            ],
        ),
    )
    yield (
        "reshaping",
        (
            (4, 6, 3),
            [
                conv(5, 1),
                layers.Reshape((8, -1)),
                layers.Permute((2, 1)),
                layers.Dense(4),
                layers.Reshape((5, 2, 2, 3)),
                layers.Permute((3, 1, 2, 4)),
                layers.Reshape((2, 10, 3)),
                conv(2, 2),
            ],
        ),
    )
    yield (
        "normalised",
        (
            (5, 4, 6),
            [
                layers.BatchNormalization(axis=2),
                layers.LayerNormalization(axis=[1, 3]),
                layers.GroupNormalization(groups=3),
                layers.GroupNormalization(groups=-1, scale=False),
                layers.LayerNormalization(center=False),
                layers.RMSNormalization(),
                layers.Rescaling(0.5, offset=-0.1),
                layers.Rescaling([0.5, 1.0, 2.0, 1.0, 1.0, 0.1], offset=[0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
                layers.Normalization(mean=[0.1, 0.2, 0.0, 0.0, 0.3, 0.1], variance=[1.0, 2.0, 0.5, 4.0, 1.0, 1.0]),
                layers.Normalization(axis=None, mean=0.3, variance=2.0, invert=True),
                layers.Normalization(axis=2),
            ],
        ),
    )
    yield (
        "activations",
        (
            (4, 3, 2),
            [
                *(layers.Activation(name) for name in activations),
                layers.ReLU(max_value=4.0, negative_slope=0.1),
                layers.ReLU(max_value=6.0),
                layers.ReLU(max_value=1.5, threshold=0.2),
                layers.LeakyReLU(negative_slope=0.2),
                layers.ELU(alpha=0.5),
                layers.PReLU(shared_axes=[1, 2]),
                layers.PReLU(shared_axes=[3]),
                layers.PReLU(shared_axes=[1, 2, 3]),
                layers.PReLU(),
                layers.Softmax(axis=1),
                layers.Softmax(axis=[1, 3]),
                conv(3, 2, activation=layers.LeakyReLU(negative_slope=0.3)),
            ],
        ),
    )
    yield (
        "sizes",
        (
            (5, 6, 2),
            [
                layers.ZeroPadding2D(((1, 0), (2, 3))),
                layers.UpSampling2D((2, 3)),
                layers.Cropping2D(((1, 2), (0, 3))),
                layers.CenterCrop(8, 27),
                layers.UpSampling2D(2, interpolation="bilinear"),
                layers.Resizing(7, 9),
                layers.ZeroPadding2D(1),
            ],
        ),
    )
    yield (
        "in_training_alone",
        (
            (6, 5, 3),
            [
                layers.RandomFlip(),
                layers.GaussianNoise(0.3),
                layers.SpatialDropout2D(0.3),
                layers.GaussianDropout(0.2),
                layers.Dropout(0.2, noise_shape=(None, 1, 1, 3)),
                layers.ActivityRegularization(0.1),
                layers.AlphaDropout(0.1),
                conv(2, 3, name="last"),
            ],
        ),
    )
    yield (
        "channels_first",
        (
            (3, 8, 7),
            [
                conv(4, 3, padding="same", data_format="channels_first", activation="relu"),
                layers.BatchNormalization(axis=1),
                layers.MaxPooling2D(2, data_format="channels_first"),
                layers.Flatten(data_format="channels_first"),
                layers.Dense(5),
            ],
        ),
    )
    yield (
        "channels_first_pooled",
        (
            (3, 8, 7),
            [conv(4, 3, data_format="channels_first"), layers.GlobalAveragePooling2D(data_format="channels_first")],
        ),
    )


def graphs(keras):
    """Yield (name, model) of functional models."""
    layers, ops = keras.layers, keras.ops
    x = keras.Input(IMAGE, name="picture")
    a = layers.Conv2D(4, 3, padding="same", name="a")(x)
    b = layers.Conv2D(4, 1, name="b")(x)
    joined = [
        layers.Add()([a, b]), layers.Subtract()([a, b]), layers.Multiply()([a, b]), layers.Average()([a, b, a]),
        layers.Maximum()([a, b]), layers.Minimum()([a, b]),
    ]  # fmt: skip
    y = layers.Concatenate()(joined)
    gate = layers.Dense(24, activation="sigmoid")(layers.GlobalAveragePooling2D()(y))
    y = layers.Multiply()([y, layers.Reshape((1, 1, 24))(gate)])
    y = layers.Multiply()([y, gate])
    y = layers.Concatenate(axis=1)([y, y])
    flat = layers.Concatenate()([layers.Flatten()(a), layers.Flatten()(b), gate])
    yield "joins", keras.Model(x, [y, layers.Dense(3)(flat), flat])

    first, second = keras.Input((8, 8, 3), name="first.one"), keras.Input((8, 8, 3), name="second one")
    y = (first * 2.0 + 1) / (ops.abs(second) + 0.5)
    y = ops.relu(1 - y) + 2.0 / (ops.square(second) + 1.0) - first
    y = ops.mean(y, axis=[1, 2], keepdims=True) * y
    y = y[:, 1:5, ::2, :]
    row = ops.max(y, axis=2) - ops.sum(y, axis=1)
    y = ops.concatenate([y, y], axis=-1)
    y = ops.transpose(y, (0, 3, 1, 2))
    y = ops.reshape(y, (-1, 6, 16))
    y = ops.power(ops.clip(y, 0.1, 6), 1.5)
    y = ops.add(y, np.linspace(0, 1, 16, dtype="float32"))
    y = ops.softmax(ops.maximum(-y, -0.7), axis=1)
    y = ops.squeeze(ops.expand_dims(y, 1), 1)
    parts = ops.split(y, 2, axis=1)
    y = ops.minimum(parts[0], parts[1])
    yield "operations", keras.Model([first, second], [y, row, ops.sqrt(ops.exp(row)) * y[:, 0, :4][:, None, :3]])

    x = keras.Input(IMAGE)
    y = ops.pad(x, [[0, 0], [1, 0], [2, 1], [0, 1]], constant_values=0.5)
    y = ops.image.resize(ops.max_pool(y, 3, 2, padding="same"), (9, 8))
    wide = ops.nn.depth_to_space(y, 2)
    y = ops.average_pool(wide, 2) + ops.nn.space_to_depth(wide, 2)[..., 1:2]
    y = ops.stack([y, y * 2], axis=1)
    yield "image_operations", keras.Model(x, ops.log_softmax(ops.max(y, axis=4), axis=2))

    block = keras.Sequential(
        [layers.Conv2D(3, 3, padding="same", name="conv"), layers.BatchNormalization(name="norm"), layers.ReLU()],
        name="block",
    )
    inner_x = keras.Input((6, 6, 3))
    inner = keras.Model(inner_x, layers.Add()([block(inner_x), inner_x]), name="inner")
    x = keras.Input((6, 6, 3))
    once = inner(block(x))
    twice = inner(once)
    shared = layers.Dense(4, name="head")
    y = shared(layers.Flatten()(twice))
    z = shared(layers.Flatten()(once))
    yield "nested", keras.Model(x, [y, layers.Subtract()([z, y]), inner(twice)])

    base = keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.MaxPooling2D()], name="base")
    head = [layers.Flatten(name="flat"), layers.Dense(5, name="same"), layers.BatchNormalization(name="norm")]
    yield "stacked", keras.Sequential([base, *head])


def vary(model, rng):
    """Move every weight away from where it begins."""
    for variable in model.variables:
        if "seed" in variable.path or "int" in str(variable.dtype):
            continue
        name = variable.path.rpartition("/")[2]
        if name in ("moving_variance", "variance", "gamma", "scale"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        else:
            variable.assign(np.asarray(variable.numpy()) + rng.normal(0, 0.1, variable.shape))


def save(keras, name, model, folder, rng):
    vary(model, rng)
    inputs = [rng.normal(0, 1, (2, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    outputs = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    arrays = {f"x{i}": array for i, array in enumerate(inputs)}
    arrays |= {f"y{i}": keras.ops.convert_to_numpy(output) for i, output in enumerate(outputs)}
    np.savez(folder / f"{name}.npz", **arrays)
    model.save(folder / f"{name}.keras")
    model.save(folder / f"{name}.h5")


def make_models(keras, folder):
    """Save all models in a folder."""
    rng = np.random.default_rng(7)
    names = [
        "relu", "sigmoid", "tanh", "silu", "hard_sigmoid", "hard_silu", "gelu", "elu", "selu", "celu", "softplus",
        "softsign", "mish", "exponential", "relu6", "leaky_relu", "log_sigmoid", "hard_tanh", "linear", "log_softmax",
        "softmax",
    ]  # fmt: skip
    for name, (shape, parts) in chains(keras.layers, names):
        save(keras, name, keras.Sequential([keras.Input(shape), *parts]), folder, rng)
    for name, model in graphs(keras):
        save(keras, name, model, folder, rng)
