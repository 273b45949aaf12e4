"""Forged model files, checkpoints and datasets with valid checksums: whole, or one sentence.

Each case starts from a sound file, changes it on purpose and makes its checksum right again. What
is read must be whole, within bounded memory and time, and nothing is executed or unpacked.
"""

import copy
import functools
import io
import json
import pickle
import struct
import sys
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from fuzzing import bases
from fuzzing.invariants import check_dataset
from fuzzing.readers import READERS

from tinygzsl import load_dataset, load_model
from tinygzsl.errors import InputError
from tinygzsl.storage.arrays_file import CHECKSUM, checksum

from .judge import Finding, check_unchanged, must_refuse, outcome, snapshot
from .models import model_bytes

MORE = 128 << 20  # bytes of memory that reading a small file may take
BOMB = 512 << 20  # bytes that a bomb unpacks to
NUMBERS = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e300, 1e-300, -1.0, 0.0)
HEADER_VALUES = (
    *(None, True, "", "x", [], {}, [1], {"a": 1}, 0, -1, 0.5, 1e308, 2**31, 2**63, 10**400),
    *(float("nan"), float("inf"), "../x", "a\nb", "\x1b[2J", ["x"] * 50, [[[[[[1]]]]]]),
)
SHAPES = ("()", "(0,)", "(1,)", "(-1,)", "(2, 2)", "(10000000000,)", "(3000000000, 3000000000)")
DTYPES = ("|O", "|V8", "<f2", ">f8", "<c16", "<U9", "|S3", "<M8[s]", "<i8", "|b1", "<f16")


class Bomb:
    """What leaves a trace when it is unpickled."""

    def __reduce__(self):
        return open, ("executed", "w")


@functools.cache
def _bases():
    """Sound files by name: how they are read, and their bytes."""
    folder = Path(bases.PLACE)
    found = {
        f"model {name}": (_read_model, model_bytes(name))
        for name in ("single", "ESZSL", "stack", "routed")
    }
    for i, files in enumerate(bases.model_files(folder)[::2]):
        found[f"model with a CWGAN {i}"] = (_read_model, files["model.npz"])
    gan = bases.trained(folder)[1]
    found["checkpoint of a CWGAN"] = (_reader("checkpoint", "gan.npz"), gan)
    vsmm = bases.vsmm_files(folder)[0]["vsmm.npz"]
    found["checkpoint of a VSMM"] = (_reader("vsmm", "vsmm.npz"), vsmm)
    for name, files in zip(("numbers", "text"), bases.npz_files(folder), strict=False):
        found[f"dataset of {name}"] = (_read_data, files["d.npz"])
    for read, content in found.values():  # code is loaded before memory is limited
        path = folder / "sound.npz"
        path.write_bytes(content)
        read(path)
    return found


def _read_model(path):
    """Load, and predict: the results are finite, or training or input are blamed."""
    model = load_model(path)
    data = bases.dataset(text=model.classes_.dtype.kind == "U")
    for unseen in ((), (data.unseen_prototypes, data.unseen_classes)):
        method = model.route if hasattr(model, "route") else model.predict
        found = method(data.X_test, *unseen)
        for column in found if isinstance(found, tuple) else (found,):
            assert len(column) == len(data.X_test), "a wrong number of results"
            assert column.dtype.kind != "f" or np.isfinite(column).all(), "not finite"
    proba = getattr(model, "predict_proba", None)
    assert proba is None or np.isfinite(proba(data.X_test)).all(), "probabilities not finite"


def _read_data(path):
    check_dataset(load_dataset(path))


def _reader(name, file):
    def read(path):
        path.rename(path.with_name(file))
        try:
            READERS[name].read(path.parent)
        finally:
            path.with_name(file).rename(path)

    return read


def case(rng, folder):
    """A forged file of one kind, read."""
    kinds = (_header, _header, _array, _array, _number, _members, _npy, _pickled, _zip, _bomb)
    return rng.choice(kinds)(rng, folder)


