"""Small images, masks and parameter files, with the features that pyradiomics' own extractor gives for them.

Needs: pip install pyradiomics==3.0.1 SimpleITK numpy<2 (Python 3.9). Writes radiomics_files/* beside this file.
"""

import json
import logging
import pathlib

import numpy as np
import radiomics
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

logging.getLogger("radiomics").setLevel(logging.ERROR)
out = pathlib.Path(__file__).with_suffix("")
(out / "labels").mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(20261121)


def blurred(shape):
    """Noise with structure, so that texture features are neither trivial nor all alike."""
    a = rng.normal(size=shape)
    for axis in range(len(shape)):
        a = (a + np.roll(a, 1, axis) + np.roll(a, -1, axis)) / 3
    return (a - a.min()) / (a.max() - a.min())


def ellipsoid(shape, radii, centre=None):
    grid = np.indices(shape)
    centre = [(n - 1) / 2 for n in shape] if centre is None else centre
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii)) <= 1


def write(name, array, spacing=None):
    image = sitk.GetImageFromArray(array)
    if spacing:
        image.SetSpacing(spacing)  # x, y, z
    sitk.WriteImage(image, str(out / name), useCompression=True)


picture = (255 * blurred((25, 31))).astype(np.uint8)
write("picture8.png", picture)
write("picture8_mask.png", (ellipsoid((25, 31), (9, 11), (12, 14)) * 255).astype(np.uint8))
write("picture16.png", (2000 + 900 * blurred((22, 19))).astype(np.uint16))
labels16 = ellipsoid((22, 19), (8, 5)).astype(np.uint8) * 3
labels16[:4] = 1
write("picture16_mask.png", labels16)
write("volume_0000.nii.gz", (1400 * blurred((7, 14, 16)) - 900).astype(np.int16), (0.8, 0.7, 2.5))
labels = ellipsoid((7, 14, 16), (3, 5, 6)).astype(np.uint8)
labels[1:3, 2:7, 2:9] *= 2
write("labels/volume.nii.gz", labels, (0.8, 0.7, 2.5))
write("flat_0000.nii.gz", (60 * blurred((5, 18, 17)) + 20).astype(np.float32), (1.2, 0.9, 3))
flat = np.zeros((5, 18, 17), np.uint8)
flat[2] = ellipsoid((18, 17), (6, 7), (9, 8))
flat[2, 8:10, 8:10] = 0
write("labels/flat.nii.gz", flat, (1.2, 0.9, 3))

params = {
    "defaults": """\
featureClass:
  firstorder:
  glcm:
  shape2D:
""",
    "weighted": """\
setting:
  binWidth: 12.5
  distances: [1, 2]
  weightingNorm: euclidean
  voxelArrayShift: 1000
  force2D: true
imageType:
  Original: {}
featureClass:
  firstorder: [Energy, TotalEnergy, RootMeanSquared, StandardDeviation, Entropy]
  glcm:
  shape2D: [SphericalDisproportion, Sphericity, Elongation]
""",
    "spaced": """\
setting:
  distances: [1, 3]
  weightingNorm: manhattan
featureClass:
  firstorder: [TotalEnergy]
  glcm:
""",
    "normalised": """\
imageType:
  Original:
    binWidth: 20
featureClass:
  firstorder: []
  glcm: [Idn, MCC, SumEntropy, DifferenceEntropy, Autocorrelation]
setting:
  normalize: true
  normalizeScale: 100
  removeOutliers: 2
  resegmentRange: [-1.5, 2]
  resegmentMode: sigma
  symmetricalGLCM: false
  additionalInfo: false
""",
    "counted": """\
setting:
  binCount: 16
  resegmentRange: [0.2, 0.9]
  resegmentMode: relative
  minimumROIDimensions: 1
featureClass:
  firstorder: [Entropy, Uniformity, Median, 10Percentile]
  glcm:
""",
}
# No force2D for pictures: pyradiomics then drops one axis of two and keeps one direction of four.
cases = [
    ("picture8.png", "picture8_mask.png", 255, ["defaults", "spaced", "normalised", "counted"]),
    ("picture16.png", "picture16_mask.png", 3, ["defaults", "spaced", "normalised", "counted"]),
    ("picture16.png", "picture16_mask.png", 1, ["defaults"]),
    ("volume_0000.nii.gz", "labels/volume.nii.gz", 1, ["defaults", "spaced", "normalised"]),
    ("volume_0000.nii.gz", "labels/volume.nii.gz", 2, ["defaults", "counted"]),
    ("flat_0000.nii.gz", "labels/flat.nii.gz", 1, ["defaults", "weighted", "normalised", "counted"]),
]
for name, text in params.items():
    (out / f"{name}.yaml").write_text(text)

expected = {"pyradiomics": radiomics.__version__, "numpy": np.__version__, "cases": []}
for image, mask, label, names in cases:
    for name in names:
        extractor = RadiomicsFeatureExtractor(str(out / f"{name}.yaml"))
        result = extractor.execute(str(out / image), str(out / mask), label=label)
        features = {k: float(v) for k, v in result.items() if not k.startswith("diagnostics")}
        expected["cases"].append({
            "image": image, "mask": mask, "label": label, "params": f"{name}.yaml",
            "features": {k: None if np.isnan(v) else v for k, v in features.items()},
        })
(out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
print(len(expected["cases"]), "extractions")
