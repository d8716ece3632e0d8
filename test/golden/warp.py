"""Golden values for the warp kernel and for what augmentation does: torch's grid_sample and torchvision's transforms.

Needs: pip install torch torchvision numpy. Writes warp.bin beside this file.
The image is made by the same integer formula in the test: pixel (c, y, x) = ((y*31 + x*17 + c*101 + y*x*7) % 256) / 255.
"""

import pathlib

import numpy as np
import torch
import torchvision
import torchvision.transforms.functional as F
from golden_file import write_golden

torch.set_num_threads(1)


def image(channels, rows, columns):
    c, y, x = np.meshgrid(np.arange(channels), np.arange(rows), np.arange(columns), indexing="ij")
    return torch.from_numpy((((y * 31 + x * 17 + c * 101 + y * x * 7) % 256) / 255).astype(np.float32))


arrays, grids, affines, jitters, blurs = {}, [], [], [], []

# theta maps normalised output positions to normalised source positions, align_corners=False. No position lies on the
# boundary of two pixels: there, torch's nearest takes the even one, the kernel the right or lower one.
thetas = [
    [[0.913, 0.207, 0.117], [-0.309, 1.103, -0.211]],
    [[1.703, -0.607, 0.411], [0.503, 1.907, 0.307]],
    [[-0.4, 0.03, -0.31], [0.07, 0.55, 0.13]],
]
for size, out in [((2, 17, 23), (17, 23)), ((1, 20, 9), (13, 31)), ((1, 1, 7), (5, 5))]:
    for theta in thetas:
        for padding in ["zeros", "border", "reflection"]:
            for mode in ["bilinear", "nearest"]:
                x = image(*size)[None].double()
                t = torch.tensor(theta, dtype=torch.float64)[None]
                grid = torch.nn.functional.affine_grid(t, [1, size[0], *out], align_corners=False)
                y = torch.nn.functional.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=False)
                name = f"grid{len(grids)}"
                arrays[name] = y[0].numpy()
                grids.append({"array": name, "image": size, "size": out, "theta": theta, "padding": padding, "mode": mode})

# torchvision: degrees clockwise, pixels, factor, degrees; about the centre.
for size in [(3, 32, 32), (1, 21, 38)]:
    for angle, translate, scale, shear in [
        (17.5, (0, 0), 1.0, (0.0, 0.0)),
        (0.0, (4, -3), 1.0, (0.0, 0.0)),
        (0.0, (0, 0), 1.05, (0.0, 0.0)),
        (0.0, (0, 0), 1.0, (12.0, 0.0)),
        (0.0, (0, 0), 1.0, (0.0, -9.0)),
        (-25.0, (-10, 6), 0.95, (5.0, 8.0)),
    ]:
        y = F.affine(image(*size).double(), angle, list(translate), scale, list(shear), F.InterpolationMode.BILINEAR)
        name = f"affine{len(affines)}"
        arrays[name] = y.numpy()
        affines.append({"array": name, "image": size, "angle": angle, "translate": translate, "scale": scale, "shear": shear})

for size in [(3, 16, 19), (1, 5, 7)]:
    for kind, change, value in [
        ("brightness", F.adjust_brightness, 1.3),
        ("brightness", F.adjust_brightness, 0.6),
        ("contrast", F.adjust_contrast, 1.4),
        ("contrast", F.adjust_contrast, 0.5),
        ("gamma", F.adjust_gamma, 0.7),
        ("gamma", F.adjust_gamma, 1.8),
    ]:
        name = f"jitter{len(jitters)}"
        arrays[name] = change(image(*size), value).numpy()
        jitters.append({"array": name, "image": size, "kind": kind, "value": value})

# Compared away from the borders, which torchvision mirrors about the outermost pixel's centre.
for sigma, radius in [(0.8, 3), (1.5, 5)]:
    name = f"blur{len(blurs)}"
    arrays[name] = F.gaussian_blur(image(2, 24, 29).double(), [2 * radius + 1] * 2, [sigma] * 2).numpy()
    blurs.append({"array": name, "image": [2, 24, 29], "sigma": sigma, "radius": radius})

header = {"torch": torch.__version__, "torchvision": torchvision.__version__}
header.update(grids=grids, affines=affines, jitters=jitters, blurs=blurs)
write_golden(pathlib.Path(__file__).with_suffix(".bin"), header, arrays)
