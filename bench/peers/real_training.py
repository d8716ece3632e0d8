"""Trainings of real_training.mjs by PyTorch: from weights, batches and settings that it is given as files."""

import numpy as np
import torch
import torchvision
from serve import serve, versions
from torch import nn
from torch.nn import functional

state = {}


class UNet(nn.Module):
    """IDEAL's U-Net in 'same' padding."""

    def __init__(self, filters, classes, blocks=3):
        super().__init__()
        widths = [[1, filters, filters], [filters] * 3, [filters] * 3][:blocks]
        self.down = nn.ModuleList(
            nn.ModuleDict(
                {f"conv{i}": nn.Conv2d(width, filters, 3, padding=1) for i, width in enumerate(block)}
                | {f"norm{i}": nn.BatchNorm2d(filters) for i in range(3)}
            )
            for block in widths
        )
        self.up = nn.ModuleList(
            nn.ModuleDict(
                {
                    "deconv": nn.ConvTranspose2d(filters, filters, 2, stride=2),
                    "conv0": nn.Conv2d(2 * filters, filters, 3, padding=1),
                    "conv1": nn.Conv2d(filters, filters, 3, padding=1),
                }
            )
            for _ in range(blocks - 1)
        )
        self.head = nn.Conv2d(filters, classes, 1)

    def forward(self, x):
        kept = []
        for i, block in enumerate(self.down):
            if i:
                kept.append(x)
                x = functional.max_pool2d(x, 2)
            for j in range(3):
                x = block[f"norm{j}"](functional.relu(block[f"conv{j}"](x)))
        for level in self.up:
            x = torch.cat([kept.pop(), level["deconv"](x)], 1)
            for j in range(2):
                x = functional.relu(level[f"conv{j}"](x))
        return self.head(x)


def densenet121(width, classes):
    model = torchvision.models.DenseNet(round(32 * width), (6, 12, 24, 16), round(64 * width), num_classes=classes)
    model.features.conv0 = nn.Conv2d(1, round(64 * width), 7, 2, 3, bias=False)
    return model


def dice_cross_entropy(logits, targets):
    """MONAI's DiceCELoss for one channel, 1e-5 above and below."""
    shares = torch.sigmoid(logits)
    both, total = (shares * targets).sum((2, 3)), (shares + targets).sum((2, 3))
    return functional.binary_cross_entropy_with_logits(logits, targets) + (1 - (2 * both + 1e-5) / (total + 1e-5)).mean()


def cross_entropy(logits, targets):
    return functional.cross_entropy(logits, targets.argmax(1))


def read(file, dims):
    return torch.from_numpy(np.fromfile(file, np.float32).reshape(dims))


def prepare(network, width, classes, loss, batch, schedule, weights, index, threads, double=False):
    """A network with the given weights and its Adam; one-cycle where the schedule has steps."""
    torch.set_num_threads(threads)
    model = UNet(round(64 * width), classes) if network == "unet" else densenet121(width, classes)
    flat, start, given = np.fromfile(weights, np.float32), 0, {}
    for entry in index:
        size = int(np.prod(entry["dims"]))
        given[entry["name"]] = torch.from_numpy(flat[start : start + size].reshape(entry["dims"]).copy())
        start += size
    missing, unexpected = model.load_state_dict(given, strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing) or start != len(flat):
        raise ValueError(f"weights that do not fit: {missing} missing, {unexpected} unknown")
    model = (model.double() if double else model).train()
    optimiser = torch.optim.Adam(model.parameters(), schedule["rate"])
    one_cycle = torch.optim.lr_scheduler.OneCycleLR
    steps = schedule.get("steps")
    scheduler = one_cycle(optimiser, schedule["rate"], total_steps=steps, cycle_momentum=False) if steps else None
    state.update(model=model, optimiser=optimiser, scheduler=scheduler, batch=batch, double=double)
    state["loss"] = {"cross-entropy": cross_entropy, "dice-cross-entropy": dice_cross_entropy}[loss]
    return {"versions": versions("torch", "torchvision")}


def epoch(files, count, dims, steps):
    """Losses of the first `steps` batches of an epoch."""
    model, optimiser, scheduler, batch = (state[key] for key in ("model", "optimiser", "scheduler", "batch"))
    model.train()
    images, targets = (read(files[name], [count, *dims[name]]) for name in ("images", "targets"))
    if state["double"]:
        images, targets = images.double(), targets.double()
    losses = []
    for first in range(0, steps * batch, batch):
        optimiser.zero_grad()
        loss = state["loss"](model(images[first : first + batch]), targets[first : first + batch])
        loss.backward()
        optimiser.step()
        if scheduler:
            scheduler.step()
        losses.append(loss.item())
    return {"losses": losses}


@torch.no_grad()
def predict(files, count, dims, save):
    """Logits in inference form, to the file `save`."""
    model = state["model"].eval()
    images = read(files["images"], [count, *dims["images"]])
    logits = torch.cat([model(part) for part in images.split(state["batch"])])
    logits.float().numpy().tofile(save)
    return {"dims": list(logits.shape)}


if __name__ == "__main__":
    serve({"prepare": prepare, "epoch": epoch, "predict": predict})
