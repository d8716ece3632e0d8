"""One training step of torchvision's networks, as users of PyTorch make it: forward, loss, backward, Adam."""

import gc
import resource
import time

import torch
import torchvision
from serve import serve, versions
from torch import nn

state = {}


def prepare(name, size, batch, threads, layout, compiled=False):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    state.clear()
    gc.collect()
    model = getattr(torchvision.models, name)(num_classes=2).train()
    images = torch.randn(batch, 3, size, size)
    if layout == "channels_last":
        model, images = (x.to(memory_format=torch.channels_last) for x in (model, images))
    targets = torch.arange(batch) % 2
    # The fastest of Adam's implementations.
    optimiser = torch.optim.Adam(model.parameters(), 1e-4, fused=True)
    forward = torch.compile(model) if compiled else model
    state.update(model=forward, images=images, targets=targets, optimiser=optimiser)
    return {"versions": versions("torch", "torchvision")}


def step(repeat=1):
    """Seconds of each of `repeat` steps, and the last loss."""
    model, images, targets, optimiser = (state[key] for key in ("model", "images", "targets", "optimiser"))
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(images), targets)
        loss.backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "loss": loss.item()}


def memory():
    """Most memory that this process has had, in bytes."""
    return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == "__main__":
    serve({"prepare": prepare, "step": step, "memory": memory})
