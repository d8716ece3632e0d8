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
  - full size, where few images are like that: the report gives PyTorch's own float32 error beside ours, over TRIES images;
    and evaluates the compiled graph in float64 as well, where all that is left of the difference would be an error of the
    graph.
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
from torch import nn
from torchvision.models.inception import BasicConv2d

from golden_file import write_golden
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


def has_jumps(model):
    """Whether the gradient jumps anywhere: a network of SiLU, GELU and averages is the same on every image."""
    return any(isinstance(module, (nn.ReLU, nn.Hardswish, nn.MaxPool2d, BasicConv2d)) for module in model.modules())


def full_gradients(model, double, size):
    """Images, PyTorch's float32 and float64 gradients of each, and the float64 logits."""
    images, single, exact, logits = [], [], [], []
    for seed in range(TRIES if has_jumps(model) else 2):
        images.append(blobs(1, size, seed))
        single.append(gradients(model, images[-1], [0])[1])
        values = gradients(double, images[-1].double(), [0])
        logits.append(values[0])
        exact.append(values[1])
    return torch.cat(images), *(np.concatenate(parts) for parts in (single, exact, logits))


def summary(deviations):
    return {"least": float(np.min(deviations)), "median": float(np.median(deviations)), "largest": float(np.max(deviations))}


def full(only):
    path = os.path.join(FOLDER, "full_report.json")
    report = {"versions": versions(), "models": {}}
    if only and os.path.exists(path):
        with open(path) as file:
            report["models"] = json.load(file)["models"]
    for name, (build, size) in full_models().items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            model = prepared(build, 5, size)
            double = copy.deepcopy(model).double()
            images, single, exact, logits = full_gradients(model, double, size)
            export(model, images[:1], os.path.join(folder, "model.onnx"), "torchscript", 17, True)
            arrays = {"images": images.numpy(), "logits64": logits, "single": single, "double": exact}
            write_golden(os.path.join(folder, "golden.bin"), {"class": 0}, arrays)
            # Exporters, too, fold batch norms, which rounds the weights.
            unfolded = os.path.join(folder, "unfolded.onnx")
            options = dict(training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, opset_version=17)
            torch.onnx.export(model, (images[:1],), unfolded, dynamo=False, input_names=["input"], output_names=["output"], **options)
            result = subprocess.run(["node", os.path.join(HERE, "gradients_full.mjs"), folder], capture_output=True, text=True)
            if result.returncode:
                raise SystemExit(result.stderr)
            ours = json.loads(result.stdout)
            # The image on which Sightline's float32 is farthest from float64: nothing of it must remain in float64.
            worst = int(np.argmax(ours["gradients against pytorch float64"]))
            feeds = {"image": images[worst : worst + 1].double().numpy(), "class_index": np.array([0])}
            in_double = evaluate(os.path.join(folder, "compiled.onnx"), feeds)["input_gradient"]
            report["models"][name] = {
                "images": len(images),
                "logits against pytorch float64, largest": max(ours["logits against pytorch float64"]),
                "pytorch float32 against float64": summary([relative_l2(a, b) for a, b in zip(single, exact)]),
                "sightline float32 against pytorch float64": summary(ours["gradients against pytorch float64"]),
                "sightline float32 against pytorch float32": summary(ours["gradients against pytorch float32"]),
                "compiled graph evaluated in float64 against pytorch float64, on the worst image": relative_l2(in_double, exact[worst : worst + 1]),
            }
            print(name, report["models"][name], flush=True)
        with open(path, "w") as file:
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
