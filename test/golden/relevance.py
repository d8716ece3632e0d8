"""Golden relevance maps (Deep Taylor, LRP) from zennit and Captum, for test/golden/relevance.test.ts.

    pip install torch torchvision onnx onnxscript onnxruntime grad-cam zennit captum numpy
    python test/golden/relevance.py           # writes test/golden/relevance/*.bin for gradcam.py's small models
    python test/golden/relevance.py --full    # DenseNet-121, ResNet-50, VGG16 at 224; writes full_report.json
                                              # (needs `npm run build` before: it runs relevance_full.mjs)

Everything is computed in float64, so that the golden files hold the formulas' values rather than one order of summation.
The models are rebuilt from the seeds in gradcam/*.bin, whose ONNX files the test compiles.

How zennit is brought to run on each network:
  - batch norm behind a convolution is merged into it (zennit's canonizers for ResNet and VGG; on DenseNet, where these
    raise a shape error, its NamedMergeBatchNorm for the pairs conv0-norm0 and conv1-norm2);
  - zennit 0.5.1 leaves a merged batch norm that still divides by sqrt(1 + eps), 5e-6 per layer, enough to move ill-
    conditioned maps by 4e-3: merge_exactly makes it the identity it is meant to be;
  - functional ReLU, pooling and addition become modules, or zennit would not see them.

Preset `deep-taylor` = z-plus without bias for every layer, z^B at the pixels, average pooling and Add by sign. zennit has
these rules but for the last (class SameSign below), and the composite below puts them together, with a stabiliser of 1e-12
as Sightline has.
LRP-epsilon is ill-conditioned: terms of either sign cancel in its denominators, so that one rounding step in the weights
can move zennit's own map by 1e-2. The small files hold the one image of twelve where that matters least, and every file
states the distance per preset (own_rounding below).
On DenseNet, where a batch norm stands before its ReLU, the network is rewritten first by the recipe for that case: with
the norm written as s*x + t, s moves into the next layer's weights and ReLU becomes "x where s*x + t > 0, else -t/s", so
that what is left is an ordinary network of linear layers and thresholds (class Rooted below).
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
import torchvision
from captum.attr import LRP
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import MergeBatchNorm, NamedMergeBatchNorm
from zennit.composites import EpsilonAlpha2Beta1, EpsilonPlus, EpsilonPlusFlat, SpecialFirstLayerMapComposite, layer_map_base
from zennit.core import BasicHook
from zennit.rules import AlphaBeta, Epsilon, NoMod, ZBox, ZPlus
from zennit.torchvision import ResNetCanonizer, VGGCanonizer
from zennit.types import AvgPool, Convolution, Linear
from zennit.layer import Sum

import gradcam
from golden_file import write_golden
from networks import blobs

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "relevance")
LOW, HIGH = -5.0, 6.0


merge = MergeBatchNorm.merge_batch_norm


def merge_exactly(modules, batch_norm):
    merge(modules, batch_norm)
    batch_norm.running_var.data -= batch_norm.eps


MergeBatchNorm.merge_batch_norm = staticmethod(merge_exactly)


class ModularDenseNet(nn.Module):
    """A torchvision DenseNet whose last ReLU and pooling are modules."""

    def __init__(self, net):
        super().__init__()
        self.features, self.classifier = net.features, net.classifier
        self.relu, self.pool, self.flatten = nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()

    def forward(self, x):
        return self.classifier(self.flatten(self.pool(self.relu(self.features(x)))))


def densenet_pairs(model):
    names = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    pairs = [(["features.conv0"], "features.norm0")]
    return pairs + [([n], n[: -len("conv1")] + "norm2") for n in names if n.endswith("conv1")]


class Threshold(nn.Module):
    """ReLU(s*x + t) written as s*y + t: y = x where the sum is positive, else -t/s."""

    def __init__(self, norm):
        super().__init__()
        s = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.s, self.t = s.detach(), (norm.bias - norm.running_mean * s).detach()

    def forward(self, x):
        s, t = self.s[None, :, None, None], self.t[None, :, None, None]
        # All relevance of y goes to x, as through a ReLU.
        return x + (torch.where(s * x + t > 0, x, (-t / s).expand_as(x)) - x).detach()


class Rooted(nn.Module):
    """A layer behind a Threshold: s in its weights, what t contributes added as a constant."""

    def __init__(self, layer, threshold):
        super().__init__()
        self.plain, self.t = copy.deepcopy(layer), threshold.t
        self.scaled = copy.deepcopy(layer)
        shape = (1, -1, 1, 1) if isinstance(layer, nn.Conv2d) else (1, -1)
        self.scaled.weight = nn.Parameter(layer.weight * threshold.s.reshape(shape))
        self.scaled.bias = None

    def forward(self, y):
        shift = self.t.reshape((1, -1, 1, 1) if y.dim() == 4 else (1, -1)).expand_as(y)
        weight, bias = self.plain.weight.detach(), None if self.plain.bias is None else self.plain.bias.detach()
        with torch.no_grad():
            if y.dim() == 4:
                constant = nn.functional.conv2d(shift, weight, bias, self.plain.stride, self.plain.padding)
            else:
                constant = nn.functional.linear(shift, weight, bias)
        return self.scaled(y) + constant


class RootedDenseNet(nn.Module):
    """A DenseNet with merged batch norms and every norm-ReLU-layer rewritten as Threshold and Rooted."""

    def __init__(self, net):
        super().__init__()
        with_modules = ModularDenseNet(copy.deepcopy(net))
        merged = NamedMergeBatchNorm(densenet_pairs(with_modules))
        merged.apply(with_modules)
        f = with_modules.features
        self.stem = nn.Sequential(f.conv0, f.relu0, f.pool0)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for name, module in f.named_children():
            if name.startswith("denseblock"):
                block = nn.ModuleList()
                for layer in module.children():
                    threshold = Threshold(layer.norm1)
                    block.append(nn.Sequential(threshold, Rooted(layer.conv1, threshold), layer.relu2, layer.conv2))
                self.blocks.append(block)
            elif name.startswith("transition"):
                threshold = Threshold(module.norm)
                self.transitions.append(nn.Sequential(threshold, Rooted(module.conv, threshold), module.pool))
        self.last = Threshold(f.norm5)
        self.pool, self.flatten = nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()
        self.head = Rooted(with_modules.classifier, self.last)

    def forward(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            for layer in block:
                x = torch.cat([x, layer(x)], 1)
            if i < len(self.transitions):
                x = self.transitions[i](x)
        return self.head(self.flatten(self.pool(self.last(x))))


class SameSign(BasicHook):
    """Sums and means: relevance to the terms that have the sign of the whole, in proportion to them."""

    def __init__(self):
        part = lambda sign: lambda x: (sign * x).clamp(min=0) * sign
        super().__init__(
            input_modifiers=[part(1), part(-1)],
            param_modifiers=[NoMod(param_keys=[])] * 2,
            output_modifiers=[lambda output: output] * 2,
            gradient_mapper=self.divided,
            reducer=lambda inputs, gradients: inputs[0] * gradients[0] + inputs[1] * gradients[1],
        )

    @staticmethod
    def divided(arrived, parts):
        positive, negative = parts
        up = positive + negative >= 0
        safe = lambda z: torch.where(z == 0, torch.ones_like(z), z)
        return [torch.where(up, arrived / safe(positive), 0), torch.where(up, 0, arrived / safe(negative))]


def deep_taylor(canonizers, dtype):
    low = torch.full((1, 3, 1, 1), LOW, dtype=dtype)
    rule = ZPlus(stabilizer=1e-12, zero_params="bias")
    layers = [(Convolution, rule), (Linear, rule), (Sum, SameSign()), (AvgPool, SameSign())]
    first = [(Convolution, ZBox(low, torch.full_like(low, HIGH), stabilizer=1e-12))]
    return SpecialFirstLayerMapComposite(layers + layer_map_base(1e-12), first, canonizers=canonizers)


def composites(canonizers):
    every = lambda rule: SpecialFirstLayerMapComposite([(Convolution, rule), (Linear, rule)] + layer_map_base(1e-6), [], canonizers=canonizers())
    return {
        "lrp-epsilon": every(Epsilon(1e-6)),
        "lrp-alpha2-beta1": every(AlphaBeta(2, 1)),
        "zennit-epsilon-plus": EpsilonPlus(canonizers=canonizers()),
        "zennit-epsilon-plus-flat": EpsilonPlusFlat(canonizers=canonizers()),
        "zennit-epsilon-alpha2-beta1": EpsilonAlpha2Beta1(canonizers=canonizers()),
    }


def attribute(model, composite, image, target):
    def start(output):
        mask = torch.zeros_like(output)
        mask[:, target] = 1
        return output.detach() * mask

    with Gradient(model=model, composite=composite) as attributor:
        _, relevance = attributor(image, start)
    return relevance.detach().numpy()


def captum(vgg, image, target):
    """Captum's default LRP of a VGG with its batch norms merged, as the exported file has them."""
    vgg = copy.deepcopy(vgg)
    layers = list(vgg.features)
    for conv, norm in zip(layers, layers[1:]):
        if isinstance(norm, nn.BatchNorm2d):
            merge([conv], norm)
    vgg.features = nn.Sequential(*(copy.deepcopy(m) for m in layers if not isinstance(m, nn.BatchNorm2d)))
    for module in vgg.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return LRP(vgg).attribute(image.clone().requires_grad_(True), target=target).detach().numpy()


