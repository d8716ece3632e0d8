"""Golden Grad-CAM maps from pytorch-grad-cam, for test/golden/gradcam.test.ts.

    pip install torch torchvision onnx onnxscript onnxruntime grad-cam numpy
    python test/golden/gradcam.py           # writes test/golden/gradcam/*.onnx, *.bin (small models)
    python test/golden/gradcam.py --full    # DenseNet-121, ResNet-50, VGG16 at 224; writes full_report.json
                                            # (needs `npm run build` before: it runs gradcam_full.mjs)

The small models have torchvision's blocks at reduced width, so that their files can be committed. All have random
weights from a fixed seed and batch-norm statistics calibrated on noise. Each is exported by the TorchScript-based and by
the dynamo-based exporter. ONNX values are matched to PyTorch modules by comparing activations, which also finds names
that differ between exporters.

DenseNet: torchvision applies F.relu(inplace=True) to norm5's output, so that on a CPU pytorch-grad-cam sees norm5's
activation after the ReLU, but the gradient before it. Here the last ReLU is a module of its own, out of place:
'final_relu' is the tensor that enters global pooling and 'features.norm5' is the one before the ReLU, each with its own
gradient. The stock behaviour is a third one; --full reports how far it is from 'features.norm5'.
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
import onnxruntime
import pytorch_grad_cam
import torch
import torchvision
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision.models.densenet import DenseNet
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.vgg import VGG, make_layers

from golden_file import write_golden
from networks import blobs, module_at

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "gradcam")


class OutOfPlaceDenseNet(nn.Module):
    """torchvision's DenseNet with the last ReLU as a module."""

    def __init__(self, net):
        super().__init__()
        self.features, self.classifier = net.features, net.classifier
        self.final_relu = nn.ReLU(inplace=False)

    def forward(self, x):
        x = self.final_relu(self.features(x))
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(x, (1, 1)), 1))


class TinyResNet(ResNet):
    """ResNet-50's blocks at an eighth of the width."""

    def __init__(self):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, 8, 1, 1, 64
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(Bottleneck, 8, 1)
        self.layer2 = self._make_layer(Bottleneck, 16, 2, stride=2)
        self.layer3 = self._make_layer(Bottleneck, 24, 1, stride=2)
        self.layer4 = self._make_layer(Bottleneck, 32, 1, stride=1)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(128, 5)


class WithHead(nn.Module):
    def __init__(self, net, head):
        super().__init__()
        self.net, self.head = net, head

    def forward(self, x):
        return self.head(self.net(x))


def tiny_vgg():
    net = VGG(make_layers([8, "M", 16, "M", 24, 24, "M", 32, 32, "M", 32, "M"], batch_norm=True), num_classes=5)
    net.avgpool = nn.AdaptiveAvgPool2d((2, 2))
    net.classifier = nn.Sequential(nn.Linear(128, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 5))
    return net


def tiny_mobilenet():
    c = lambda *a: InvertedResidualConfig(*a, 1, 1.0)
    settings = [c(8, 3, 8, 8, True, "RE", 2), c(8, 3, 24, 16, False, "RE", 2), c(16, 5, 32, 16, True, "HS", 1), c(16, 5, 48, 24, True, "HS", 2)]
    return MobileNetV3(settings, last_channel=32, num_classes=5)


def small_models():
    """name → (model, PyTorch target modules, the last one also what Sightline must choose by itself)."""
    densenet = lambda: OutOfPlaceDenseNet(DenseNet(growth_rate=8, block_config=(2, 2, 2, 2), num_init_features=16, num_classes=5))
    return {
        "densenet": (densenet, ["features.denseblock3", "features.norm5", "final_relu"]),
        "resnet": (TinyResNet, ["layer2", "layer3", "layer4"]),
        "vgg": (tiny_vgg, ["features.7", "features.20", "features.24", "features.25"]),
        "mobilenet": (tiny_mobilenet, ["features.2", "features.4", "features.5"]),
    }


def full_models():
    m = torchvision.models
    return {
        "densenet121": (lambda: OutOfPlaceDenseNet(m.densenet121(weights=None)), ["features.norm5", "final_relu"]),
        "resnet50": (lambda: m.resnet50(weights=None), ["layer3", "layer4"]),
        "vgg16": (lambda: m.vgg16(weights=None), ["features.29", "features.30"]),
    }


def prepared(build, seed, size):
    """Random weights from a seed, batch-norm statistics from noise, in evaluation mode."""
    torch.manual_seed(seed)
    model = build()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
            module.momentum = None
    model.train()
    with torch.no_grad():
        model(torch.randn(8, 3, size, size))
    return model.eval()


def cam(model, path, images, classes):
    with GradCAM(model=model, target_layers=[module_at(model, path)]) as explain:
        return explain(input_tensor=images, targets=[ClassifierOutputTarget(int(k)) for k in classes])


def activation(model, path, images):
    seen = []
    # Cloned at once: an in-place ReLU that follows would change it.
    hook = module_at(model, path).register_forward_hook(lambda _m, _i, out: seen.append(out.detach().clone()))
    with torch.no_grad():
        model(images)
    hook.remove()
    return seen[0].numpy()


