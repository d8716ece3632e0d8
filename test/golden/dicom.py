"""Small DICOM files in every encoding that Python libraries can write, with the pixels that they must give.

Needs: pip install pydicom numpy imagecodecs. Writes dicom/*.dcm and dicom/expected.json beside this file.
Values in [0, 1] ("unit") come from pydicom's own modality and VOI transforms where a file has a window.
"""

import base64
import json
import pathlib
import zlib

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_windowing
from pydicom.uid import (
    ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian,
    JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, JPEGLSNearLossless, JPEGLossless, JPEGLosslessSV1, RLELossless,
)

out = pathlib.Path(__file__).with_suffix("")
out.mkdir(exist_ok=True)
rows, columns = 13, 18
y, x = np.mgrid[0:rows, 0:columns]
grey8 = ((x * 13 + y * 7) % 256).astype(np.uint8)
smooth8 = (40 + 6 * x + 5 * y).astype(np.uint8)
grey12 = ((x * 211 + y * 97) % 4096).astype(np.uint16)
grey16 = ((x * 3001 + y * 1777) % 65536).astype(np.uint16)
signed12 = (((x * 211 + y * 97) % 4096) - 2048).astype(np.int16)
signed16 = (grey16.astype(np.int32) - 32768).astype(np.int16)
rgb = np.stack([(x * 13) % 256, (y * 19) % 256, (x * 5 + y * 9) % 256], -1).astype(np.uint8)
smooth_rgb = np.stack([40 + 6 * x, 200 - 7 * y, 60 + 4 * x + 3 * y], -1).astype(np.uint8)

expected = {}


def dataset(pixels, syntax, bits, photometric, **tags):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds = Dataset()
    ds.file_meta = meta
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Secret^Name", "SECRET-ID", "19991231"
    frames = pixels if tags.get("NumberOfFrames") else pixels[None]
    ds.Rows, ds.Columns = frames.shape[1:3]
    ds.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


def save(name, ds, pixels, encoded=None, unit=None, tolerance=0, stored=None):
    """`encoded`: frames as lists of fragments."""
    if encoded is None:
        raw = pixels.astype(pixels.dtype.newbyteorder(">")) if ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian else pixels
        ds.PixelData = raw.tobytes() + (b"\0" if raw.nbytes % 2 else b"")
        ds["PixelData"].VR = "OW" if ds.BitsAllocated == 16 else "OB"
    else:
        ds.PixelData = encapsulate(encoded)
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    ds.save_as(out / f"{name}.dcm", enforce_file_format=True)
    values = pixels if stored is None else stored
    expected[name] = {
        "shape": list(values.shape),
        "stored": base64.b64encode(values.astype("<f4").tobytes()).decode(),
        "unit": None if unit is None else base64.b64encode(unit.astype("<f4").tobytes()).decode(),
        "tolerance": tolerance,
    }


def grey(name, pixels, syntax, bits, encode, tolerance=0):
    save(name, dataset(pixels, syntax, bits, "MONOCHROME2"), pixels, encode and [encode(pixels)], tolerance=tolerance)


def packbits(data):
    packed = bytearray()
    i = 0
    while i < len(data):
        run = 1
        while i + run < len(data) and run < 128 and data[i + run] == data[i]:
            run += 1
        if run > 1:
            packed += bytes([257 - run, data[i]])
            i += run
        else:
            packed += bytes([0, data[i]])
            i += 1
    return bytes(packed) + (b"\0" if len(packed) % 2 else b"")


def rle(pixels):
    planes = pixels.reshape(rows * columns, -1)
    segments = []
    for c in range(planes.shape[1]):
        sample = np.ascontiguousarray(planes[:, c]).astype(planes.dtype.newbyteorder(">")).view(np.uint8).reshape(rows * columns, -1)
        segments += [packbits(sample[:, b].tobytes()) for b in range(sample.shape[1])]
    offsets = [64]
    for s in segments[:-1]:
        offsets.append(offsets[-1] + len(s))
    header = np.array([len(segments)] + offsets + [0] * (15 - len(segments)), "<u4").tobytes()
    return header + b"".join(segments)


def unsigned(pixels, bits):
    return (pixels.astype(np.int32) & (2**bits - 1)).astype(np.uint16)


for suffix, syntax in [("implicit", ImplicitVRLittleEndian), ("explicit", ExplicitVRLittleEndian), ("big_endian", ExplicitVRBigEndian), ("deflated", DeflatedExplicitVRLittleEndian)]:
    grey(f"grey16_{suffix}", grey16, syntax, 16, None)
    grey(f"signed12_{suffix}", signed12, syntax, 12, None)
grey("grey8_explicit", grey8, ExplicitVRLittleEndian, 8, None)

