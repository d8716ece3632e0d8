"""Golden explanation maps from pytorch-grad-cam and Captum, for test/golden/explanations.test.ts.

    pip install torch torchvision timm onnx onnxscript onnxruntime grad-cam captum numpy
    python test/golden/explanations.py           # writes test/golden/explanations/*.bin for the models in gradients/
    python test/golden/explanations.py --full    # five torchvision models at full size, without the methods of many runs;
                                                 # writes full_report.json
    (both need `npm run build` before: they take SmoothGrad's noise from dist/, and --full runs explanations_full.mjs)

Everything is computed in float64. The networks are rebuilt from the seeds in gradients/*.bin, whose ONNX files the test
compiles.

Sightline's maps are one plane per image in [0, 1]. Where the libraries stop before that, the rest is restated here:
  - pixel attributions of Captum [N, 3, H, W] become a plane by `largest` (of |x|, over the channels) for gradients and
    `magnitude` (of the sum over the channels) for attributions that add up; then min-max (`scaled`);
  - pytorch-grad-cam does its own min-max, with 1e-7 added to the denominator;
  - Captum's GuidedGradCam upsamples by nearest neighbour unless told otherwise; bilinear is the paper's. Sightline scales
    the Grad-CAM map to [0, 1] before the product, which differs by more than a factor where the map's least value is not
    0. So Captum's product is checked to be that of its two factors, and the golden map is the product with the scaled
    one;
  - SmoothGrad: Captum draws its own noise. The mean over noisy copies is restated with Sightline's noise.
ReLUs are modules, or guided backpropagation would not see them: DenseNet's last one is functional in torchvision.
"""

import argparse
import copy
import json
import os
import struct
import subprocess
import sys
import tempfile
from importlib.metadata import version

import numpy as np
import onnx
import torch
import torchvision
from captum.attr import GuidedBackprop, GuidedGradCam, InputXGradient, IntegratedGradients, LayerAttribution, LayerGradCam, Saliency
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, GuidedBackpropReLUModel, HiResCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision.models.densenet import DenseNet

from golden_file import write_golden
from gradcam import OutOfPlaceDenseNet
from networks import Network, as_feature_map, blobs, export, module_at, onnx_value, prepared, relative_l2, timm_networks, torchvision_networks

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "explanations")
GRADIENTS = os.path.join(HERE, "gradients")
# As in src/explain/smoothgrad.ts and integrated_gradients.ts.
COPIES, NOISE_LEVEL, STEPS = 25, 0.15, 32
CAMS = {"grad-cam": GradCAM, "grad-cam++": GradCAMPlusPlus, "hires-cam": HiResCAM}

# Network of gradients.py → layers to explain at. For transformers norm1 of the last block, as pytorch-grad-cam's
# documentation says; for the others a layer in the middle and the last feature map.
SMALL = {
    "densenet": ["features.denseblock2", "final_relu"],
    "resnet": ["layer2", "layer4"],
    "vgg": ["features.10", "features.17"],
    "mobilenet": ["features.3", "features.5"],
    "vit": ["encoder.layers.encoder_layer_1.ln_1"],
    "timm_vit": ["blocks.1.norm1"],
    "swin": ["features.3.0.norm1"],
}
WITH_RELU = {"densenet", "resnet", "vgg", "mobilenet", "densenet121", "resnet50", "vgg16"}


def versions():
    return {name: version(name).split("+")[0] for name in ("torch", "torchvision", "timm", "grad-cam", "captum", "onnx")}


def modular(model):
    return OutOfPlaceDenseNet(model).eval() if isinstance(model, DenseNet) else model


def scaled(planes):
    low, high = planes.min(axis=(1, 2), keepdims=True), planes.max(axis=(1, 2), keepdims=True)
    return (planes - low) / (high - low)


def largest(attributions):
    return scaled(attributions.abs().amax(dim=1).detach().numpy())


def magnitude(attributions):
    return scaled(attributions.sum(dim=1).abs().detach().numpy())


def class_activation(method, model, network, layer, images, classes):
    transformer = network.class_tokens is not None or network.channels_last
    shaped = (lambda value: torch.from_numpy(as_feature_map(value.detach().numpy(), network).copy())) if transformer else None
    with CAMS[method](model=model, target_layers=[module_at(model, layer)], reshape_transform=shaped) as explain:
        return explain(input_tensor=images, targets=[ClassifierOutputTarget(k) for k in classes])


