"""The files that golden scripts write and test/golden/golden_arrays.mjs reads. NumPy only; Python 3.7 suffices, because
old packages ask for it."""

import json
import struct

import numpy as np


def write_golden(path, header, arrays):
    """'SLGOLD1\\n', u32 header length, JSON header (with name, dims, offset per array), float32 little-endian data."""
    blob, offset = b"", 0
    header["arrays"] = []
    for name, array in arrays.items():
        array = np.ascontiguousarray(array, dtype="<f4")
        header["arrays"].append({"name": name, "dims": list(array.shape), "offset": offset})
        blob += array.tobytes()
        offset += array.size
    _write(path, b"SLGOLD1\n", header, blob)


def write_typed_golden(path, header, arrays):
    """As write_golden, but arrays keep their type (uint8, int16 or float32, named in the header) and offsets are in bytes,
    multiples of 4; magic 'SLGOLD2\\n'."""
    blob = b""
    header["arrays"] = []
    for name, array in arrays.items():
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        dtype = {"uint8": "u8", "int16": "i16", "float32": "f32"}[array.dtype.name]
        header["arrays"].append({"name": name, "dtype": dtype, "dims": list(array.shape), "offset": len(blob)})
        blob += array.tobytes() + b"\0" * (-array.nbytes % 4)
    _write(path, b"SLGOLD2\n", header, blob)


def _write(path, magic, header, blob):
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 12) % 4)
    with open(path, "wb") as file:
        file.write(magic + struct.pack("<I", len(text)) + text + blob)


def read_golden(path):
    """The arrays of a file that write_golden wrote, by name."""
    blob = open(path, "rb").read()
    length = struct.unpack_from("<I", blob, 8)[0]
    data = np.frombuffer(blob, dtype="<f4", offset=12 + length)
    entries = json.loads(blob[12 : 12 + length])["arrays"]
    return {
        e["name"]: data[e["offset"] : e["offset"] + int(np.prod(e["dims"]))].reshape(e["dims"]) for e in entries
    }