def relevances(name, model, image, dtype=torch.float64, only=None):
    """preset → relevance [1,3,H,W] of the highest logit. `only`: names of the presets wanted."""
    net, image = copy.deepcopy(model).to(dtype), image.to(dtype)
    with torch.no_grad():
        logits = net(image)
    target = int(logits.argmax())
    assert logits[0, target] > 0, f"{name}: no positive logit"
    if name.startswith("densenet"):
        modular = ModularDenseNet(copy.deepcopy(net)).eval()
        canonizers = lambda: [NamedMergeBatchNorm(densenet_pairs(modular))]
        taylor, taylor_canonizers = RootedDenseNet(net).eval(), []
        with torch.no_grad():
            assert torch.allclose(taylor(image), logits, atol=1e-4) and torch.allclose(modular(image), logits, atol=1e-4)
    else:
        canonizers = (lambda: [ResNetCanonizer()]) if name.startswith("resnet") else (lambda: [VGGCanonizer()])
        modular, taylor, taylor_canonizers = net, net, canonizers()
    wanted = lambda preset: only is None or preset in only
    out = {}
    if wanted("deep-taylor"):
        out["deep-taylor"] = attribute(taylor, deep_taylor(taylor_canonizers, dtype), image, target)
    for preset, composite in composites(canonizers).items():
        if wanted(preset):
            out[preset] = attribute(modular, composite, image, target)
    if name.startswith("vgg") and wanted("captum"):
        out["captum"] = captum(net, image, target)
    return target, logits.numpy(), out


