"""Writes test/golden/training_steps.bin: ten steps of training by PyTorch, in float64, of the narrow networks of models.py.

    pip install torch torchvision numpy
    python test/golden/training_steps.py

Starts from the weights in models.bin. Per network: classes of ten batches (images are hashes of their pixels' numbers,
here and in the test), the loss of every step, all weights and running statistics after the last. Adam with a learning
rate of 3e-4 and an epsilon of 1e-6, which does not blow rounding up where a gradient is nearly 0. Losses beside plain
cross-entropy on logits chosen at random: value and gradient. Attention alignment: value and every gradient.
"""

from pathlib import Path

import numpy as np
import torch
from golden_file import read_golden, write_golden
from models import CLASSES, FOLDER, NARROW, VERSIONS, tensors
from torch import nn

BATCH, STEPS = 4, 10
# The maps of the last blocks should have more than a pixel.
SIZES = {"resnet": 64, "densenet": 64, "unet_valid": 68}


def hashed(count):
    """float32 in [-2, 2) from the numbers 1000 … 999 + count."""
    h = np.arange(1000, 1000 + count, dtype=np.uint64) * 2654435761 % 2**32
    h = (h ^ (h >> 16)) * 2246822519 % 2**32
    h ^= h >> 13
    return (h.astype(np.float64) / 2**30 - 2).astype(np.float32)


def target_of(name, shape, generator):
    if name == "autoencoder":
        return None
    classes = torch.randint(0, CLASSES, (shape[0], *shape[2:]), generator=generator)
    return nn.functional.one_hot(classes, CLASSES).movedim(-1, 1).double()


def train(name, build, channels, size, weights, generator):
    net = build().double().train()
    net.load_state_dict({key: torch.from_numpy(value.copy()).double() for key, value in weights.items()}, strict=False)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimiser = torch.optim.Adam(net.parameters(), 3e-4, eps=1e-6)
    shape = (STEPS, BATCH, channels, size, size)
    images = torch.from_numpy(hashed(int(np.prod(shape))).reshape(shape)).double()
    targets, losses = [], []
    for step in range(STEPS):
        optimiser.zero_grad()
        out = net(images[step])
        target = target_of(name, out.shape, generator)
        if target is None:
            target = images[step].flatten(1)
            loss = nn.functional.mse_loss(out, target)
        else:
            loss = nn.functional.cross_entropy(out, target.argmax(1))
        loss.backward()
        optimiser.step()
        targets.append(target)
        losses.append(loss.item())
    found = {"losses": np.array(losses)}
    if name != "autoencoder":
        found["classes"] = torch.stack([t.argmax(1) for t in targets]).numpy()
    found.update({f"after/{key}": value.detach().numpy() for key, value in tensors(net).items()})
    return {f"{name}/{key}": value for key, value in found.items()}


def dice_loss(out, target):
    shares = torch.sigmoid(out) if out.shape[1] == 1 else torch.softmax(out, 1)
    above = 2 * (shares * target).sum((2, 3)) + 1e-5
    return (1 - above / (shares.sum((2, 3)) + target.sum((2, 3)) + 1e-5)).mean()


def losses(generator):
    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).float().double()

    f = nn.functional
    weights = torch.tensor([0.5, 2, 1, 0.25, 3], dtype=torch.float64)
    one_hot = f.one_hot(torch.tensor([0, 3, 4, 4]), CLASSES).double()
    maps = f.one_hot(torch.randint(0, 3, (2, 5, 6), generator=generator), 3).movedim(-1, 1).double()
    maps[1, 2] = 0  # an absent class
    many = (draw(4, CLASSES) > 0).double()
    single = (draw(2, 1, 5, 6) > 0).double()
    single[1] = 0
    cases = {
        "plain": (30 * draw(4, CLASSES), one_hot, lambda x, t: f.cross_entropy(x, t.argmax(1))),
        "weighted": (draw(4, CLASSES), one_hot, lambda x, t: f.cross_entropy(x, t.argmax(1), weights)),
        "smooth": (draw(4, CLASSES), one_hot, lambda x, t: f.cross_entropy(x, t.argmax(1), weights, label_smoothing=0.1)),
        "soft": (draw(4, CLASSES), torch.softmax(draw(4, CLASSES), 1), lambda x, t: f.cross_entropy(x, t)),
        "binary": (30 * draw(4, CLASSES), many, f.binary_cross_entropy_with_logits),
        "positive": (
            draw(4, CLASSES),
            many,
            lambda x, t: f.binary_cross_entropy_with_logits(x, t, pos_weight=weights),
        ),
        "squared": (draw(4, 7), draw(4, 7), f.mse_loss),
        "dice": (draw(2, 3, 5, 6), maps, lambda x, t: -(f.log_softmax(x, 1) * t).sum() / t.sum() + dice_loss(x, t)),
        "dice_single": (
            draw(2, 1, 5, 6),
            single,
            lambda x, t: f.binary_cross_entropy_with_logits(x, t) + 0.5 * dice_loss(x, t),
        ),
    }
    found = {}
    for name, (logits, target, loss) in cases.items():
        logits.requires_grad_()
        value = loss(logits, target)
        value.backward()
        found[f"loss/{name}/logits"] = logits.detach().numpy()
        found[f"loss/{name}/targets"] = target.numpy()
        found[f"loss/{name}/value"] = np.array([value.item()])
        found[f"loss/{name}/gradient"] = logits.grad.numpy()
    return found