grey("grey8_rle", grey8, RLELossless, 8, rle)
grey("grey16_rle", grey16, RLELossless, 16, rle)
grey("signed16_rle", signed16, RLELossless, 16, rle)
grey("grey8_jpeg_lossless", grey8, JPEGLosslessSV1, 8, lambda p: imagecodecs.ljpeg_encode(p, bitspersample=8))
grey("grey12_jpeg_lossless", grey12, JPEGLosslessSV1, 12, lambda p: imagecodecs.ljpeg_encode(p, bitspersample=12))
grey("grey16_jpeg_lossless", grey16, JPEGLossless, 16, lambda p: imagecodecs.ljpeg_encode(p, bitspersample=16))
grey("signed12_jpeg_lossless", signed12, JPEGLosslessSV1, 12, lambda p: imagecodecs.ljpeg_encode(unsigned(p, 12), bitspersample=12))
grey("grey8_jpegls", grey8, JPEGLSLossless, 8, imagecodecs.jpegls_encode)
grey("grey16_jpegls", grey16, JPEGLSLossless, 16, imagecodecs.jpegls_encode)
grey("signed12_jpegls", signed12, JPEGLSLossless, 12, lambda p: imagecodecs.jpegls_encode(unsigned(p, 12)))
grey("grey16_jpegls_near", grey16, JPEGLSNearLossless, 16, lambda p: imagecodecs.jpegls_encode(p, level=3), tolerance=3)
j2k = lambda p, **k: imagecodecs.jpeg2k_encode(p, codecformat="j2k", **k)
grey("grey8_j2k", grey8, JPEG2000Lossless, 8, lambda p: j2k(p, level=0, reversible=True))
grey("grey16_j2k", grey16, JPEG2000Lossless, 16, lambda p: j2k(p, level=0, reversible=True))
grey("grey12_j2k", grey12, JPEG2000Lossless, 12, lambda p: j2k(p, level=0, reversible=True, bitspersample=12))
grey("smooth8_j2k_lossy", smooth8, JPEG2000, 8, lambda p: j2k(p, level=60, reversible=False), tolerance=4)
grey("smooth8_jpeg", smooth8, JPEGBaseline8Bit, 8, lambda p: imagecodecs.jpeg8_encode(p, level=98), tolerance=3)

save("rgb_explicit", dataset(rgb, ExplicitVRLittleEndian, 8, "RGB"), rgb)
save("rgb_rle", dataset(rgb, RLELossless, 8, "RGB"), rgb, [rle(rgb)])
save("rgb_jpegls", dataset(rgb, JPEGLSLossless, 8, "RGB"), rgb, [imagecodecs.jpegls_encode(rgb)])
save("rgb_j2k", dataset(rgb, JPEG2000Lossless, 8, "YBR_RCT"), rgb, [j2k(rgb, level=0, reversible=True, mct=True)])
save("ybr_jpeg", dataset(smooth_rgb, JPEGBaseline8Bit, 8, "YBR_FULL_422"), smooth_rgb, [imagecodecs.jpeg8_encode(smooth_rgb, level=98, colorspace="rgb", outcolorspace="ycbcr", subsampling="422")], tolerance=8)
planar = dataset(rgb, ExplicitVRLittleEndian, 8, "RGB", PlanarConfiguration=1)
save("rgb_planar", planar, np.moveaxis(rgb, -1, 0), stored=rgb)

# Windows, as pydicom computes them.
def windowed(name, pixels, bits, **tags):
    ds = dataset(pixels, ExplicitVRLittleEndian, bits, tags.pop("photometric", "MONOCHROME2"), **tags)
    hu = apply_modality_lut(pixels, ds)
    shown = apply_windowing(np.asarray(hu, float), ds)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2**bits - 1)
    slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
    low, high = low * slope + intercept, high * slope + intercept
    unit = (shown - low) / (high - low)
    save(name, ds, pixels, unit=1 - unit if ds.PhotometricInterpretation == "MONOCHROME1" else unit, stored=np.asarray(hu, np.float32), tolerance=0)


windowed("window_linear", grey12, 12, WindowCenter=1800, WindowWidth=1500, RescaleSlope="1", RescaleIntercept="0")
windowed("window_ct", grey12, 12, WindowCenter=["40", "300"], WindowWidth=["400", "1500"], RescaleSlope="1", RescaleIntercept="-1024")
windowed("window_exact", grey12, 12, WindowCenter=1800, WindowWidth=1500, VOILUTFunction="LINEAR_EXACT", RescaleSlope="1", RescaleIntercept="0")
windowed("window_sigmoid", signed12, 12, WindowCenter=100, WindowWidth=900, VOILUTFunction="SIGMOID", RescaleSlope="2.5", RescaleIntercept="7")
windowed("window_mono1", grey12, 12, photometric="MONOCHROME1", WindowCenter=2048, WindowWidth=4096, RescaleSlope="1", RescaleIntercept="0")

# Frames: one fragment each, several fragments each, with and without an offset table.
frames = np.stack([grey8, smooth8, np.flipud(grey8)])
cut = lambda data, n: [data[i : i + n] for i in range(0, len(data), n)]
save("frames_explicit", dataset(frames, ExplicitVRLittleEndian, 8, "MONOCHROME2", NumberOfFrames=3), frames)
coded = [imagecodecs.jpegls_encode(np.ascontiguousarray(f)) for f in frames]
coded = [c + b"\0" * (len(c) % 2) for c in coded]
for name, table in [("frames_table", True), ("frames_no_table", False)]:
    ds = dataset(frames, JPEGLSLossless, 8, "MONOCHROME2", NumberOfFrames=3)
    ds.PixelData = encapsulate(coded, fragments_per_frame=3, has_bot=table)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.save_as(out / f"{name}.dcm", enforce_file_format=True)
    expected[name] = expected["frames_explicit"]

header = {"format": 1, "pydicom": pydicom.__version__, "imagecodecs": imagecodecs.__version__, "files": expected}
(out / "expected.json").write_text(json.dumps(header, indent=1) + "\n")
