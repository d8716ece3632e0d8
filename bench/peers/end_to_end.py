"""PNG files to Grad-CAM and dual-criterion scores with DenseNet-121, as users of PyTorch do it."""

import json
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.utils.data import DataLoader, Dataset

from serve import serve, versions

state = {}


class Pool(Dataset):
    def __init__(self, samples, size):
        self.samples, self.size = samples, size

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        image = Image.open(self.samples[i]["path"]).convert("L").resize((self.size, self.size), Image.BILINEAR)
        mask = Image.open(self.samples[i]["mask"]).resize((self.size, self.size), Image.NEAREST)
        x = torch.from_numpy(np.asarray(image, np.float32) / 255)
        return ((x - 0.5) / 0.25).expand(3, -1, -1), torch.from_numpy(np.array(mask) > 0)


def prepare(onnx, pool, size, threads):
    """Makes the network with seeded weights and writes it as ONNX for the other side."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torchvision.models.densenet121(num_classes=3).eval()
    # Untrained batch-norm statistics would let the activations fade: take them from noise.
    model.train()
    with torch.no_grad():
        for _ in range(4):
            model(torch.randn(8, 3, size, size))
    model.eval()
    torch.onnx.export(model, torch.zeros(2, 3, size, size), onnx, input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, dynamo=False)
    with open(pool) as f:
        state.update(model=model, samples=[json.loads(line) for line in f], size=size)
    return {"versions": versions("torch", "torchvision", "grad-cam", "pillow")}


def criteria(probabilities, cams, masks):
    entropy = -(probabilities * probabilities.clamp_min(1e-30).log()).sum(1)
    maps = torch.as_tensor(cams) >= 0.5
    both = (maps & masks).sum((1, 2))
    total = maps.sum((1, 2)) + masks.sum((1, 2))
    dice = torch.where(total > 0, 2 * both / total, torch.ones(()))
    return 0.5 * entropy / np.log(probabilities.shape[1]) + 0.5 * (1 - dice), dice


def with_grad_cam(model, images):
    """pytorch-grad-cam as its README shows it; one forward pass serves explanation and probabilities."""
    with GradCAM(model=model, target_layers=[model.features]) as cam:
        maps = cam(input_tensor=images, targets=None)
        return torch.softmax(cam.outputs.detach(), 1), maps


def by_hand(model, images):
    """The best that plain PyTorch allows: no graph below the target layer, gradient of the head alone."""
    with torch.no_grad():
        activations = model.features(images)
    activations.requires_grad_()
    logits = model.classifier(torch.flatten(torch.nn.functional.adaptive_avg_pool2d(torch.relu(activations), 1), 1))
    (gradients,) = torch.autograd.grad(logits.max(1).values.sum(), activations)
    with torch.no_grad():
        cam = torch.relu((gradients.mean((2, 3), keepdim=True) * activations).sum(1, keepdim=True))
        cam = torch.nn.functional.interpolate(cam, images.shape[2:], mode="bilinear")[:, 0]
        low, high = cam.amin((1, 2), keepdim=True), cam.amax((1, 2), keepdim=True)
        return torch.softmax(logits, 1), (cam - low) / (high - low).clamp_min(1e-12)


def score(way, batch, workers):
    """Seconds for the whole pool, model already in memory, and the scores."""
    explain = {"pytorch-grad-cam": with_grad_cam, "by hand": by_hand}[way]
    start = time.perf_counter()
    loader = DataLoader(Pool(state["samples"], state["size"]), batch_size=batch, num_workers=workers)
    scores, dices = [], []
    for images, masks in loader:
        probabilities, cams = explain(state["model"], images)
        s, d = criteria(probabilities, cams, masks)
        scores += s.tolist()
        dices += d.tolist()
    return {"seconds": time.perf_counter() - start, "scores": scores, "dices": dices}


serve({"prepare": prepare, "score": score})
