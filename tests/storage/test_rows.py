"""A file of rows: appended, read back, cut, damaged."""

import json
import os

import pytest

from tinygzsl.storage import rows as storage_rows
from tinygzsl.storage.rows import (
    RowFile,
    crc32,
    csv_line,
    csv_text,
    json_line,
    read_csv_line,
    read_json_line,
)


def row_file(path, head=b""):
    return RowFile(path=path, whose="this test", again="makes again", head=head)


@pytest.fixture(params=[b"", b"a,b\n"])
def rows(tmp_path, request):
    return row_file(tmp_path / "rows", request.param)


def test_lines_are_appended_below_the_head_and_read_in_their_order(rows):
    assert rows.read(bytes.decode) == []
    assert not rows.path.exists()
    for line in (b"1,2\n", b"3,4\n"):
        rows.append(line)
    assert rows.path.read_bytes() == rows.head + b"1,2\n3,4\n"
    assert rows.read(bytes.decode) == ["1,2\n", "3,4\n"]


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_line_that_a_crash_has_cut_off_is_removed(rows, cut):
    for line in (b"1,2\n", b"3,4\n"):
        rows.append(line)
    whole = rows.path.read_bytes()
    rows.path.write_bytes(whole[:-cut])
    assert rows.read(bytes.decode) == ["1,2\n"]
    rows.append(b"3,4\n")
    assert rows.path.read_bytes() == whole


def test_a_head_that_a_crash_has_cut_off_is_written_again(rows):
    rows.path.write_bytes(rows.head[:2])
    assert rows.read(bytes.decode) == []
    rows.append(b"1,2\n")
    assert rows.path.read_bytes() == rows.head + b"1,2\n"


def test_a_damaged_line_is_named_and_left_alone(tmp_path, sentence):
    rows = row_file(tmp_path / "rows", b"head\n")
    rows.path.write_bytes(b"head\n1\nhead\n")  # the head in the place of a row
    with sentence(ValueError, rows.path, "line 3 is not a row of this test", "makes again what is"):
        rows.read(int)
    assert rows.path.read_bytes() == b"head\n1\nhead\n"


ROW = {"name": "ß, \u2028", "H": 0.1 + 0.2, "none": None, "list": [1, 2]}


def test_json_lines():
    line = json_line(ROW)
    assert line.count(b"\n") == 1
    assert list(json.loads(line)) == [*ROW, "crc32"]
    assert read_json_line(line) == ROW
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line({"H": float("nan")})
    for wrong in (b"{}\n", line.replace(b"0.3", b"0.4"), line[:-2] + b"\n", b"\xff\n"):
        with pytest.raises(ValueError):
            read_json_line(wrong)


def test_csv_lines():
    line = csv_line("a,0.5,")
    assert line == f"a,0.5,,{crc32('a,0.5,')}\n".encode()
    assert read_csv_line(line) == "a,0.5,"
    with pytest.raises(ValueError, match="checksum"):
        read_csv_line(line.replace(b"0.5", b"0.6"))


def test_the_checksum_is_the_usual_crc32():
    assert crc32("123456789") == "cbf43926"


def test_a_table_has_a_column_for_every_name():
    rows = [{"a": 1, "b": "x,y"}, {"b": 0.5, "c": None}]
    assert csv_text(rows) == 'a,b,c\n1,"x,y",\n,0.5,\n'
    assert csv_text([]) == "\n"


def test_every_line_reaches_the_disk_and_the_folder_has_a_new_file(rows, monkeypatch):
    synced, fsync = [], os.fsync

    def spy(number):
        synced.append(os.fstat(number).st_size)
        fsync(number)

    monkeypatch.setattr(os, "fsync", spy)
    folders = []
    monkeypatch.setattr(storage_rows, "sync_folder", folders.append)
    for line in (b"1,2\n", b"3,4\n"):
        rows.append(line)
    assert synced == [len(rows.head) + 4, len(rows.head) + 8]  # after the line is written
    assert folders == [rows.path.parent]