def _base(rng, *, sealed=False):
    """The name of a sound file, how it is read, its arrays and, if it has one, its header."""
    names = [name for name in _bases() if not sealed or "dataset" not in name]
    name = rng.choice(names)
    read, content = _bases()[name]
    with np.load(io.BytesIO(content)) as file:
        arrays = {key: file[key] for key in file.files}
    header = json.loads(str(arrays.pop("header"))) if "header" in arrays else None
    return name, read, arrays, header


def _members_of(arrays, header):
    """The NPY files of the arrays and of the header, with a checksum that is right."""
    found = {name: _npy_bytes(array) for name, array in arrays.items()}
    if header is not None:
        header = {k: v for k, v in header.items() if k != CHECKSUM}
        text = json.dumps({**header, CHECKSUM: checksum(header, arrays)})
        found["header"] = _npy_bytes(np.array(text))
    return found


def _npy_bytes(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _npy_claiming(dtype, shape, content=b""):
    """An NPY file with any header."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text = text.ljust(-(-(len(text) + 11) // 64) * 64 - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def _zipped(members, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def _read(what, folder, read, content, *, refuse=False):
    """The kind of outcome of reading a file; nothing else may appear in the folder."""
    path = folder / "forged.npz"
    path.write_bytes(content)
    before = snapshot(folder)

    def call():
        with _limited_memory():
            try:
                read(path)
            except AssertionError as wrong:
                raise Finding(what, f"read, but not whole: {str(wrong)[:200]}") from None
            except MemoryError:
                raise Finding(what, f"more than {MORE >> 20} MB for {len(content)} bytes") from None

    errors = (InputError, FloatingPointError)
    if refuse:
        kind = must_refuse(what, call)
    else:
        kind, _ = outcome(what, call, errors=errors)
    check_unchanged(what, before, snapshot(folder))
    return kind


@contextmanager
def _limited_memory():
    """MORE bytes beside what the process has, and a reserve for code that is loaded."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _places(value, at=()):
    """The paths to all values in a header."""
    yield at
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*at, key))


def _header(rng, folder):
    """Another value in the header, one that is missing, or one too many."""
    name, read, arrays, header = _base(rng, sealed=True)
    header = copy.deepcopy(header)
    *where, last = rng.choice([at for at in _places(header) if at and at[0] != CHECKSUM])
    inside = functools.reduce(lambda value, key: value[key], where, header)
    how = rng.choice(("other", "other", "other", "gone", "more"))
    if how == "other":
        inside[last] = rng.choice(HEADER_VALUES)
    elif how == "gone":
        del inside[last]
    elif isinstance(inside, dict):
        inside["more"] = rng.choice(HEADER_VALUES)
    else:
        inside.append(rng.choice(HEADER_VALUES))
    what = f"{name}, header {'.'.join(str(k) for k in (*where, last) if isinstance(k, str))}: {how}"
    return _read(what, folder, read, _zipped(_members_of(arrays, header)))


