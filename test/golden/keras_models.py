"""Golden LayersModels from Keras 2 and Keras 3, for test/golden/keras.test.ts.

    pip install "tensorflow-cpu==2.16.2" "numpy<2"          # brings Keras 3
    pip install --no-deps tf_keras==2.16.0 tensorflowjs==4.22.0
    python test/golden/keras_models.py             # writes test/golden/keras/<flavour>/<model>/
    python test/golden/keras_models.py --full OUT  # whole keras.applications with random weights, into another folder

Three flavours, as tensorflowjs's own converter writes them: `keras2` (tf_keras, HDF5), `keras3_h5` (Keras 3, HDF5) and
`keras3` (Keras 3, the .keras format, whose weights are numbered by layer class). Each folder holds model.json, its
weights and golden.bin: the image batch and what Keras computes from it.

`layers` has one output per layer, flattened by Keras; mostly what TensorFlow.js cannot compute itself. `classifier` has
MobileNetV3's ways of writing: arithmetic between layers, squeeze and excitation, a nested model that is used twice.
"""

import argparse
import json
import os
import shutil
import struct
import sys
import tempfile
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def flavours():
    import keras
    import tf_keras

    return {"keras2": tf_keras, "keras3_h5": keras, "keras3": keras}


def seed_weights(model):
    """Values that no initialiser gives: biases and statistics are not left at 0 and 1."""
    rng = np.random.default_rng(3)
    values = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        name = weight.name
        if "count" in name:
            values.append(np.asarray(weight))
        elif "variance" in name or "gamma" in name:
            values.append(rng.uniform(0.5, 1.5, shape).astype(np.float32))
        else:
            fan = max(1, int(np.prod(shape[:-1])))
            values.append((rng.normal(size=shape) / np.sqrt(fan)).astype(np.float32))
    model.set_weights(values)


def layers_model(K):
    """One output per layer."""
    L = K.layers
    image = K.Input((9, 8, 4), name="image")
    sequence = L.Reshape((18, -1), name="sequence")(image)
    vector = L.GlobalAveragePooling2D(name="vector")(image)
    same = {"padding": "same"}
    outputs = {
        "elu": L.ELU(alpha=0.7)(image),
        "relu_all": L.ReLU(max_value=0.8, negative_slope=0.2, threshold=0.1)(image),
        "leaky_relu": L.LeakyReLU()(image),
        "prelu": L.PReLU(shared_axes=[1, 2])(image),
        "softmax_rows": L.Softmax(axis=1)(image),
        "hard_sigmoid": L.Activation("hard_sigmoid")(image),
        "gelu": L.Activation("gelu")(image),
        "batch_norm_rows": L.BatchNormalization(axis=1)(image),
        "batch_norm_rank2": L.BatchNormalization()(vector),
        "group_norm": L.GroupNormalization(groups=2)(image),
        "layer_norm": L.LayerNormalization(axis=[1, 2, 3])(image),
        "layer_norm_plain": L.LayerNormalization(center=False, scale=False)(sequence),
        "unit_norm": L.UnitNormalization()(image),
        "normalization": L.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 0.1])(image),
        "rescaling": L.Rescaling(scale=[1.0, 2.0, 3.0, 4.0], offset=[0.5, 0.0, 0.0, -1.0])(image),
        "resizing": L.Resizing(5, 13)(image),
        "resizing_nearest": L.Resizing(5, 13, interpolation="nearest")(image),
        "up_bilinear": L.UpSampling2D((2, 3), interpolation="bilinear")(image),
        "up_1d": L.UpSampling1D(2)(sequence),
        "centre_crop": L.CenterCrop(4, 5)(image),
        "pad_1d": L.ZeroPadding1D((1, 2))(sequence),
        "crop_1d": L.Cropping1D((1, 2))(sequence),
        "conv_groups": L.Conv2D(6, 3, groups=2, **same)(image),
        "conv_activation_layer": L.Conv2D(2, 3, activation=L.LeakyReLU(0.05))(image),
        "conv_causal": L.Conv1D(3, 3, padding="causal", dilation_rate=2)(sequence),
        "separable_1d": L.SeparableConv1D(5, 3, depth_multiplier=2)(sequence),
        "depthwise_1d": L.DepthwiseConv1D(3, **same)(sequence),
        "transpose_1d": L.Conv1DTranspose(3, 4, strides=2, **same)(sequence),
        "transpose_out": L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1)(image),
        "pool_keepdims": L.GlobalMaxPooling2D(keepdims=True)(image),
        "permute_pool": L.GlobalAveragePooling2D()(L.Permute((3, 1, 2))(image)),
        "dense_after": L.Dense(3, use_bias=False)(L.Flatten()(image)),
        "subtract": L.Subtract()([image, L.Conv2D(4, 1, name="for_subtract")(image)]),
        "multiply_ranks": L.Multiply()([image, vector]),
        "dot": L.Dot(axes=(1, 1))([sequence, L.Conv1D(2, 1, name="for_dot")(sequence)]),
        "dot_normalised": L.Dot(axes=1, normalize=True)([vector, L.Dense(4, name="for_cosine")(vector)]),
        "noise": L.GaussianNoise(0.5)(L.SpatialDropout2D(0.5)(image)),
        "flip": L.RandomFlip()(image),
    }
    flat = [L.Flatten(name=f"flat_{name}")(value) for name, value in outputs.items()]
    return K.Model(image, flat, name="layers"), list(outputs)


