"""The jobs of Sightline's kernels as users of NumPy, SciPy, scikit-learn, MONAI and pytorch-grad-cam do them."""

import cv2
import numpy as np
import scipy.spatial.distance
import scipy.stats
import sklearn.metrics
import torch
from monai.metrics import compute_dice
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image

from serve import serve, timed, versions

arrays = {}


def load(files):
    """files: {name: [path, dtype, shape]}, raw little-endian arrays."""
    arrays.clear()
    for name, (path, dtype, shape) in files.items():
        arrays[name] = np.fromfile(path, dtype).reshape(shape)
    arrays["tensors"] = {name: torch.from_numpy(a) for name, a in arrays.items()}
    return {"versions": versions("numpy", "scipy", "scikit-learn", "monai", "torch", "grad-cam")}


def dice_numpy():
    """Batched, without a loop: the usual one-liner."""
    maps, masks = arrays["maps"] >= 0.5, arrays["masks"] > 0
    both = np.logical_and(maps, masks).sum(1)
    return 2 * both / (maps.sum(1) + masks.sum(1))


def dice_scipy():
    maps, masks = arrays["maps"] >= 0.5, arrays["masks"] > 0
    return np.array([1 - scipy.spatial.distance.dice(a, b) for a, b in zip(maps, masks)])


def dice_sklearn():
    maps, masks = arrays["maps"] >= 0.5, arrays["masks"] > 0
    return np.array([sklearn.metrics.f1_score(b, a) for a, b in zip(maps, masks)])


def dice_monai():
    maps, masks = arrays["tensors"]["maps"], arrays["tensors"]["masks"]
    side = int(maps.shape[1] ** 0.5)
    shape = (len(maps), 1, side, side)
    return compute_dice((maps >= 0.5).reshape(shape), (masks > 0).reshape(shape)).numpy()[:, 0]


def kurtosis_scipy():
    return scipy.stats.kurtosis(arrays["maps"], axis=1, fisher=False)


def kurtosis_numpy():
    maps = arrays["maps"]
    d2 = np.square(maps - maps.mean(1, keepdims=True))
    return np.square(d2).mean(1) / np.square(d2.mean(1))


def kurtosis_histogram_numpy():
    """IDEAL's: the kurtosis of the map's 256-bin histogram, as a distribution of intensities."""
    centres = (np.arange(256) + 0.5) / 256
    out = []
    for values in arrays["maps"]:
        counts, _ = np.histogram(values, bins=256, range=(0, 1))
        p = counts / counts.sum()
        d = centres - (p * centres).sum()
        out.append((p * d**4).sum() / (p * d**2).sum() ** 2)
    return np.array(out)


def pairwise_scipy():
    return scipy.spatial.distance.cdist(arrays["a"], arrays["b"])


def pairwise_sklearn():
    return sklearn.metrics.pairwise.euclidean_distances(arrays["a"], arrays["b"])


def pairwise_numpy():
    a, b = arrays["a"], arrays["b"]
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0))


def pairwise_torch():
    return torch.cdist(arrays["tensors"]["a"], arrays["tensors"]["b"]).numpy()


def cosine_scipy():
    return scipy.spatial.distance.cdist(arrays["a"], arrays["b"], "cosine")


def cosine_sklearn():
    return sklearn.metrics.pairwise.cosine_distances(arrays["a"], arrays["b"])


def nearest_sklearn():
    return sklearn.metrics.pairwise_distances_argmin_min(arrays["a"], arrays["b"])[1]


def nearest_scipy():
    return scipy.spatial.distance.cdist(arrays["a"], arrays["b"]).min(1)


def gradcam_pytorch_grad_cam():
    """The reduction alone, by the package's own steps: weights, weighted sum, ReLU, scaling, resizing with OpenCV."""
    activations, gradients = arrays["activations"], arrays["gradients"]
    weights = GradCAM.get_cam_weights(None, None, None, None, activations, gradients)
    cam = np.maximum((weights[:, :, None, None] * activations).sum(1), 0)
    scaled = scale_cam_image(cam, (224, 224))
    return scaled.reshape(len(scaled), -1)


def resize_opencv():
    return np.stack([cv2.resize(image, (224, 224), interpolation=cv2.INTER_LINEAR) for image in arrays["images"]])


peers = {name: f for name, f in globals().items() if name.split("_")[0] in ("dice", "kurtosis", "pairwise", "cosine", "nearest", "gradcam", "resize")}

serve({"load": load, "run": timed(peers, np.float32)})
