"""Golden Deep Taylor maps from iNNvestigate 1.x (which IDEAL used) and 2.x, for test/golden/relevance.test.ts.

iNNvestigate 1.x needs TensorFlow 1, 2.x needs TensorFlow 2, and 1.0.8 differs from 1.0.9 (it keeps the biases): three
environments, one script.

    Python 3.10: pip install "tensorflow-cpu==2.14.*" innvestigate==2.1.2 tf2onnx "onnx<1.17" "numpy<2"
    Python 3.7:  pip install tensorflow==1.15.5 keras==2.2.4 innvestigate==1.0.9 "h5py<3" "protobuf<3.21" "numpy<1.19"
    Python 3.7:  the same with innvestigate==1.0.8

    python3.10 test/golden/innvestigate_maps.py export  FOLDER   # models as ONNX, weights and images as .npz
    python3.10 test/golden/innvestigate_maps.py analyse FOLDER
    python3.7  test/golden/innvestigate_maps.py analyse FOLDER    # in both environments
    python3.10 test/golden/innvestigate_maps.py pack    FOLDER   # writes test/golden/innvestigate/*.onnx, *.bin

Keras models are exported without fusing batch norms into convolutions: iNNvestigate 2.x scales relevance by a norm's
gamma/sigma, 1.x hands it through unchanged, and neither can be reproduced from a file in which the norm is gone.
The bounded analyser looks for a kernel right at the input: it does not see through ZeroPadding2D, and then silently takes
alpha-beta. Only the networks without padding there are compared bounded.
"""

import json
import os
import random
import sys

import numpy as np

from golden_file import write_golden

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "innvestigate")
LOW, HIGH = -3.0, 4.0


def norm_relu(L, x, name):
    x = L.BatchNormalization(epsilon=1.001e-5, name=name + "_bn")(x)
    return L.Activation("relu", name=name + "_relu")(x)


def vgg(L, x):
    for block, (width, count) in enumerate([(8, 1), (12, 2), (16, 2)]):
        for i in range(count):
            x = L.Conv2D(width, 3, padding="same", activation="relu", name="b%dc%d" % (block, i))(x)
        x = L.MaxPooling2D(2, name="b%dpool" % block)(x)
    x = L.Flatten(name="flatten")(x)
    x = L.Dense(24, activation="relu", name="fc1")(x)
    return L.Dense(4, name="out")(x)


