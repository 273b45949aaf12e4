"""One CSV table: a header row, then a label and numbers per row.

NumPy parses the numbers, which is many times faster than a loop. Only if it fails, a slow second
pass finds the line and the column for the error message.
"""

import csv
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..text import quoted, shown

ENCODING = "utf-8-sig"  # UTF-8, with or without the byte-order mark that some spreadsheets add


def read_table(path: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the labels (n,), float64 numbers (n, columns) and column names of a table.

    Raises FileNotFoundError for a missing file. Raises ValueError for a file that is not UTF-8, a
    header that doesn't start with `label`, a line with more or fewer cells than the header, or a
    cell that is not a number.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; check the path")
    try:
        names = header(path)
        if len(names) < 2 or names[0] != "label":
            raise InputError(
                f"{path} line 1 starts with {quoted(names[:3])}; "
                "expected a header of comma-separated names, the first one `label`"
            )
        labels = _labels(path, len(names))
        if not labels:
            return [], np.empty((0, len(names) - 1)), names[1:]
        return labels, _numbers(path, names), names[1:]
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file ({error}); save it as one") from None


def header(path: Path) -> list[str]:
    """Return the names in the first line, without quotes; errors of the encoding and of csv."""
    with open(path, encoding=ENCODING, newline="") as file:
        return [name.strip() for name in next(csv.reader(file), [])]


def not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    """Return the error to raise for text in another encoding."""
    return InputError(
        f"{path} is not UTF-8 text (byte {error.start} is {error.object[error.start]:#04x}); "
        "save it as UTF-8"
    )


def write_table(path: Path, labels: np.ndarray, numbers: np.ndarray, *, names: list[str]) -> None:
    """Write labels (n,) and numbers (n, columns), with enough digits to read the same values."""
    digits = "%.9g" if numbers.dtype == np.float32 else "%.17g"
    row_format = ",".join([digits] * numbers.shape[1])
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(["label", *(_quoted(name, "column") for name in names)]) + "\n")
        for label, row in zip(labels.tolist(), numbers, strict=True):
            file.write(f"{_quoted(str(label), 'label')},{row_format % tuple(row.tolist())}\n")


def _quoted(text: str, what: str) -> str:
    if "\n" in text or "\r" in text or text != text.strip():
        raise InputError(
            f"{what} {text!r} has a line break or a space at an end, which CSV files lose; "
            "rename it"
        )
    if "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _labels(path: Path, width: int) -> list[str]:
    """Return the first cell of every line; ValueError unless every line has `width` cells."""
    labels = []
    with open(path, encoding=ENCODING) as file:
        for number, line in enumerate(file, start=1):
            if number == 1 or not line.rstrip("\n"):
                continue
            cells = next(csv.reader([line])) if '"' in line else line.rstrip("\n").split(",", 1)
            count = len(cells) if '"' in line else line.count(",") + 1
            if count != width:
                raise InputError(
                    f"{path} line {number} has {count} cells but the header has {width}; "
                    "every line needs a label and one number per column"
                )
            labels.append(cells[0].strip())
    return labels


def _numbers(path: Path, names: list[str]) -> np.ndarray:
    try:
        return np.loadtxt(
            str(path),
            delimiter=",",
            quotechar='"',
            comments=None,
            skiprows=1,
            usecols=range(1, len(names)),
            encoding=ENCODING,
            ndmin=2,
        )
    except ValueError as error:
        raise _bad_cell(path, names, error=error) from None


def _bad_cell(path: Path, names: list[str], *, error: ValueError) -> InputError:
    with open(path, encoding=ENCODING) as file:
        for number, line in enumerate(file, start=1):
            cells = next(csv.reader([line]), []) if number > 1 else []
            for column, cell in enumerate(cells[1:], start=2):
                if not is_number(cell):
                    return InputError(
                        f"{path} line {number}, column {column} ({shown(names[column - 1])}) "
                        f"holds {quoted(cell)}; expected a number"
                    )
    words = shown(" ".join(str(error).split()), 200)
    return InputError(f"{path} can't be read ({words}); expected a label and numbers per line")


def is_number(cell: str) -> bool:
    """Return whether NumPy can parse the cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python accepts 1_000, NumPy does not