def guided(model, images, classes):
    """Captum's guided backpropagation, checked against pytorch-grad-cam's."""
    found = GuidedBackprop(model).attribute(images.clone().requires_grad_(True), target=torch.tensor(classes)).detach()
    with torch.enable_grad():
        # A copy: it leaves one ReLU module in all places.
        other = [GuidedBackpropReLUModel(copy.deepcopy(model))(images[b : b + 1].clone(), k).transpose(2, 0, 1) for b, k in enumerate(classes)]
    assert relative_l2(found.numpy(), np.stack(other)) < (1e-9 if images.dtype == torch.float64 else 1e-2)
    return found


def upsampled_grad_cam(model, layer, images, classes):
    cam = LayerGradCam(model, module_at(model, layer)).attribute(images, target=torch.tensor(classes), relu_attributions=True)
    return LayerAttribution.interpolate(cam, tuple(images.shape[2:]), "bilinear")


def noise_of(length):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "noise")
        subprocess.run(["node", os.path.join(HERE, "smoothgrad_noise.mjs"), file, str(COPIES), str(length)], check=True)
        return np.fromfile(file, "<f4").reshape(COPIES, length)


def smoothgrad(model, images, classes):
    spread = (images.amax(dim=(1, 2, 3)) - images.amin(dim=(1, 2, 3))) * NOISE_LEVEL
    total = torch.zeros_like(images)
    for noise in noise_of(images[0].numel()):
        shift = torch.from_numpy(noise).double().reshape(1, *images.shape[1:])
        noisy = (images + spread.reshape(-1, 1, 1, 1) * shift).float().double()
        total += Saliency(model).attribute(noisy.requires_grad_(True), target=torch.tensor(classes), abs=False) / COPIES
    return total


def pixel_maps(model, images, classes, slow=True):
    """Maps of the methods without a layer. `slow`: also those that take many runs."""
    target, leaf = torch.tensor(classes), lambda: images.clone().requires_grad_(True)
    maps = {
        "gradient": largest(Saliency(model).attribute(leaf(), target=target)),
        "gradient-x-input": magnitude(InputXGradient(model).attribute(leaf(), target=target)),
    }
    if slow:
        integrated = IntegratedGradients(model).attribute(leaf(), target=target, method="gausslegendre", n_steps=STEPS, internal_batch_size=8)
        maps["integrated-gradients"] = magnitude(integrated)
        maps["smoothgrad"] = largest(smoothgrad(model, images, classes))
    return maps


def guided_maps(model, layer, images, classes):
    product = GuidedGradCam(model, module_at(model, layer)).attribute(images.clone().requires_grad_(True), target=torch.tensor(classes), interpolate_mode="bilinear")
    fine, coarse = guided(model, images, classes), upsampled_grad_cam(model, layer, images, classes).detach()
    assert relative_l2(product.detach().numpy(), (fine * coarse).numpy()) < (1e-9 if images.dtype == torch.float64 else 1e-3)
    return largest(fine * torch.from_numpy(scaled(coarse[:, 0].numpy()))[:, None])


def suitable(model, network, layer, images):
    """A class per sample for which no map of the layer is constant."""
    with torch.no_grad():
        order = model(images).argsort(dim=1, descending=True)
    chosen = [None] * len(images)
    for rank in range(order.shape[1]):
        classes = order[:, rank].tolist()
        maps = [class_activation(method, model, network, layer, images, classes) for method in CAMS]
        for b, k in enumerate(classes):
            if chosen[b] is None and all(m[b].std() > 0.02 for m in maps):
                chosen[b] = k
        if None not in chosen:
            return chosen
    raise SystemExit(f"every class gives a constant map at {layer}: choose another image")


