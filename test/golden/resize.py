"""Golden values for the resize kernel: torch's antialiased bilinear, and Pillow's with a source box.

Needs: pip install torch numpy pillow. Writes resize.json beside this file.
The image is made by the same integer formula in the test: pixel (y, x, c) = ((y*31 + x*17 + c*101 + y*x*7) % 256) / 255.
"""

import base64
import json
import pathlib

import numpy as np
import PIL
import torch
from PIL import Image


def image(rows, columns, channels):
    y, x, c = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(channels), indexing="ij")
    return (((y * 31 + x * 17 + c * 101 + y * x * 7) % 256) / 255).astype(np.float32)


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def with_torch(rows, columns, channels, height, width):
    x = torch.from_numpy(image(rows, columns, channels)).permute(2, 0, 1)[None]
    y = torch.nn.functional.interpolate(x, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
    return {"by": "torch", "image": [rows, columns, channels], "size": [height, width], "resized": encode(y[0].permute(1, 2, 0).numpy())}


def with_pillow(rows, columns, height, width, box):
    y = Image.fromarray(image(rows, columns, 1)[:, :, 0]).resize((width, height), Image.BILINEAR, box=box)
    return {"by": "pillow", "image": [rows, columns, 1], "size": [height, width], "box": list(box), "resized": encode(np.asarray(y))}


cases = [
    with_torch(64, 64, 1, 28, 28),
    with_torch(37, 29, 3, 16, 11),
    with_torch(5, 7, 1, 13, 9),
    with_torch(16, 16, 1, 16, 16),
    with_torch(1, 40, 1, 1, 3),
    with_torch(1, 1, 3, 4, 4),
    with_torch(50, 9, 1, 7, 20),
    with_pillow(40, 60, 16, 16, (10.0, 0.0, 50.0, 40.0)),
    with_pillow(33, 47, 12, 10, (3.25, 1.5, 40.75, 31.0)),
    with_pillow(20, 20, 30, 30, (4.5, 4.5, 15.5, 15.5)),
]
header = {"format": 1, "torch": torch.__version__, "pillow": PIL.__version__, "cases": cases}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(header, indent=1) + "\n")
