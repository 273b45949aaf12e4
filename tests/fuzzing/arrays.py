"""Mutations that know the form of a file: the arrays in .npz, .npy and .mat files.

What lies around the damage (CRC, compression, checksum) is made right again, so that the checks
behind it are reached.
"""

import io
import json
import struct
import warnings
import zipfile
import zlib

import numpy as np

from tinygzsl.storage.arrays_file import CHECKSUM, checksum

from .mutate import mutated_bytes, mutated_value, set_number

SHAPES = ("(4, 2)", "()", "(1,)", "(0, 3)", "(25000000000,)", "(-1, 4)", "(2, 2, 2)", "(4L, 2L)")
SHAPES += ("(9223372036854775807, 2)", "(" * 200 + ")" * 200, "(1e3,)", "([1], 2)", "(4, )")
DTYPES = (
    "'<f4'",
    "'>f8'",
    "'<f2'",
    "'|O'",
    "'|b1'",
    "'<U0'",
    "'<U3'",
    "'|S4'",
    "'<c8'",
    "'<M8[s]'",
)
DTYPES += ("[('a', '<f8')]", "'<f16'", "'<u8'", "'|V8'", "'f'", "'<q'", "b'<f8'", "'<U99999999999'")


def mutated_array(rng, array):
    """Another array where one of numbers or text was."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rng.choice(ARRAY_MUTATIONS)(rng, np.asarray(array))


def _value(rng, array):
    array = array.copy()
    if not array.size:
        return array
    values = {"U": ("", "x", "\u1234", " a "), "f": (np.nan, np.inf, -1e30, 1e-30, 0.5, 3e38)}
    fitting = values.get(array.dtype.kind, (0, 1, 2, 100))
    array.reshape(-1)[rng.randrange(array.size)] = rng.choice(fitting)
    return array


def _dtype(rng, array):
    kinds = "f2 f4 f8 i1 u1 i4 u8 >f8 >i4 ?" if array.dtype.kind != "U" else "S20 U30 >U20"
    try:
        return array.astype(rng.choice(kinds.split()))
    except (ValueError, UnicodeError, OverflowError):
        return array.astype("U5")


def _shape(rng, array):
    shapes = [array.T, array.reshape(-1), array[None], array[..., None], array.reshape(-1, 1)]
    return np.asfortranarray(rng.choice(shapes)) if rng.random() < 0.5 else rng.choice(shapes)


def _size(rng, array):
    if array.ndim == 0:
        return np.repeat(array, rng.randrange(4))
    cut = [array[:-1], array[:0], np.concatenate([array, array]), array[::-1], array[..., :1]]
    return rng.choice(cut)


def _odd(rng, array):
    odd = (np.array([1, None], object), np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]))
    return rng.choice((*odd, np.array("text"), np.zeros((0, 0)), np.array(["a", "b"])))


def _constant(rng, array):
    if array.dtype.kind == "U":
        return np.full_like(array, "same")
    return np.full_like(array, rng.choice((0, 1, 7)))


ARRAY_MUTATIONS = (_value, _value, _dtype, _shape, _size, _odd, _constant)


def npy_bytes(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def mutated_npy(rng, content):
    """An NPY file whose array, header or bytes are others."""
    how = rng.randrange(4)
    if how == 0:
        return mutated_bytes(rng, content)
    if how == 1:
        return npy_bytes(mutated_array(rng, np.load(io.BytesIO(content))))
    length = struct.unpack_from("<H", content, 8)[0]
    header = content[10 : 10 + length].decode("latin-1")
    descr, shape = header[10:].split(",")[0], header[header.index("(") : header.index(")") + 1]
    other = rng.choice(
        (
            header.replace(shape, rng.choice(SHAPES)),
            header.replace(shape, rng.choice(SHAPES)),
            header.replace(descr, f" {rng.choice(DTYPES)}"),
            header.replace("False", rng.choice(("True", "None", "0", "__import__('os')"))),
            mutated_bytes(rng, header.encode("latin-1")).decode("latin-1"),
        )
    )
    size = rng.choice((len(other),) * 6 + (0, 1, 65535, length)) % 65536
    version = rng.choice((b"\x01\x00",) * 6 + (b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    return (
        content[:6]
        + version
        + struct.pack("<H", size)
        + other.encode("latin-1")
        + content[10 + length :]
    )


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def zipped(members, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two members of one name
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, content in members:
                archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def mutated_npz(rng, content):
    """An NPZ file with another member, or with other bytes."""
    how = rng.randrange(10)
    if how < 3:
        return mutated_bytes(rng, content)
    if how == 3:  # a field of the central directory or of a local header
        places = [i for i in range(len(content) - 4) if content[i : i + 2] == b"PK"]
        at = rng.choice(places) + rng.choice((4, 6, 8, 10, 14, 16, 18, 20, 22, 24, 26, 28, 42))
        return bytes(set_number(rng, content, at))
    members = unzipped(content)
    at = rng.randrange(len(members))
    name, inner = members[at]
    if how == 4:
        members[at] = rng.choice((members[0][0], name[:-4], "../x.npy", "", "x" * 300)), inner
    elif how == 5:
        del members[at]
    elif how == 6:
        members.append((rng.choice((name, "new.npy", name[:-4])), rng.choice(members)[1]))
    else:
        members[at] = name, mutated_npy(rng, inner)
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    return zipped(members, method if rng.random() < 0.8 else zipfile.ZIP_STORED)


def mutated_archive(rng, content):
    """A model or checkpoint: half of the damages below the checksum, which is made right again."""
    if rng.random() < 0.4:
        return mutated_npz(rng, content)
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(str(arrays.pop("header")))
    header.pop(CHECKSUM)
    if rng.random() < 0.5:
        header = mutated_value(rng, header)
    else:
        name = rng.choice(list(arrays))
        arrays[name] = mutated_array(rng, arrays[name])
        if rng.random() < 0.2:
            del arrays[name]
    if any(a.dtype.kind not in "biufcSU" for a in arrays.values()) or not isinstance(header, dict):
        return mutated_npz(rng, content)
    text = json.dumps({**header, CHECKSUM: checksum(header, arrays)})
    return zipped(
        [(f"{n}.npy", npy_bytes(a)) for n, a in {"header": np.array(text), **arrays}.items()]
    )


def mutated_mat(rng, content):
    """A MATLAB v5 file: bytes, or the inside of a variable that is then packed again."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, content)
    elements, at = [], 128
    while at < len(content):
        kind, size = struct.unpack_from("<II", content, at)
        elements.append((kind, content[at + 8 : at + 8 + size]))
        at += 8 + size
    at = rng.randrange(len(elements))
    kind, inner = elements[at]
    inner = zlib.decompress(inner) if kind == 15 else struct.pack("<II", kind, len(inner)) + inner
    how = rng.randrange(4)
    if how < 2:  # tags, flags, dimensions and name are in the first bytes
        most = len(inner) if how else min(len(inner), 80)
        inner = bytes(set_number(rng, inner, rng.randrange(0, most, 4)))
    elif how == 2:
        inner = mutated_bytes(rng, inner)
    if how == 3:
        elements.insert(rng.randrange(len(elements) + 1), elements[at])
    elif kind == 15:
        elements[at] = kind, zlib.compress(inner, 1)
    else:
        elements[at] = kind, inner[8:]
    packed = (struct.pack("<II", kind, len(inner)) + inner for kind, inner in elements)
    return content[:128] + b"".join(packed)


SIGNS = (b"\x89HDF", b"TREE", b"HEAP", b"SNOD", b"OHDR", b"FRHP", b"\x11\x00")  # of HDF5's parts


def mutated_hdf5(rng, content):
    """An HDF5 file with another number near the beginning of one of its parts."""
    sign = rng.choice(SIGNS)
    places = [i for i in range(len(content) - 4) if content.startswith(sign, i)]
    if not places:
        return mutated_bytes(rng, content)
    for _ in range(rng.choice((1, 1, 2))):
        at = min(rng.choice(places) + rng.randrange(200), len(content))
        content = bytes(set_number(rng, content, at))
    return content
