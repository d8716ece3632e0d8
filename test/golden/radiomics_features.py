"""Golden features of PyRadiomics' feature classes first order, GLCM and shape2D, for test/golden/radiomics.test.ts.

    Python 3.9: pip install pyradiomics==3.0.1 "numpy<2" SimpleITK
    python test/golden/radiomics_features.py     # writes test/golden/radiomics/images.bin and cases.json

Images are stored as uint8, int16 or float32 and handed to PyRadiomics as float64 (times `scale`, in float64): it computes
bin edges in the type of its input, and a float32 kernel's numbers must be the same numbers. The feature classes are called
directly, because the extractor refuses regions that are one pixel wide. What raises is recorded as its message.

Every GLCM feature is numpy.nanmean over angles. Where that mean skipped angles (Imc2 and MCC become NaN by rounding, or
complex), `skipped` keeps how many and the mean with 0 in their place.
"""

import json
import logging
import os
import warnings

import numpy as np
import radiomics
import SimpleITK as sitk
from radiomics import firstorder, glcm, shape2D

from golden_file import write_typed_golden

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "radiomics")
CLASSES = {"firstorder": firstorder.RadiomicsFirstOrder, "glcm": glcm.RadiomicsGLCM, "shape2D": shape2D.RadiomicsShape2D}
DEPRECATED = {"firstorder": ["StandardDeviation"], "glcm": [], "shape2D": ["SphericalDisproportion"]}

SMALL = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 7), (9, 1), (3, 3), (2, 9)]
SIZES = [(5, 4), (7, 13), (16, 16), (17, 31), (24, 9), (33, 20), (31, 48), (47, 47), (64, 37), (96, 96)]


# ---------------------------------------------------------------------------------------------------------------- images