def classifier_model(K):
    """MobileNetV3's style, small."""
    L = K.layers

    def hard_swish(x):
        return x * (L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0))

    def gate(x, channels, name):
        s = L.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
        s = L.Conv2D(max(2, channels // 4), 1, activation="relu", name=f"{name}_reduce")(s)
        s = L.Conv2D(channels, 1, activation="hard_sigmoid", name=f"{name}_expand")(s)
        return L.Multiply(name=f"{name}_excite")([x, s])

    image = K.Input((32, 32, 1), name="image")
    x = 1.0 - L.Rescaling(1 / 0.5, offset=-1.0)(image)
    x = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = hard_swish(L.BatchNormalization(epsilon=1e-3)(x))
    inner_input = K.Input((16, 16, 8))
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(inner_input)
    y = L.BatchNormalization()(y)
    y = L.Activation("swish")(y)
    inner = K.Model(inner_input, gate(y, 8, "gate"), name="block")
    # The nested model twice, and layers of the same classes in both models: weights must not be mixed up.
    x = L.Dropout(0.2, noise_shape=(None, 1, 1, 1), name="drop_path")(inner(x)) + x
    x = L.Concatenate()([x, inner(x)])
    deep = K.Sequential(
        [L.Input((16, 16, 16)) if K.__version__[0] == "3" else L.InputLayer((16, 16, 16))]
        + [L.SeparableConv2D(12, 3, strides=2, padding="same"), L.BatchNormalization(), L.ReLU()],
        name="deep",
    )
    x = deep(x)
    x = L.GlobalAveragePooling2D(name="pool")(x)
    x = L.Dropout(0.3, name="dropout")(x)
    x = L.Dense(3, name="scores")(x)
    return K.Model(image, L.Activation("softmax", name="predictions")(x), name="classifier"), ["predictions"]


def convert(flavour, model, folder, shard=1 << 22):
    # The converter imports these for other formats than the ones used here.
    for unused in ("tensorflow_decision_forests", "tensorflow_hub", "jax", "jax.experimental", "jax.experimental.jax2tf"):
        sys.modules.setdefault(unused, types.ModuleType(unused))
    from tensorflowjs.converters import converter

    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with tempfile.TemporaryDirectory() as scratch:
        if flavour == "keras3":
            path = os.path.join(scratch, "model.keras")
            model.save(path)
            convert_file = converter.dispatch_keras_keras_to_tfjs_layers_model_conversion
        else:
            path = os.path.join(scratch, "model.h5")
            if flavour == "keras2":
                model.save(path, include_optimizer=False)
            else:
                model.save(path)
            convert_file = converter.dispatch_keras_h5_to_tfjs_layers_model_conversion
        convert_file(path, output_dir=folder, weight_shard_size_bytes=shard)


def write_golden(path, header, arrays):
    """'SLGOLD1\\n', header length u32le, JSON header, float32 data."""
    listed, offset, data = [], 0, []
    for name, array in arrays.items():
        array = np.ascontiguousarray(array, dtype="<f4")
        listed.append({"name": name, "dims": list(array.shape), "offset": offset})
        offset += array.size
        data.append(array.tobytes())
    text = json.dumps({**header, "arrays": listed}).encode()
    with open(path, "wb") as file:
        file.write(b"SLGOLD1\n" + struct.pack("<I", len(text)) + text + b"".join(data))


def golden(flavour, K, name, model, outputs, folder, batch):
    _, height, width, channels = model.input_shape
    images = np.random.default_rng(5).normal(size=(batch, height, width, channels)).astype(np.float32)
    # Unlike each other, so that they get unlike scores.
    images = images + np.linspace(-1, 1, batch, dtype=np.float32)[:, None, None, None]
    values = model(images, training=False)
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    convert(flavour, model, folder)
    versions = {"keras": K.__version__, "tensorflowjs": __import__("tensorflowjs").__version__}
    arrays = {"images": images.transpose(0, 3, 1, 2)}
    arrays.update({f"output:{key}": np.asarray(value) for key, value in zip(outputs, values)})
    write_golden(os.path.join(folder, "golden.bin"), {"model": name, "versions": versions}, arrays)
    size = sum(os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder))
    print(f"{flavour}/{name}: {model.count_params()} parameters, {size / 1024:.0f} KiB")


APPLICATIONS = {
    "MobileNet": 224, "MobileNetV2": 224, "MobileNetV3Small": 224, "DenseNet121": 224, "ResNet50": 224,
    "ResNet50V2": 224, "VGG16": 224, "InceptionV3": 299, "Xception": 299, "EfficientNetB0": 224,
    "EfficientNetV2B0": 224, "NASNetMobile": 224, "ConvNeXtTiny": 224,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", metavar="OUT")
    parser.add_argument("--only", nargs="*", default=list(APPLICATIONS))
    args = parser.parse_args()
    for flavour, K in flavours().items():
        if not args.full:
            for build in (layers_model, classifier_model):
                model, outputs = build(K)
                seed_weights(model)
                golden(flavour, K, model.name, model, outputs, os.path.join(HERE, "keras", flavour, model.name), 2)
            continue
        for name in args.only:
            side = APPLICATIONS[name]
            try:
                base = getattr(K.applications, name)(weights=None, include_top=False, input_shape=(side, side, 3))
                model = K.Sequential([base, K.layers.GlobalAveragePooling2D(), K.layers.Dense(4)])
                model.build((None, side, side, 3))
                golden(flavour, K, name, model, ["predictions"], os.path.join(args.full, flavour, name), 1)
            except Exception as error:  # noqa: BLE001: one that cannot be saved is no reason to stop
                print(f"{flavour}/{name}: {type(error).__name__}: {str(error)[:200]}")
            K.backend.clear_session()


if __name__ == "__main__":
    main()