def resnet(L, x):
    def block(x, width, stride, name):
        if stride > 1:
            short = L.BatchNormalization(name=name + "_0_bn")(L.Conv2D(4 * width, 1, strides=stride, name=name + "_0")(x))
        else:
            short = x
        x = norm_relu(L, L.Conv2D(width, 1, strides=stride, name=name + "_1")(x), name + "_1")
        x = norm_relu(L, L.Conv2D(width, 3, padding="same", name=name + "_2")(x), name + "_2")
        x = L.BatchNormalization(name=name + "_3_bn")(L.Conv2D(4 * width, 1, name=name + "_3")(x))
        return L.Activation("relu", name=name + "_out")(L.Add(name=name + "_add")([short, x]))

    x = L.ZeroPadding2D(3, name="stem_pad")(x)
    x = norm_relu(L, L.Conv2D(8, 7, strides=2, name="stem")(x), "stem")
    x = L.MaxPooling2D(3, strides=2, name="stem_pool")(L.ZeroPadding2D(1, name="pool_pad")(x))
    for i, stride in enumerate([2, 1, 2]):
        x = block(x, 4 + 2 * (i // 2), stride, "block%d" % i) if stride > 1 else block(x, 4, stride, "block%d" % i)
    x = L.GlobalAveragePooling2D(name="pool")(x)
    return L.Dense(4, name="out")(x)


def densenet(L, x):
    x = norm_relu(L, L.Conv2D(8, 7, strides=2, padding="same", use_bias=False, name="stem")(x), "stem")
    x = L.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    for block in range(2):
        for i in range(3):
            name = "block%d_%d" % (block, i)
            y = L.Conv2D(16, 1, use_bias=False, name=name + "_1")(norm_relu(L, x, name + "_0"))
            y = L.Conv2D(4, 3, padding="same", use_bias=False, name=name + "_2")(norm_relu(L, y, name + "_1"))
            x = L.Concatenate(name=name + "_concat")([x, y])
        if block == 0:
            x = L.Conv2D(10, 1, use_bias=False, name="transition")(norm_relu(L, x, "transition"))
            x = L.AveragePooling2D(2, name="transition_pool")(x)
    x = L.GlobalAveragePooling2D(name="pool")(norm_relu(L, x, "last"))
    return L.Dense(4, name="out")(x)


SMALL = {"vgg": vgg, "resnet": resnet, "densenet": densenet}
SIZE = 48


def keras():
    """Keras as the installed iNNvestigate wants it."""
    try:
        import tensorflow as tf

        if tf.__version__.startswith("2"):
            return tf.keras
    except ImportError:
        pass
    import keras as standalone

    return standalone


def build(name):
    k = keras()
    image = k.layers.Input(shape=(SIZE, SIZE, 3), name="image")
    return k.models.Model(image, SMALL[name](k.layers, image))


def blobs(rng):
    coarse = rng.normal(size=(1, SIZE // 8, SIZE // 8, 3))
    image = np.kron(coarse, np.ones((1, 8, 8, 1))) + 0.3 * rng.normal(size=(1, SIZE, SIZE, 3))
    return np.clip(image, LOW, HIGH).astype(np.float32)


def export(folder):
    import tensorflow as tf
    import tf2onnx
    import tf2onnx.optimizer

    del tf2onnx.optimizer._optimizers["remove_back_to_back"]
    os.makedirs(folder, exist_ok=True)
    for name in SMALL:
        rng = np.random.default_rng(7)
        tf.keras.utils.set_random_seed(7)
        model = build(name)
        for layer in model.layers:
            if isinstance(layer, tf.keras.layers.BatchNormalization):
                gamma, beta, mean, variance = layer.get_weights()
                layer.set_weights([rng.uniform(0.5, 1.5, gamma.shape), rng.uniform(-0.3, 0.3, beta.shape), mean, variance])
                layer.momentum = 0.0
            elif layer.weights and layer.get_weights()[-1].ndim == 1 and len(layer.get_weights()) == 2:
                kernel, bias = layer.get_weights()
                layer.set_weights([kernel, rng.uniform(-0.1, 0.1, bias.shape)])
        model(np.concatenate([blobs(rng) for _ in range(4)]), training=True)
        image = blobs(rng)
        logits = model(image).numpy()
        assert logits.max() > 0, name
        np.savez(os.path.join(folder, name + ".npz"), image=image, logits=logits, *model.get_weights())
        signature = [tf.TensorSpec([None, SIZE, SIZE, 3], tf.float32, name="image")]
        tf2onnx.convert.from_keras(model, signature, opset=15, output_path=os.path.join(folder, name + ".onnx"))


def analyse(folder):
    import tensorflow as tf

    two = tf.__version__.startswith("2")
    if two:
        tf.compat.v1.disable_eager_execution()
    import innvestigate
    import pkg_resources

    version = pkg_resources.get_distribution("innvestigate").version
    plain = {"1.0.8": "innvestigate-1.0.8", "1.0.9": "innvestigate-1", "2.1.2": "innvestigate-2"}[version]
    for name in SMALL:
        stored = np.load(os.path.join(folder, name + ".npz"))
        model = build(name)
        model.set_weights([stored["arr_%d" % i] for i in range(len(stored.files) - 2)])
        image, logits = stored["image"], stored["logits"]
        assert np.abs(model.predict(image) - logits).max() < 1e-3 * np.abs(logits).max()
        analysers = {plain: ("deep_taylor", {})}
        if two and name in ("vgg", "densenet"):
            analysers["innvestigate-2-bounded"] = ("deep_taylor.bounded", {"low": LOW, "high": HIGH})
        out = {}
        for preset, (method, options) in analysers.items():
            analyser = innvestigate.create_analyzer(method, model, neuron_selection_mode="index", **options)
            out[preset] = analyser.analyze(image, int(logits.argmax()))
            if isinstance(out[preset], dict):
                out[preset] = next(iter(out[preset].values()))
            out[preset] = np.asarray(out[preset]).reshape(image.shape)
        np.savez(os.path.join(folder, "%s.%s.npz" % (name, version)), **out)
        print(name, {k: (float(v.sum()), float(logits.max())) for k, v in out.items()})


def pack(folder):
    import shutil

    os.makedirs(FOLDER, exist_ok=True)
    versions = {"innvestigate": "1.0.8, 1.0.9 and 2.1.2", "tensorflow": "1.15.5 and 2.14.1", "tf2onnx": "1.17.0"}
    first = lambda array: np.transpose(array, (0, 3, 1, 2))
    for name in SMALL:
        stored = np.load(os.path.join(folder, name + ".npz"))
        arrays = {"images": first(stored["image"]), "logits": stored["logits"]}
        for version in ["1.0.8", "1.0.9", "2.1.2"]:
            path = os.path.join(folder, "%s.%s.npz" % (name, version))
            if os.path.exists(path):
                arrays.update({"relevance:" + k: first(v) for k, v in np.load(path).items()})
        header = {"format": 1, "model": name, "versions": versions, "layers": [], "class": int(stored["logits"].argmax()),
                  "low": LOW, "high": HIGH, "float32": {}, "onnx": {name + ".onnx": {}}}
        write_golden(os.path.join(FOLDER, name + ".bin"), header, arrays)
        shutil.copy(os.path.join(folder, name + ".onnx"), os.path.join(FOLDER, name + ".onnx"))


if __name__ == "__main__":
    random.seed(7)
    {"export": export, "analyse": analyse, "pack": pack}[sys.argv[1]](sys.argv[2])