def smooth(rng, shape, grain=6):
    """Coarse noise, linearly enlarged along each axis, in [0, 1]."""
    field = rng.random([max(2, s // grain + 2) for s in shape])
    for axis, size in enumerate(shape):
        at = np.linspace(0, field.shape[axis] - 1, size)
        low = np.minimum(at.astype(int), field.shape[axis] - 2)
        part = (at - low).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        field = np.take(field, low, axis) * (1 - part) + np.take(field, low + 1, axis) * part
    spread = field.max() - field.min()
    return (field - field.min()) / (spread if spread > 0 else 1)


def blob(rng, shape):
    return np.round(255 * smooth(rng, shape)).astype(np.uint8)


def noise(rng, shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def phantom(rng, shape):
    """Hounsfield units: air, soft tissue, a bright core, a ramp and noise."""
    grid = np.meshgrid(*[np.linspace(-1, 1, s) for s in shape], indexing="ij")
    radius = np.sqrt(sum(g**2 for g in grid))
    image = np.where(radius < 0.95, 40.0, -1000.0) + np.where(radius < 0.3, 350.0, 0.0) + 30 * grid[-1]
    return np.round(image + rng.normal(0, 12, shape)).astype(np.int16)


def saliency(rng, shape):
    """A focused map in [0, 1], float32."""
    return (smooth(rng, shape, 9) ** 3).astype(np.float32)


def normal(rng, shape):
    return rng.normal(0.3, 1.0, shape).astype(np.float32)


def levels(rng, shape):
    return np.where(smooth(rng, shape) > 0.5, 200, 13).astype(np.uint8)


def constant(rng, shape):
    return np.full(shape, 77, np.uint8)


# kind → (image, scale)
KINDS = {"blob": (blob, 1), "noise": (noise, 1), "phantom": (phantom, 1), "saliency": (saliency, 255), "normal": (normal, 1), "two": (levels, 1), "constant": (constant, 1)}


# ----------------------------------------------------------------------------------------------------------------- masks


def full(rng, shape):
    return np.ones(shape, bool)


def ellipse(rng, shape):
    grid = np.meshgrid(*[np.linspace(-1, 1, s) if s > 1 else np.zeros(1) for s in shape], indexing="ij")
    return sum((g / 0.9) ** 2 for g in grid) <= 1


def ragged(rng, shape):
    return ellipse(rng, shape) & (smooth(rng, shape, 3) + 0.4 * rng.random(shape) > 0.5)


def components(rng, shape):
    return smooth(rng, shape, 4) > 0.6


def holes(rng, shape):
    return ellipse(rng, shape) & (rng.random(shape) > 0.12)


def lines(rng, shape):
    mask = np.zeros(shape, bool)
    mask[..., shape[-2] // 2, :] = True
    mask[..., :, shape[-1] // 3] = True
    return mask


def isolated(rng, shape):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(None, None, 3) for _ in shape)] = True
    return mask


def single(rng, shape):
    mask = np.zeros(shape, bool)
    mask[tuple(s // 2 for s in shape)] = True
    return mask


def checkerboard(rng, shape):
    return sum(np.indices(shape)) % 2 == 0


def diagonal(rng, shape):
    mask = np.zeros(shape, bool)
    mask[tuple(s // 2 for s in shape)] = mask[tuple(s // 2 - (s > 1) for s in shape)] = True
    return mask


def pair(rng, shape):
    mask = single(rng, shape)
    mask[tuple([s // 2 for s in shape[:-1]] + [max(0, shape[-1] // 2 - 1)])] = True
    return mask


def sparse(rng, shape):
    return rng.random(shape) < 0.15


def row(rng, shape):
    mask = np.zeros(shape, bool)
    mask[..., shape[-2] // 2, :] = True
    return mask


def empty(rng, shape):
    return np.zeros(shape, bool)


MASKS = {m.__name__: m for m in [full, ellipse, ragged, components, holes, lines, isolated, single, checkerboard, diagonal, pair, sparse, row, empty]}


# ----------------------------------------------------------------------------------------------------------------- cases

images, cases = {}, []


def stored(name, array):
    images[name] = array
    return name


def image_of(kind, shape, seed=0):
    name = f"{kind} {'×'.join(map(str, shape))}" + (f" #{seed}" if seed else "")
    if name not in images:
        images[name] = KINDS[kind][0](np.random.default_rng([seed, sum(map(ord, kind)), *shape]), shape)
    return name


def mask_of(kind, shape, seed=0):
    name = f"{kind} {'×'.join(map(str, shape))}" + (f" #{seed}" if seed else "")
    if name not in images:
        mask = MASKS[kind](np.random.default_rng([seed, sum(map(ord, kind)), *shape]), shape)
        if kind != "empty" and not mask.any():
            mask = single(None, shape)
        images[name] = mask.astype(np.uint8)
    return name


def add(image, mask, scale=1, spacing=None, classes=("firstorder", "glcm", "shape2D"), **settings):
    shape = images[image].shape
    spacing = spacing or [1.0] * len(shape)
    name = f"{image}, {mask.split()[0]}" + "".join(f", {k} {v}" for k, v in settings.items())
    name += f", scale {scale}" if scale != 1 else ""
    name += f", spacing {'×'.join(map(str, spacing))}" if set(spacing) != {1.0} else ""
    if any(case["name"] == name for case in cases):
        return
    cases.append({"name": name, "image": image, "mask": mask, "scale": scale, "spacing": spacing, "settings": settings, "classes": classes})


def independent(k):
    """A row whose neighbours are independent of each other: co-occurrences k² : k : k : 1. Only rounding tells HXY from HXY2,
    and the second eigenvalue from 0."""
    runs = [[1] * (k * k + 1)] + [[1]] * k
    return np.array(sum([run + [30] for run in runs[:-1]], [])[:-1] + [30, 30] + runs[-1], np.uint8).reshape(1, -1)


def list_cases():
    masks = list(MASKS)
    for n, shape in enumerate(SMALL):
        for kind in KINDS:
            add(image_of(kind, shape), mask_of("full", shape), KINDS[kind][1])
        add(image_of("noise", shape), mask_of(masks[2 + n % 4], shape))
    turn = 0
    for shape in SIZES:
        for kind in KINDS:
            for _ in range(2 if kind in ("two", "constant") else 3):
                add(image_of(kind, shape), mask_of(masks[turn % (len(masks) - 1)], shape), KINDS[kind][1])
                turn += 1
    shape = (25, 30)
    for kind in ("blob", "phantom", "saliency", "normal"):
        for mask in masks:
            add(image_of(kind, shape), mask_of(mask, shape), KINDS[kind][1])

    # Settings, one after the other and together.
    region = mask_of("ragged", shape)
    for kind in ("blob", "phantom", "saliency", "normal"):
        image, scale = image_of(kind, shape), KINDS[kind][1]
        for count in (8, 16, 32, 64):
            add(image, region, scale, binCount=count)
        for width in {"blob": (2, 3.7, 10, 50), "phantom": (10, 50, 33.3), "saliency": (2.5, 5, 25.5), "normal": (0.1, 0.25, 0.7, 1)}[kind]:
            add(image, region, scale, binWidth=width)
        for distances in ([2], [1, 3], [1, 2], [5]):
            add(image, region, scale, distances=distances)
        add(image, region, scale, symmetricalGLCM=False)
        add(image, mask_of("sparse", shape), scale, symmetricalGLCM=False, binCount=8)
        for norm in ("manhattan", "euclidean", "infinity", "no_weighting"):
            add(image, region, scale, weightingNorm=norm)
            add(image, region, scale, weightingNorm=norm, distances=[1, 2], symmetricalGLCM=False, binCount=16, spacing=[0.7, 0.45])
        add(image, region, scale, voxelArrayShift=2000)
        add(image, region, scale, voxelArrayShift=-17.5, spacing=[0.7, 0.45])
        add(image, region, scale, spacing=[2.5, 0.8])
    maps = image_of("saliency", shape)
    add(maps, region)  # [0, 1] with width 25: one level
    for width in (1 / 32, 0.1, 0.05):
        add(maps, region, binWidth=width)
    add(image_of("constant", shape), region, binCount=8)
    add(image_of("constant", shape), mask_of("single", shape), binCount=32)
    add(stored("tenth 12×20", np.full((12, 20), 0.1, np.float32)), mask_of("full", (12, 20)))
    add("tenth 12×20", mask_of("full", (12, 20)), binWidth=0.01)
    add(stored("checks 20×21", (checkerboard(None, (20, 21)) * 255).astype(np.uint8)), mask_of("full", (20, 21)))
    add(stored("edges 8×9", np.arange(72).reshape(8, 9).astype(np.float32) * 5), mask_of("full", (8, 9)), binWidth=5)
    add(stored("halves 8×9", ((np.arange(72).reshape(8, 9) * 7) % 31).astype(np.float32) / 8 - 2), mask_of("full", (8, 9)), binWidth=0.25)
    add("halves 8×9", mask_of("full", (8, 9)), binCount=10)
    add(stored("tenths 6×11", (np.arange(66).reshape(6, 11) % 11 / 10).astype(np.float32)), mask_of("full", (6, 11)), binWidth=0.1)
    add("tenths 6×11", mask_of("full", (6, 11)), binCount=10)
    add(stored("ramp 16×16", np.arange(256).reshape(16, 16).astype(np.uint8)), mask_of("full", (16, 16)), binWidth=1)
    add("ramp 16×16", mask_of("full", (16, 16)), binCount=64)
    add(stored("paper 3×3", np.array([[0, 0, 225], [225, 0, 225], [0, 225, 225]], np.uint8)), mask_of("full", (3, 3)))
    offset = (1000 + np.random.default_rng(5).normal(0, 0.01, (30, 30))).astype(np.float32)
    add(stored("far 30×30", offset), mask_of("ellipse", (30, 30)), binWidth=0.01)
    add("far 30×30", mask_of("full", (30, 30)), binCount=32)
    for k in range(2, 14):
        row_of_two = stored(f"independent {k}", independent(k))
        add(row_of_two, mask_of("full", images[row_of_two].shape))
    for seed in range(1, 13):
        odd = (3 + 7 * seed % 23, 4 + 5 * seed % 29)
        add(image_of("noise", odd, seed), mask_of("ragged", odd, seed), binCount=8 + 4 * seed)
        add(image_of("normal", odd, seed), mask_of("holes", odd, seed), binWidth=0.1 * seed)
    for kind in ("saliency", "blob"):
        add(image_of(kind, (224, 224)), mask_of("full", (224, 224)), KINDS[kind][1])

    # Volumes.
    both = ("firstorder", "glcm")
    for shape in [(3, 7, 6), (5, 12, 11), (2, 20, 9), (8, 8, 8), (1, 14, 15), (12, 3, 2)]:
        for kind, mask in [("blob", "full"), ("phantom", "ellipse"), ("saliency", "ragged"), ("normal", "sparse")]:
            image, region, scale = image_of(kind, shape), mask_of(mask, shape), KINDS[kind][1]
            add(image, region, scale, [2.5, 0.8, 0.8], both, binCount=16)
            add(image, region, scale, [2.5, 0.8, 0.8], both, binCount=16, force2D=True)
    shape = (5, 12, 11)
    for dimension in (1, 2):
        add(image_of("blob", shape), mask_of("ragged", shape), classes=both, force2D=True, force2Ddimension=dimension)
    add(image_of("noise", shape), mask_of("ragged", shape), classes=both, distances=[2])
    add(image_of("noise", shape), mask_of("ragged", shape), classes=both, distances=[1, 3], symmetricalGLCM=False, binCount=8)
    for norm in ("manhattan", "euclidean", "infinity", "no_weighting"):
        add(image_of("blob", shape), mask_of("ragged", shape), 1, [1.5, 0.6, 0.5], both, weightingNorm=norm)


# -------------------------------------------------------------------------------------------------------------- features


class Angles:
    """Keeps what numpy.nanmean is given: the values per angle."""

    def __enter__(self):
        self.seen, self.original = [], np.nanmean
        np.nanmean = lambda values, *rest, **named: (self.seen.append(np.array(values)), self.original(values, *rest, **named))[1]
        return self

    def __exit__(self, *_):
        np.nanmean = self.original


def scalar(value):
    value = float(np.real(np.asarray(value).reshape(-1)[0]))
    return None if np.isnan(value) else value


def features(name, image, mask, settings):
    """Values in alphabetical order (NaN as null), and what else is worth keeping; or the message of what was raised."""
    try:
        instance = CLASSES[name](image, mask, **settings)
        instance._initCalculation()
        values, skipped = [], {}
        for feature in sorted(instance.getFeatureNames(), key=str):
            if instance.getFeatureNames()[feature] and feature not in DEPRECATED[name]:
                continue
            with Angles() as angles:
                try:
                    value = scalar(getattr(instance, f"get{feature}FeatureValue")())
                except np.linalg.LinAlgError:  # of a matrix that is NaN: no pairs
                    value = None
            values.append([feature, value])
            for seen in angles.seen if feature in ("Imc2", "MCC") else []:
                count = int(np.isnan(seen).sum())
                if 0 < count and not np.isnan(instance.P_glcm).all():
                    skipped[feature] = {"angles": count, "zeros": float(np.mean(np.nan_to_num(seen.real)))}
        out = {"values": values}
        if skipped:
            out["skipped"] = skipped
        if "Ng" in instance.coefficients:
            out["levels"] = instance.coefficients["Ng"]
        return out
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    warnings.simplefilter("ignore")
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    list_cases()
    names = {}
    for case in cases:
        image = sitk.GetImageFromArray(images[case["image"]].astype(np.float64) * case["scale"])
        mask = sitk.GetImageFromArray(images[case["mask"]])
        for volume in (image, mask):
            volume.SetSpacing(case["spacing"][::-1])
        two_dimensional = images[case["image"]].ndim == 2
        # Texture settings do not matter to shape: once per mask and spacing.
        plain = two_dimensional and not case["settings"]
        for name in case.pop("classes"):
            if name == "shape2D" and not plain:
                continue
            result = features(name, image, mask, case["settings"])
            if "values" in result:
                names.setdefault(name, [feature for feature, _ in result["values"]])
                assert names[name] == [feature for feature, _ in result["values"]]
                result["values"] = [value for _, value in result["values"]]
            case[name] = result
    used = {case[key] for case in cases for key in ("image", "mask")}
    os.makedirs(FOLDER, exist_ok=True)
    write_typed_golden(os.path.join(FOLDER, "images.bin"), {"format": 1}, {name: images[name] for name in images if name in used})
    versions = {"pyradiomics": radiomics.__version__, "numpy": np.__version__, "SimpleITK": sitk.Version_VersionString()}
    with open(os.path.join(FOLDER, "cases.json"), "w") as file:
        head = json.dumps({"format": 1, "versions": versions, "features": names})[1:-1]
        file.write("{" + head + ', "cases": [\n' + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]}\n")
    count = {name: sum(name in case for case in cases) for name in CLASSES}
    raised = [(case["name"], name, case[name]["error"]) for case in cases for name in CLASSES if "error" in case.get(name, {})]
    skipped = [(case["name"], case["glcm"]["skipped"]) for case in cases if "skipped" in case.get("glcm", {})]
    print(len(cases), "cases", count, names)
    print(*raised, sep="\n")
    print(*skipped, sep="\n")


if __name__ == "__main__":
    main()