def small_cnn_maps(net, x):
    for i, block in enumerate(net.blocks):
        x = nn.functional.max_pool2d(x, 2) if i else x
        x = torch.relu(block["norm"](block["conv"](x)))
    return x, net.head(x.mean((2, 3)))


def densenet_maps(net, x):
    maps = torch.relu(net.features(x))
    return maps, net.classifier(maps.mean((2, 3)))


def resnet_maps(net, x, layer):
    x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    for i in range(1, 5):
        x = getattr(net, f"layer{i}")(x)
        if i == layer:
            maps = x
    return maps, net.fc(net.avgpool(x).flatten(1))


ALIGNED = {
    "small_cnn": ("small_cnn", small_cnn_maps, 16),
    "densenet": ("densenet", densenet_maps, 64),
    "resnet": ("resnet", lambda net, x: resnet_maps(net, x, 4), 64),
    "resnet@layer3.1": ("resnet", lambda net, x: resnet_maps(net, x, 3), 64),
}


def alignment(weights):
    """Cross-entropy + 0.7 · (1 − soft Dice of Grad-CAM and ROI), its gradient through Grad-CAM's own gradient."""
    found = {}
    for case, (name, forward, size) in ALIGNED.items():
        build, channels, _ = NARROW[name]
        net = build().double().train()
        own = {key[len(name) + 1 :]: torch.from_numpy(v.copy()).double() for key, v in weights.items() if key.startswith(f"{name}/")}
        net.load_state_dict(own, strict=False)
        shape = (BATCH, channels, size, size)
        x = torch.from_numpy(hashed(int(np.prod(shape))).reshape(shape)).double()
        rois = torch.zeros(BATCH, size, size, dtype=torch.float64)
        for b in range(BATCH - 1):  # the last has none
            rois[b, b * size // 8 : size // 2 + b * size // 8, size // 4 : size] = 1
        classes = torch.arange(BATCH) % CLASSES
        maps, logits = forward(net, x)
        gradient = torch.autograd.grad(logits[torch.arange(BATCH), classes].sum(), maps, create_graph=True)[0]
        cam = torch.relu((gradient.mean((2, 3), keepdim=True) * maps).sum(1)).flatten(1)
        peak = cam.amax(1, keepdim=True)
        cam = cam / torch.where(peak == 0, torch.ones_like(peak), peak)
        region = nn.functional.avg_pool2d(rois[:, None], size // maps.shape[2]).flatten(1)
        has = (region.sum(1) > 0).double()
        dice = 2 * (cam * region).sum(1) / (cam.sum(1) + region.sum(1) + (1 - has))
        misaligned = (has * (1 - dice)).sum() / has.sum()
        loss = nn.functional.cross_entropy(logits, classes) + 0.7 * misaligned
        loss.backward()
        found[f"alignment/{case}/loss"] = np.array([loss.item(), misaligned.item()])
        for key, value in net.named_parameters():
            found[f"alignment/{case}/gradient/{key}"] = value.grad.numpy()
    return found


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(3)
    weights = read_golden(Path(FOLDER) / "models.bin")
    arrays = {}
    for name, (build, channels, sizes) in NARROW.items():
        own = {key[len(name) + 1 :]: value for key, value in weights.items() if key.startswith(f"{name}/")}
        arrays.update(train(name, build, channels, SIZES.get(name, sizes[0]), own, generator))
    arrays.update(losses(generator))
    arrays.update(alignment(weights))
    sizes = {name: SIZES.get(name, NARROW[name][2][0]) for name in NARROW}
    write_golden(FOLDER / "training_steps.bin", {"versions": VERSIONS, "batch": BATCH, "steps": STEPS, "sizes": sizes}, arrays)


if __name__ == "__main__":
    main()