def own_rounding(maps, model, image, name, moves=3):
    """preset → how far float32 can take a map: relative L2 distance to the float64 one, the larger of the package's own
    in float32 and of those for weights moved by up to one float32 rounding step (as an exporter's fusing does)."""
    others = [relevances(name, model, image, torch.float32, list(maps))[2]]
    for seed in range(moves):
        moved, random = copy.deepcopy(model).double(), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in moved.state_dict().values():
                if value.is_floating_point():
                    value *= 1 + 2**-23 * (2 * torch.rand(value.shape, generator=random, dtype=value.dtype) - 1)
        others.append(relevances(name, moved, image, only=list(maps))[2])
    return {k: max(float(np.linalg.norm(o[k] - v) / np.linalg.norm(v)) for o in others) for k, v in maps.items()}


def best_conditioned(name, model, candidates):
    """Of several images the one whose LRP-epsilon rounding disturbs least."""
    def disturbed(image):
        try:
            maps = relevances(name, model, image, only=["lrp-epsilon"])[2]
            return own_rounding(maps, model, image, name)["lrp-epsilon"]
        except AssertionError:
            return float("inf")

    return min((candidates[i : i + 1] for i in range(len(candidates))), key=disturbed)


def small():
    os.makedirs(FOLDER, exist_ok=True)
    for name in ["densenet", "resnet", "vgg"]:
        build, _ = gradcam.small_models()[name]
        with open(os.path.join(HERE, "gradcam", f"{name}.bin"), "rb") as file:
            file.read(8)
            header = json.loads(file.read(int.from_bytes(file.read(4), "little")))
        model = gradcam.prepared(build, header["seed"], 64)
        images = best_conditioned(name, model, blobs(12, 64, header["seed"] + 1))
        target, logits, maps = relevances(name, model, images)
        arrays = {"images": images.numpy(), "logits": logits, **{f"relevance:{k}": v for k, v in maps.items()}}
        header = {"format": 1, "model": name, "seed": header["seed"], "versions": versions(), "layers": [], "class": target,
                  "low": LOW, "high": HIGH, "float32": own_rounding(maps, model, images, name), "onnx": {f"{name}_{e}.onnx": {} for e in ["torchscript", "dynamo"]}}
        write_golden(os.path.join(FOLDER, f"{name}.bin"), header, arrays)
        print(name, {k: (float(v.sum()), float(logits[0, target])) for k, v in maps.items()})


def versions():
    from importlib.metadata import version

    return {package: version(package).split("+")[0] for package in ["torch", "torchvision", "zennit", "captum"]}


def full():
    report = {"versions": versions(), "size": 224, "models": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, (build, _) in gradcam.full_models().items():
            model = gradcam.prepared(build, 5, 224)
            images = blobs(1, 224, 6)
            gradcam.export(model, images, os.path.join(folder, f"{name}.onnx"), "torchscript")
            target, logits, maps = relevances(name, model, images, only=["deep-taylor", "lrp-epsilon", "zennit-epsilon-plus"])
            arrays = {"images": images.numpy(), "logits": logits, **{f"relevance:{k}": v for k, v in maps.items()}}
            header = {"format": 1, "model": name, "class": target, "low": LOW, "high": HIGH, "float32": own_rounding(maps, model, images, name, 1), "layers": [], "onnx": {f"{name}.onnx": {}}, "versions": versions()}
            write_golden(os.path.join(folder, f"{name}.bin"), header, arrays)
        result = subprocess.run(["node", os.path.join(HERE, "relevance_full.mjs"), folder], capture_output=True, text=True)
        if result.returncode:
            raise SystemExit(result.stderr)
        report["models"] = json.loads(result.stdout)
    with open(os.path.join(FOLDER, "full_report.json"), "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(2)
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    full() if parser.parse_args().full else small()