def _array(rng, folder):
    """An array of another shape or dtype, missing, doubled, or in the place of another."""
    name, read, arrays, header = _base(rng)
    key = rng.choice(list(arrays))
    array = arrays[key]
    changes = {
        "transposed": lambda: array.T,
        "flat": lambda: array.reshape(-1),
        "an axis more": lambda: array[None],
        "cut": lambda: array[:-1] if array.ndim else array.reshape(1),
        "empty": lambda: array[:0] if array.ndim else np.zeros(0),
        "doubled": lambda: np.concatenate([array, array]) if array.ndim else np.stack([array] * 2),
        "float64": lambda: array.astype("f8") if array.dtype.kind != "U" else np.zeros(3),
        "float16": lambda: array.astype("f2") if array.dtype.kind != "U" else np.zeros(3, "f2"),
        "int8": lambda: np.ones(array.shape, "i1"),
        "complex": lambda: np.ones(array.shape, complex),
        "text": lambda: np.full(array.shape, "x"),
        "bytes": lambda: np.full(array.shape, b"\xff"),
        "a date": lambda: np.zeros(array.shape, "M8[s]"),
        "byte-swapped": lambda: array.astype(array.dtype.newbyteorder()),
        "Fortran": lambda: np.asfortranarray(array),
    }
    how = rng.choice([*changes, "gone", "renamed", "exchanged"])
    arrays = dict(arrays)
    if how in changes:
        arrays[key] = changes[how]()
    elif how == "gone":
        del arrays[key]
    elif how == "renamed":
        arrays[rng.choice(("x", "../x", "", "X_train", "header2", "a/b"))] = arrays.pop(key)
    else:
        other = rng.choice(list(arrays))
        arrays[key], arrays[other] = arrays[other], arrays[key]
    what = f"{name}, array {_general(key)}: {how}"
    return _read(what, folder, read, _zipped(_members_of(arrays, header)))


def _general(key):
    return "".join("#" if c.isdigit() else c for c in key)


def _number(rng, folder):
    """NaN, inf or a huge number in an array: refused, or without effect on what is finite."""
    name, read, arrays, header = _base(rng)
    key = rng.choice([key for key, a in arrays.items() if a.dtype.kind == "f" and a.size])
    array, value = arrays[key].copy(), rng.choice(NUMBERS)
    with np.errstate(over="ignore"):
        if rng.random() < 0.3:
            array[...] = value
        else:
            array.reshape(-1)[rng.randrange(array.size)] = value
    what = f"{name}, array {_general(key)}: {value}"
    content = _zipped(_members_of({**arrays, key: array}, header))
    bad = not np.isfinite(array).all()
    return _read(what, folder, read, content, refuse=bad)


def _members(rng, folder):
    """More members: with names that lead out of the folder, or twice."""
    name, read, arrays, header = _base(rng)
    members = _members_of(arrays, header)
    more = rng.choice(("../evil", "/tmp-evil", "a/../../evil", "C:\\evil", "x" * 300, "\u202e", ""))
    twice = rng.random() < 0.4
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for key, content in members.items():
            archive.writestr(f"{key}.npy", content)
        if twice:
            import warnings

            warnings.simplefilter("ignore")
            more = rng.choice(list(members))
            archive.writestr(f"{more}.npy", members[more])
        else:
            archive.writestr(f"{more}.npy", _npy_bytes(np.zeros(3)))
    what = f"{name}, {'a member twice' if twice else 'a member more'}"
    return _read(what, folder, read, file.getvalue(), refuse=twice)


def _npy(rng, folder):
    """An array whose own header claims another dtype or shape."""
    name, read, arrays, header = _base(rng)
    members, key = _members_of(arrays, header), rng.choice([*arrays, *(["header"] * bool(header))])
    dtype, shape = rng.choice(DTYPES), rng.choice(SHAPES)
    content = bytes(rng.choice((0, 8, 64)))
    members[key] = _npy_claiming(dtype, shape, content)
    what = f"{name}, {_general(key)} claims {dtype} of {shape}"
    return _read(what, folder, read, _zipped(members))


def _pickled(rng, folder):
    """Objects that would be executed."""
    name, read, arrays, header = _base(rng)
    members, key = _members_of(arrays, header), rng.choice([*arrays, *(["header"] * bool(header))])
    how = rng.choice(("an array of objects", "a bare pickle", "a pickle after a header"))
    if how == "an array of objects":
        members[key] = _npy_bytes(np.array([Bomb()], object))
    elif how == "a bare pickle":
        members[key] = pickle.dumps(Bomb())
    else:
        members[key] = _npy_claiming("|O", "(1,)", pickle.dumps([Bomb()]))
    content = _zipped(members)
    if rng.random() < 0.1:
        how, content = "the whole file a pickle", pickle.dumps({"header": Bomb()})
    return _read(f"{name}: {how}", folder, read, content, refuse=True)