def explained(name, model, network, layers, images, slow=True):
    """Header entries and arrays of all maps of a network in float64."""
    entries, arrays = [], {}

    def add(method, layer, classes, maps):
        entries.append({"method": method, "layer": layer, "classes": classes, "array": f"{method}:{layer or ''}"})
        arrays[entries[-1]["array"]] = maps

    for layer in layers:
        classes = suitable(model, network, layer, images)
        for method in CAMS:
            add(method, layer, classes, class_activation(method, model, network, layer, images, classes))
        if name in WITH_RELU:
            add("guided-grad-cam", layer, classes, guided_maps(model, layer, images, classes))
    with torch.no_grad():
        classes = model(images).argmax(dim=1).tolist()
    for method, maps in pixel_maps(model, images, classes, slow).items():
        add(method, None, classes, maps)
    if name in WITH_RELU:
        add("guided-backprop", None, classes, largest(guided(model, images, classes)))
    return entries, arrays


def activation(model, layer, images):
    seen = []
    hook = module_at(model, layer).register_forward_hook(lambda _m, _i, out: seen.append(out.detach().clone()))
    with torch.no_grad():
        model(images)
    hook.remove()
    return seen[0].numpy()


def header_of(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<I", data[8:12])[0]
    return json.loads(data[12 : 12 + length]), np.frombuffer(data[12 + length :], "<f4")


def produce(name, layers):
    network = {**torchvision_networks(), **timm_networks()}[name]
    gradients, values = header_of(os.path.join(GRADIENTS, f"{name}.bin"))
    model, images = modular(prepared(network.build, gradients["seed"], network.size)), blobs(2, network.size, gradients["seed"] + 1)
    assert np.array_equal(values[: images.numel()], images.numpy().ravel()), "run gradients.py again"
    files = {}
    for file in gradients["onnx"]:
        path = os.path.join(GRADIENTS, file)
        files[file] = {layer: onnx_value(path, images, activation(model, layer, images)) for layer in layers}
    entries, arrays = explained(name, model.double(), network, layers, images.double())
    header = {"format": 1, "model": name, "versions": versions(), "onnx": files, "maps": entries}
    write_golden(os.path.join(FOLDER, f"{name}.bin"), header, {"images": images.numpy(), **arrays})
    print(name, [f"{entry['method']} {entry['layer'] or ''} {entry['classes']}" for entry in entries], flush=True)


def full_models():
    m = torchvision.models
    return {
        "densenet121": (Network(lambda: m.densenet121(weights=None), [], 224), ["final_relu"]),
        "resnet50": (Network(lambda: m.resnet50(weights=None), [], 224), ["layer4"]),
        "vgg16": (Network(lambda: m.vgg16(weights=None), [], 224), ["features.29"]),
        "vit_b_16": (Network(lambda: m.vit_b_16(weights=None), [], 224, class_tokens=1), ["encoder.layers.encoder_layer_11.ln_1"]),
        "swin_t": (Network(lambda: m.swin_t(weights=None), [], 224, channels_last=True), ["features.7.1.norm1"]),
    }


def full(only):
    path_of_report = os.path.join(FOLDER, "full_report.json")
    report = {"versions": versions(), "size": 224, "models": {}}
    if only and os.path.exists(path_of_report):
        with open(path_of_report) as file:
            report["models"] = json.load(file)["models"]
    for name, (network, layers) in full_models().items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            model, images = modular(prepared(network.build, 5, network.size)), blobs(1, network.size, 6)
            path = os.path.join(folder, "model.onnx")
            export(model, images, path, "torchscript", 17, True)
            values = {layer: onnx_value(path, images, activation(model, layer, images)) for layer in layers}
            single_entries, single = explained(name, model, network, layers, images, slow=False)
            entries, arrays = explained(name, model.double(), network, layers, images.double(), slow=False)
            assert [entry["classes"] for entry in single_entries] == [entry["classes"] for entry in entries]
            header = {"onnx": {"model.onnx": values}, "maps": entries}
            write_golden(os.path.join(folder, "golden.bin"), header, {"images": images.numpy(), **arrays, **{f"float32:{key}": value for key, value in single.items()}})
            result = subprocess.run(["node", os.path.join(HERE, "explanations_full.mjs"), folder], capture_output=True, text=True)
            if result.returncode:
                raise SystemExit(result.stderr)
            report["models"][name] = json.loads(result.stdout)
            print(name, json.dumps(report["models"][name], indent=1), flush=True)
        with open(path_of_report, "w") as file:
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
    for name, layers in SMALL.items():
        if not options.networks or name in options.networks:
            produce(name, layers)