def export(model, images, path, exporter):
    kwargs = dict(input_names=["input"], output_names=["output"], opset_version=17 if exporter == "torchscript" else 18)
    if exporter == "torchscript":
        torch.onnx.export(model, (images,), path, dynamo=False, dynamic_axes={"input": {0: "batch"}}, **kwargs)
    else:
        torch.onnx.export(model, (images,), path, dynamo=True, external_data=False, verbose=False, **kwargs)
        # Tracebacks and module paths of the exporting machine are of no use to anyone.
        proto = onnx.load(path)
        for node in proto.graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
        for value in list(proto.graph.value_info) + list(proto.graph.input) + list(proto.graph.output):
            del value.metadata_props[:]
        onnx.save(proto, path)


def onnx_value(path, images, wanted):
    """Name of the first ONNX value equal to `wanted` (identity poolings may follow it)."""
    proto = onnx.shape_inference.infer_shapes(onnx.load(path))
    names = [v.name for v in proto.graph.value_info if len(v.type.tensor_type.shape.dim) == 4]
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for name, value in zip(names, session.run(names, {"input": images.numpy()})):
        if value.shape == wanted.shape and np.abs(value - wanted).max() <= 1e-4 * max(1.0, np.abs(wanted).max()):
            return name
    raise SystemExit(f"no ONNX value of {path} equals the PyTorch activation")


def varied(model, path, images):
    """A class per sample whose map is not constant."""
    with torch.no_grad():
        order = model(images).argsort(dim=1, descending=True)
    for rank in range(order.shape[1]):
        classes = order[:, rank].tolist()
        if all(m.std() > 0.02 for m in cam(model, path, images, classes)):
            return classes
    raise SystemExit(f"every class gives a constant map at {path}: choose another seed")


def kink_distance(model, images):
    """Smallest |input| of any ReLU: the gradient jumps there, and an exporter's fused batch-norm rounds differently."""
    seen = []
    hooks = [m.register_forward_pre_hook(lambda _m, i: seen.append(i[0].abs().min().item())) for m in model.modules() if isinstance(m, nn.ReLU)]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return min(seen)


def versions():
    return {
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
        "grad-cam": getattr(pytorch_grad_cam, "__version__", None) or __import__("importlib.metadata").metadata.version("grad-cam"),
        "onnx": onnx.__version__,
    }


def produce(folder, name, build, layers, seed, size, batch, exporters, double=False):
    model, images = prepared(build, seed, size), blobs(batch, size, seed + 1)
    while size < 224 and kink_distance(model, images) < 2e-5:
        seed += 1
        model, images = prepared(build, seed, size), blobs(batch, size, seed + 1)
    with torch.no_grad():
        arrays = {"images": images.numpy(), "logits": model(images).numpy()}
    header = {"format": 1, "model": name, "seed": seed, "versions": versions(), "layers": [], "onnx": {}}
    for layer in layers:
        classes = varied(model, layer, images)
        arrays[f"cam:{layer}"] = cam(model, layer, images, classes)
        header["layers"].append({"module": layer, "classes": classes})
        if double:
            # PyTorch against itself in float64: how far rounding alone moves a map, where it flips a ReLU near zero.
            arrays[f"cam64:{layer}"] = cam(copy.deepcopy(model).double(), layer, images.double(), classes)
    for exporter in exporters:
        file = f"{name}_{exporter}.onnx"
        export(model, images, os.path.join(folder, file), exporter)
        values = {layer: onnx_value(os.path.join(folder, file), images, activation(model, layer, images)) for layer in layers}
        header["onnx"][file] = values
    write_golden(os.path.join(folder, f"{name}.bin"), header, arrays)
    return model, images


def full():
    report = {"versions": versions(), "size": 224, "batch": 2, "models": {}}
    with tempfile.TemporaryDirectory() as folder:
        stock = {}
        for name, (build, layers) in full_models().items():
            model, images = produce(folder, name, build, layers, 5, 224, 2, ["torchscript", "dynamo"], True)
            if name == "densenet121":
                # torchvision's own forward, with the in-place ReLU.
                net = torchvision.models.densenet121(weights=None)
                net.features, net.classifier = model.features, model.classifier
                net.eval()
                classes = model(images).argmax(1).tolist()
                ours = cam(model, "features.norm5", images, classes)
                stock = {"stock in-place norm5 against norm5 before the ReLU": float(np.abs(cam(net, "features.norm5", images, classes) - ours).max())}
        result = subprocess.run(["node", os.path.join(HERE, "gradcam_full.mjs"), folder], capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(result.stderr)
        report["models"] = json.loads(result.stdout)
        report["densenet_in_place_relu"] = stock
    with open(os.path.join(FOLDER, "full_report.json"), "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    if parser.parse_args().full:
        full()
        sys.exit()
    os.makedirs(FOLDER, exist_ok=True)
    for name, (build, layers) in small_models().items():
        produce(FOLDER, name, build, layers, 3, 64, 2, ["torchscript", "dynamo"])
