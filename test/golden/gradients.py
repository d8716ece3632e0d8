"""Golden gradients from PyTorch's autograd in float64, for test/golden/gradients.test.ts.

    pip install torch torchvision timm onnx onnxscript onnxruntime numpy
    python test/golden/gradients.py           # writes test/golden/gradients/*.onnx, *.bin (networks.py)
    python test/golden/gradients.py --full    # ten torchvision models at full size; writes full_report.json
                                              # (needs `npm run build` before: it runs gradients_full.mjs)

The derivative of a network of ReLUs and max-poolings jumps where a pre-activation is zero or two pixels are equal. Where
rounding decides on which side a value falls, float32 implementations differ from each other and from float64 by more
than rounding, and neither is wrong. Hence
  - small networks: the seed is the first with which slight changes of the weights leave the gradient (almost) unchanged,
    so that no value is near a jump;
  - full size, where no such image exists: the report gives PyTorch's own float32 error beside ours, for the image of
    TRIES on which PyTorch's float32 is nearest to its float64; and evaluates the compiled graph in float64 as well, where
    all that is left of the difference would be an error of the graph.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import timm
import torch
import torchvision

from gradcam import write_golden
from gradients_float64 import evaluate
from networks import as_feature_map, blobs, export, gradients, onnx_value, prepared, relative_l2, timm_networks, torchvision_networks

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "gradients")
# Perturbation of weights and image: well above the differences between implementations in float32.
NUDGE = 3e-6
TRIES = 20


def versions():
    return {module.__name__: module.__version__.split("+")[0] for module in (torch, torchvision, timm, onnx)}


def far_from_jumps(model, images, classes, expected, times=6):
    """Whether slight random changes of every weight and pixel leave the gradient as it is."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(times):
        nudged = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in nudged.parameters():
                parameter *= 1 + NUDGE * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        near = images + NUDGE * torch.randn(images.shape, generator=generator, dtype=images.dtype)
        if relative_l2(gradients(nudged, near, classes)[1], expected) > 50 * NUDGE:
            return False
    return True


def settled(network, first_seed):
    """The network and images of the first seed without values near a jump, and their float64 versions."""
    for seed in range(first_seed, first_seed + 200):
        model, images = prepared(network.build, seed, network.size), blobs(2, network.size, seed + 1)
        double = copy.deepcopy(model).double()
        with torch.no_grad():
            order = double(images.double()).argsort(dim=1, descending=True)
        # One sample's best class and the other's second best.
        classes = [int(order[0, 0]), int(order[1, 1])]
        if far_from_jumps(double, images.double(), classes, gradients(double, images.double(), classes)[1]):
            return seed, model, double, images, classes
    raise SystemExit("every seed puts a value near a jump")


def produce(name, network):
    seed, model, double, images, classes = settled(network, 3)
    layer = network.layers[0]
    single = gradients(model, images, classes, layer)
    logits, gradient, activation, at_layer = gradients(double, images.double(), classes, layer)
    as_map = lambda value: as_feature_map(value, network)
    arrays = {"images": images.numpy(), "logits": logits, "gradient": gradient, "activation": as_map(activation), "layer_gradient": as_map(at_layer)}
    error = {"pytorch float32, gradient": relative_l2(single[1], gradient), "pytorch float32, layer gradient": relative_l2(single[3], at_layer)}
    header = {"format": 1, "model": name, "seed": seed, "versions": versions(), "classes": classes, "layer": layer, "error": error, "onnx": {}}
    for exporter, opset, dynamic in network.exports:
        file = f"{name}_{exporter}{opset}.onnx"
        export(model, images, os.path.join(FOLDER, file), exporter, opset, dynamic)
        header["onnx"][file] = onnx_value(os.path.join(FOLDER, file), images, single[2])
        assert os.path.getsize(os.path.join(FOLDER, file)) < 300_000, file
    write_golden(os.path.join(FOLDER, f"{name}.bin"), header, arrays)
    print(name, "seed", seed, error, flush=True)


def full_models():
    models = {
        name: (lambda build=getattr(torchvision.models, name): build(weights=None), 224)
        for name in ("densenet121", "resnet50", "vgg16_bn", "efficientnet_b0", "mobilenet_v3_large", "convnext_tiny", "vit_b_16", "swin_t", "regnet_y_400mf")
    }
    models["inception_v3"] = (lambda: torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False), 299)
    return models


def calmest(model, double, size):
    """The image, of TRIES, on which PyTorch's float32 gradient is nearest to its float64 one."""
    best = None
    deviations = []
    for seed in range(TRIES):
        images = blobs(1, size, seed)
        single = gradients(model, images, [0])
        exact = gradients(double, images.double(), [0])
        deviations.append(relative_l2(single[1], exact[1]))
        if best is None or deviations[-1] < best[0]:
            best = (deviations[-1], seed, images, single, exact)
    return *best[1:], float(np.median(deviations))


def full(only):
    report = {"versions": versions(), "images": TRIES, "models": {}}
    for name, (build, size) in full_models().items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            model = prepared(build, 5, size)
            double = copy.deepcopy(model).double()
            seed, images, single, exact, median = calmest(model, double, size)
            yardstick = {"image": seed, "pytorch float32 against float64": relative_l2(single[1], exact[1]), "the same, median over images": median}
            export(model, images, os.path.join(folder, "model.onnx"), "torchscript", 17, True)
            arrays = {"images": images.numpy(), "logits64": exact[0], "single": single[1], "double": exact[1]}
            write_golden(os.path.join(folder, "golden.bin"), {"classes": [0]}, arrays)
            # Exporters, too, fold batch norms, which rounds the weights.
            unfolded = os.path.join(folder, "unfolded.onnx")
            options = dict(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, opset_version=17)
            torch.onnx.export(model, (images,), unfolded, dynamo=False, input_names=["input"], output_names=["output"], **options)
            result = subprocess.run(["node", os.path.join(HERE, "gradients_full.mjs"), folder], capture_output=True, text=True)
            if result.returncode:
                raise SystemExit(result.stderr)
            ours = evaluate(os.path.join(folder, "compiled.onnx"), {"image": images.double().numpy(), "class_index": np.array([0])})
            in_double = {"graph evaluated in float64 against pytorch float64": relative_l2(ours["input_gradient"], exact[1])}
            report["models"][name] = {**yardstick, **json.loads(result.stdout), **in_double}
            print(name, report["models"][name], flush=True)
    with open(os.path.join(FOLDER, "full_report.json"), "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("networks", nargs="*", help="only these")
    options = parser.parse_args()
    torch.set_num_threads(2)
    os.makedirs(FOLDER, exist_ok=True)
    if options.full:
        full(options.networks)
        sys.exit()
    for name, network in {**torchvision_networks(), **timm_networks()}.items():
        if not options.networks or name in options.networks:
            produce(name, network)
