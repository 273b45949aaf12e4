"""Mutations of bytes and of text. Every function takes a random.Random and returns new content."""

import struct

NUMBERS = (0, 1, -1, 2, 7, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 10**11)
TEXTS = (
    *(
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e-999",
        "1e38",
        "9" * 400,
        "-0",
        "0",
        "-1",
        "2147483648",
        "1" * 5000,
    ),
    *("1_000", "0x10", "+1", "007", "", " ", "\x00", "\ufeff", "\r", "\r\n", "\n", ",", '"', "'"),
    *("[", "]", "{", "}", "=", "#", "true", "null", "None", "é", "\u2028", "\ud800", "\x1b[31m"),
    *("1979-05-27", "07:32:00", "9" * 20, "[" * 3000, '{"a":' * 3000, "x" * 20_000, "١", "½"),
    *("<script>", "../..", "\\u0000", "\\ud800", "%s", "{0}", "O", "label", "a,b", '"""', "'''"),
)


def mutated_bytes(rng, content):
    """One to three damages to bytes, as disks, cables and scripts do them."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = bytearray(rng.choice(BYTE_MUTATIONS)(rng, content))
    return bytes(content)


def _flip(rng, content):
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if content else 0):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _cut(rng, content):
    return content[: rng.randrange(len(content) + 1)]


def _cut_front(rng, content):
    return content[rng.randrange(len(content) + 1) :]


def _block(rng, content):
    start = rng.randrange(len(content) + 1)
    return start, min(start + rng.choice((1, 2, 4, 8, 16, 64, 300)), len(content))


def _delete(rng, content):
    start, end = _block(rng, content)
    return content[:start] + content[end:]


def _repeat(rng, content):
    start, end = _block(rng, content)
    return content[:end] + content[start:end] * rng.choice((1, 1, 2, 50)) + content[end:]


def _insert(rng, content):
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.randbytes(rng.choice((1, 2, 3, 4, 8, 100))) + content[at:]


def _overwrite(rng, content):
    start, end = _block(rng, content)
    return content[:start] + rng.choice((b"\x00", b"\xff")) * (end - start) + content[end:]


def _move(rng, content):
    start, end = _block(rng, content)
    block, rest = content[start:end], content[:start] + content[end:]
    at = rng.randrange(len(rest) + 1)
    return rest[:at] + block + rest[at:]


def set_number(rng, content, at=None):
    """A field of 1, 2, 4 or 8 bytes, or of a float, gets one of NUMBERS."""
    kind = rng.choice("bhiqfd")
    size = struct.calcsize(kind)
    if at is None:
        at = rng.randrange(len(content) + 1)
    number = rng.choice(NUMBERS)
    if kind in "fd":
        packed = struct.pack(kind, rng.choice((float("nan"), float("inf"), 1e30, -1e-30, number)))
    else:
        packed = struct.pack(f"{rng.choice('<>')}{kind.upper()}", number % 256**size)
    return content[:at] + packed + content[at + size :]


def _garbage(rng, content):
    return content + rng.randbytes(rng.choice((1, 8, 1000)))


def _empty(rng, content):
    return rng.choice((b"", content[:8], rng.randbytes(64)))


BYTE_MUTATIONS = (
    *(_flip, _flip, _cut, _cut_front, _delete, _repeat, _insert, _overwrite, _move),
    *(set_number, set_number, _garbage, _empty),
)


def mutated_text(rng, content):
    """One to three damages to a text file, as editors, scripts and spreadsheets do them."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(TEXT_MUTATIONS)(rng, content)
    return content


def _encoded(text):
    return text.encode("utf-8", "surrogatepass")


def _pieces(content):
    """The text split so that numbers, words and signs are pieces of their own."""
    pieces, kind = [], None
    for sign in content.decode("utf-8", "surrogateescape"):
        now = "word" if sign.isalnum() or sign in "._+-" else "sign"
        if now == kind == "word":
            pieces[-1] += sign
        else:
            pieces.append(sign)
        kind = now
    return pieces


def _joined(pieces):
    return "".join(pieces).encode("utf-8", "surrogateescape")


def _replace(rng, content):
    pieces = _pieces(content)
    words = [i for i, piece in enumerate(pieces) if piece[0].isalnum() or piece[0] in "._+-"]
    if not words:
        return _encoded(rng.choice(TEXTS))
    at = rng.choice(words)
    return _joined(pieces[:at]) + _encoded(rng.choice(TEXTS)) + _joined(pieces[at + 1 :])


def _put(rng, content):
    pieces = _pieces(content)
    at = rng.randrange(len(pieces) + 1)
    return _joined(pieces[:at]) + _encoded(rng.choice(TEXTS)) + _joined(pieces[at:])


def _lines(rng, content):
    """A line is dropped, doubled, moved, emptied or joined with the next."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    at, how = rng.randrange(len(lines)), rng.randrange(5)
    line = lines.pop(at)
    if how == 1:
        lines[at:at] = [line] * rng.choice((2, 2, 100))
    elif how == 2:
        lines.insert(rng.randrange(len(lines) + 1), line)
    elif how == 3:
        lines.insert(at, rng.choice((b"\n", b",\n", b" \n", line.strip() * 2 + b"\n")))
    elif how == 4:
        lines.insert(at, line.rstrip())
    return b"".join(lines)


def _ends(rng, content):
    return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\x00\n", b"\x85")))


def _encoding(rng, content):
    text = content.decode("utf-8", "replace")
    return rng.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-8-sig"),
            text.encode("latin-1", "replace"),
            text.replace("a", "ä").encode("latin-1", "replace"),
        )
    )


def _signs(rng, content):
    old, new = rng.choice(((b",", b";"), (b".", b","), (b",", b"\t"), (b'"', b"'"), (b",", b", ")))
    return content.replace(old, new, rng.choice((1, -1)))


TEXT_MUTATIONS = (
    *(_replace, _replace, _replace, _put, _lines, _lines, _ends, _encoding, _signs),
    mutated_bytes,
)

VALUES = (
    *(None, True, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -1.5, 1e300, "", "x", "nan", "0.5", "\x00"),
    *("x" * 3000, "\ud800", [], {}, [1, 2], [[1]], {"a": 1}, [None], ["a"], {"S": "x"}, "cuda"),
)


def mutated_value(rng, value):
    """A JSON value with one of its parts replaced, dropped or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.95:
        return _other_dict(rng, value)
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        part = ([], [value[at]] * 2, *[[mutated_value(rng, value[at])]] * 6)[rng.randrange(8)]
        return value[:at] + part + value[at + 1 :]
    if type(value) in (int, float) and rng.random() < 0.4:
        return rng.choice((value + 1, -value, value * 2, float(value), str(value), 1e-30 * value))
    return rng.choice(VALUES)


def _other_dict(rng, value):
    key, how = rng.choice(list(value)), rng.random()
    if how < 0.15:
        return {k: v for k, v in value.items() if k != key}
    if how < 0.25:
        return {**value, rng.choice(("x", "", "H", "\x00")): rng.choice(VALUES)}
    return {**value, key: mutated_value(rng, value[key])}