def _zip(rng, folder):
    """A zip archive that lies about sizes, places, methods or its end; a wrong checksum."""
    name, read, arrays, header = _base(rng, sealed=True)
    content = bytearray(_zipped(_members_of(arrays, header)))
    how = rng.choice(("sizes", "sizes", "encrypted", "method", "cut", "in front", "checksum"))
    start = content.find(b"PK\x01\x02")
    if how == "sizes":
        size = rng.choice((0, 1, 2**31 - 1, 2**32 - 2))
        struct.pack_into("<I", content, start + rng.choice((20, 24, 42)), size)
    elif how == "encrypted":
        content[start + 8] |= 1
    elif how == "method":
        struct.pack_into("<H", content, start + 10, rng.choice((1, 8, 9, 12, 14, 99)))
    elif how == "cut":
        del content[rng.randrange(1, len(content)) :]
    elif how == "in front":
        content[:0] = b"x" * rng.choice((1, 4096))
    else:
        key = rng.choice([key for key in arrays if arrays[key].size])
        changed = arrays[key].copy()
        raw = changed.reshape(-1).view(np.uint8)
        raw[rng.randrange(raw.size)] ^= 1 << rng.randrange(8)
        members = _members_of(arrays, header)
        content = _zipped({**members, key: _npy_bytes(changed)})
    may = how in ("in front", "sizes", "method")  # zipfile allows bytes in front
    return _read(f"{name}, zip: {how}", folder, read, bytes(content), refuse=not may)


def _bomb(rng, folder):
    """A file of under 1 MB with an array of BOMB bytes that can't belong to it."""
    name, read, arrays, header = _base(rng)
    members = _members_of(arrays, header)
    places = ["in the place of an array", "in the place of the header", "beside no header"]
    how = rng.choice(places if header else places[:1])
    dropped = {"beside no header": "header"}.get(how)
    members.pop(dropped, None)
    key = "header" if how == "in the place of the header" else rng.choice(list(arrays))
    dtype = np.dtype("U1000") if key == "header" else np.dtype("f4")
    content = _with_bomb(members, key, dtype)
    return _read(f"{name}, a bomb {how}", folder, read, content, refuse=True)


@functools.cache
def _deflated(dtype):
    """The NPY file of BOMB zeros: its deflated bytes, its size and its CRC."""
    shape = (BOMB // dtype.itemsize,) if dtype.kind == "U" else (BOMB // 256 // 4, 256)
    head, piece = _npy_claiming(dtype.str, shape), bytes(1 << 20)
    crc = zlib.crc32(head)
    for _ in range(BOMB // len(piece)):
        crc = zlib.crc32(piece, crc)
    packed = _flushed(head) + BOMB // len(piece) * _flushed(piece) + b"\x03\x00"  # an empty end
    return packed, len(head) + BOMB, crc


def _flushed(content):
    """Deflated content that depends on nothing before it, so it can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)


def _with_bomb(members, key, dtype):
    """The members with a deflated bomb in the place of one."""
    packed, size, crc = _deflated(dtype)
    body, central = bytearray(), bytearray()
    for name, content in {**members, key: None}.items():
        method, raw = (0, content) if content is not None else (8, packed)
        sizes = (len(content), zlib.crc32(content)) if content is not None else (size, crc)
        head = struct.pack("<HHHHHIII", 20, 0, method, 0, 33, sizes[1], len(raw), sizes[0])
        file = f"{name}.npy".encode()
        names = struct.pack("<HH", len(file), 0)
        tail = struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + file
        central += b"PK\x01\x02" + struct.pack("<H", 20) + head + names + tail
        body += b"PK\x03\x04" + head + names + file + raw
    count = len({**members, key: None})
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(central), len(body), 0)
    return bytes(body + central + b"PK\x05\x06" + end)
