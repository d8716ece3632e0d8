"""Explanations and Monte-Carlo dropout as users of PyTorch do them: zennit, Captum, pytorch-grad-cam, T full passes."""

import copy
import os
import resource
import sys
import time

import numpy as np
import torch
import torchvision
from captum.attr import LRP
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import NamedMergeBatchNorm
from zennit.composites import EpsilonPlus
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from serve import serve, versions

# The networks rewritten for zennit, and Deep Taylor as a composite of its rules: the golden files' own.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test", "golden"))
import relevance as golden  # noqa: E402

LOW, HIGH = golden.LOW, golden.HIGH
state = {}


def network(name):
    torch.manual_seed(0)
    if name == "vgg16":
        model = torchvision.models.vgg16(num_classes=3)
        for module in model.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        return model.eval()
    model = getattr(torchvision.models, name)(num_classes=3).train()
    # Untrained batch-norm statistics would let the activations fade: take them from noise.
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(8, 3, 224, 224))
    return model.eval()


def prepare(name, threads, onnx=None):
    """Makes a network with seeded weights and writes it as ONNX for the other side."""
    torch.set_num_threads(threads)
    model = network(name)
    if onnx:
        torch.onnx.export(model, torch.zeros(2, 3, 224, 224), onnx, input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, dynamo=False)
    state.clear()
    state.update(name=name, model=model)
    return {"versions": versions("torch", "torchvision", "zennit", "captum", "grad-cam")}


def images(path, batch):
    return torch.from_numpy(np.fromfile(path, "<f4").reshape(-1, 3, 224, 224)[:batch].copy())


def scaled(maps):
    """Positive part, to [0, 1] per image."""
    maps = maps.clamp_min(0)
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(1e-30)


def predicted(output):
    """Relevance of the predicted class: its logit's value."""
    return output.detach() * torch.zeros_like(output).scatter_(1, output.argmax(1, keepdim=True), 1)


def with_zennit(method):
    model, name = state["model"], state["name"]
    if name.startswith("densenet"):
        canonizers = lambda net: [NamedMergeBatchNorm(golden.densenet_pairs(net))]
        net = golden.RootedDenseNet(model).eval() if method == "deep-taylor" else golden.ModularDenseNet(copy.deepcopy(model)).eval()
    else:
        canonizers = lambda net: [ResNetCanonizer() if name.startswith("resnet") else VGGCanonizer()]
        net = model
    if method == "deep-taylor":
        composite = golden.deep_taylor([] if name.startswith("densenet") else canonizers(net), torch.float32)
    else:
        composite = EpsilonPlus(canonizers=canonizers(net))
    attributor = Gradient(model=net, composite=composite)
    attributor.__enter__()
    # Deep Taylor explains no class that the model speaks against.
    start = (lambda output: predicted(output).clamp_min(0)) if method == "deep-taylor" else predicted
    return lambda x: scaled(attributor(x, start)[1].detach().sum(1)), lambda: attributor.__exit__(None, None, None)


def with_captum(_method):
    lrp = LRP(copy.deepcopy(state["model"]))

    def explain(x):
        with torch.no_grad():
            target = state["model"](x).argmax(1)
        return scaled(lrp.attribute(x.clone().requires_grad_(True), target=target).detach().sum(1))

    return explain, lambda: None


def with_grad_cam(_method):
    model, name = state["model"], state["name"]
    if name == "densenet121":
        # torchvision's own forward overwrites norm5's output in place, so that activation and gradient do not belong together.
        model = golden.ModularDenseNet(model)
    layer = {"densenet121": lambda: model.relu, "resnet50": lambda: model.layer4, "vgg16": lambda: model.features[-1]}[name]()
    cam = GradCAM(model=model, target_layers=[layer])
    return lambda x: torch.from_numpy(cam(input_tensor=x, targets=None)), lambda: cam.activations_and_grads.release()


class AfterTransition(nn.Module):
    def __init__(self, module, rate):
        super().__init__()
        self.module, self.dropout = module, nn.Dropout2d(rate)

    def forward(self, x):
        return self.dropout(self.module(x))


def with_dropout(placement, passes=20, rate=0.2):
    """T full passes with dropout active, as baal and MONAI's tutorials do it; mean and variance of the probabilities."""
    model, name = copy.deepcopy(state["model"]), state["name"]
    if placement == "head":
        if name == "vgg16":
            model.classifier[5] = nn.Dropout(rate)
            model.classifier[2] = nn.Identity()
        elif name == "densenet121":
            model.classifier = nn.Sequential(nn.Dropout(rate), model.classifier)
        else:
            model.fc = nn.Sequential(nn.Dropout(rate), model.fc)
    else:
        for at in ["transition1", "transition2", "transition3"]:
            setattr(model.features, at, AfterTransition(getattr(model.features, at), rate))
        model.features.norm5 = AfterTransition(model.features.norm5, rate)
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.train()

    def score(x):
        with torch.inference_mode():
            p = torch.stack([torch.softmax(model(x), 1) for _ in range(passes)])
            return p.var(0, unbiased=False).sum(1)

    return score, lambda: None


ways = {"zennit": with_zennit, "Captum": with_captum, "pytorch-grad-cam": with_grad_cam, "PyTorch": with_dropout}


def run(peer, method, path, batch, repeat=1, save=None):
    """Seconds of each of `repeat` batches, after one to warm up; maps of the last one as float32 in `save`."""
    explain, close = ways[peer](method)
    x = images(path, batch)
    result = explain(x)
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        result = explain(x)
        seconds.append(time.perf_counter() - begin)
    close()
    if save:
        np.ascontiguousarray(result.numpy(), np.float32).tofile(save)
    return {"seconds": seconds}


def peak():
    """Most memory this process has used, in bytes."""
    return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


serve({"prepare": prepare, "run": run, "peak": peak})
