"""Writes test/golden/models_structure.json and test/golden/models.bin: what src/models/ is held against.

    pip install torch torchvision numpy
    python test/golden/models.py

Structure: names and shapes of torchvision's densenet121, resnet50 and vgg16, with the standard deviation and the largest
magnitude of what it initialises them to. Narrow networks: torchvision's own classes at reduced width (and plain PyTorch
modules for U-Net, autoencoder and small CNN), all weights, random images, logits in float64 and, at the first size,
the gradient of every parameter in evaluation mode.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torchvision
import torchvision.models as tv
from golden_file import write_golden
from torch import nn
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.vgg import VGG, make_layers

CLASSES = 5
FOLDER = Path(__file__).parent
VERSIONS = {"torch": torch.__version__, "torchvision": torchvision.__version__, "numpy": np.__version__}


class NarrowResNet(ResNet):
    def __init__(self):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, 8, 1, 1, 64
        self.conv1 = nn.Conv2d(1, 8, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(Bottleneck, 2, 2)
        self.layer2 = self._make_layer(Bottleneck, 4, 1, stride=2)
        self.layer3 = self._make_layer(Bottleneck, 8, 2, stride=2)
        self.layer4 = self._make_layer(Bottleneck, 16, 1, stride=2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(64, CLASSES)


def vgg():
    net = VGG(make_layers([4, "M", 8, 8, "M"]), num_classes=CLASSES)
    net.classifier[0] = nn.Linear(8 * 49, 16)
    net.classifier[3] = nn.Linear(16, 16)
    net.classifier[6] = nn.Linear(16, CLASSES)
    return net


class UNet(nn.Module):
    """IDEAL, section V-F."""

    def __init__(self, filters, padding):
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for block in range(3):
            layers = nn.ModuleDict()
            for i in range(3):
                layers[f"conv{i}"] = nn.Conv2d(2 if block == i == 0 else filters, filters, 3, padding=padding)
                layers[f"norm{i}"] = nn.BatchNorm2d(filters)
            self.down.append(layers)
        for _ in range(2):
            layers = nn.ModuleDict({"deconv": nn.ConvTranspose2d(filters, filters, 2, 2)})
            for i in range(2):
                layers[f"conv{i}"] = nn.Conv2d(2 * filters if i == 0 else filters, filters, 3, padding=padding)
            self.up.append(layers)
        self.head = nn.Conv2d(filters, CLASSES, 1)

    def forward(self, x):
        kept = []
        for block, layers in enumerate(self.down):
            if block > 0:
                kept.append(x)
                x = nn.functional.max_pool2d(x, 2)
            for i in range(3):
                x = layers[f"norm{i}"](torch.relu(layers[f"conv{i}"](x)))
        for layers in self.up:
            x, skip = layers["deconv"](x), kept.pop()
            top, left = ((skip.shape[axis] - x.shape[axis]) // 2 for axis in (2, 3))
            x = torch.cat([skip[:, :, top : top + x.shape[2], left : left + x.shape[3]], x], 1)
            for i in range(2):
                x = torch.relu(layers[f"conv{i}"](x))
        return self.head(x)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(50, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 50))

    def forward(self, x):
        return self.decoder(self.encoder(x.flatten(1)))


class SmallCnn(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3, 4, 6]
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv2d(i, o, 3, padding=1, bias=False), "norm": nn.BatchNorm2d(o)})
            for i, o in zip(widths, widths[1:])
        )
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x):
        for i, block in enumerate(self.blocks):
            x = nn.functional.max_pool2d(x, 2) if i else x
            x = torch.relu(block["norm"](block["conv"](x)))
        return self.head(x.mean((2, 3)))


# Network: how to build it, channels, and the sizes of the images it is shown.
NARROW = {
    "densenet": (lambda: DenseNet(4, (2, 3), 8, num_classes=CLASSES), 3, [32, 37]),
    "resnet": (NarrowResNet, 1, [32, 45]),
    # 7×7 adaptive pooling from 3×3, 10×10, 14×14 and 7×7.
    "vgg": (vgg, 3, [12, 40, 56, 28]),
    "unet_same": (lambda: UNet(4, 1), 2, [16, 18, 23]),
    "unet_valid": (lambda: UNet(4, 0), 2, [60, 68]),
    "autoencoder": (Autoencoder, 2, [5]),
    "small_cnn": (SmallCnn, 3, [9, 16]),
}


def randomise(net, generator):
    """Every parameter and running statistic gets values that matter, and signals and gradients pass: what starts from
    PyTorch's defaults would fade."""
    for name, value in net.state_dict().items():
        normal = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var"):
            value.copy_(torch.exp(0.3 * normal))
        elif name.endswith("num_batches_tracked"):
            continue
        elif value.dim() == 1:
            value.add_(0.2 * normal)
        else:
            value.copy_(normal * (2 / value[0].numel()) ** 0.5)


def tensors(net):
    return {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    structure = {}
    for name in ["densenet121", "resnet50", "vgg16"]:
        net = getattr(tv, name)()
        parameters = [
            [key, list(value.shape), float(f"{value.std(correction=0):.6g}"), float(f"{value.abs().max():.6g}")]
            for key, value in tensors(net).items()
        ]
        structure[name] = {"trainable": sum(p.numel() for p in net.parameters()), "tensors": parameters}
    lines = [
        f'"{name}": {{"trainable": {net["trainable"]}, "tensors": [\n' + ",\n".join(map(json.dumps, net["tensors"])) + "\n]}"
        for name, net in structure.items()
    ]
    (FOLDER / "models_structure.json").write_text(
        '{"versions": ' + json.dumps(VERSIONS) + ',\n"models": {\n' + ",\n".join(lines) + "\n}}\n"
    )

    generator = torch.Generator().manual_seed(1)
    arrays = {}
    for name, (build, channels, sizes) in NARROW.items():
        net = build().eval()
        with torch.no_grad():
            randomise(net, generator)
            arrays.update({f"{name}/{key}": value.numpy() for key, value in tensors(net).items()})
        net = net.double()
        for size in sizes:
            images = torch.randn(2, channels, size, size, generator=generator)
            logits = net(images.double())
            arrays[f"{name}@{size}/images"] = images.numpy()
            arrays[f"{name}@{size}/logits"] = logits.detach().numpy()
            if size == sizes[0]:
                # The gradient of Σ cos(i)·logits[i], i counting all elements.
                torch.sum(logits.flatten() * torch.cos(torch.arange(logits.numel()))).backward()
                arrays.update({f"{name}~{key}": p.grad.numpy() for key, p in net.named_parameters()})
    write_golden(FOLDER / "models.bin", {"versions": VERSIONS, "sizes": {k: v[2] for k, v in NARROW.items()}}, arrays)


if __name__ == "__main__":
    main()
