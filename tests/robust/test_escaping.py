"""What data says appears as text: in the terminal, in the HTML page and in its SVGs."""

import re

import numpy as np
import pytest

from tinygzsl.cli import common
from tinygzsl.report.html import element
from tinygzsl.report.svg import drawing, label
from tinygzsl.text import one_line, printable

NASTY = "<script>alert(1)</script></title>]]>&\"'\x1b[31m\x1b]0;t\x07\x9b1m\r\b\x00\u202e$\\x_^{"
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


def test_what_steers_a_terminal_becomes_visible():
    assert printable("a\x1b[31m\x9b\r\x08\x00\u202e\ud800\n\tz") == (
        "a\\x1b[31m\\x9b\\r\\x08\\x00\\u202e\\ud800\n\tz"
    )
    assert one_line("a\nb\tc") == "a\\nb\\tc"
    assert printable("Ελλάδα नमस्ते می‌خواهم", None) == "Ελλάδα नमस्ते می‌خواهم"
    assert printable("é α", "ascii") == "\\xe9 \\u03b1"
    assert printable("é α", "latin-1") == "é \\u03b1"


def test_the_terminal_gets_text(capsys):
    common.note(NASTY)
    common.emit({"name": NASTY}, as_json=False, text=NASTY)
    common.emit({"name": NASTY}, as_json=True, text="")
    common.Failure(NASTY, 1).show()
    shown = capsys.readouterr()
    assert not RAW.search(shown.out.replace("\n", "") + shown.err.replace("\n", ""))
    assert shown.err.startswith("<script>alert(1)</script>")
    assert "\\x1b[31m" in shown.err


def test_errors_and_warnings_of_a_command(run_cli, tmp_path):
    result = run_cli("data", "inspect", str(tmp_path / "a\x1b[31mb\u202e"))
    assert result.exit_code == 2
    assert "a\\x1b[31mb\\u202e" in result.stderr
    assert not RAW.search(result.stderr.replace("\n", ""))


def test_html_and_svg_get_text():
    page = element("p", NASTY, title=NASTY)
    svg = drawing("n", NASTY, described=NASTY, height=10, parts=[label(0, 0, NASTY)])
    for text in (page, svg):
        assert "<script" not in text
        assert "</title>]]" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert not RAW.search(text)


def test_predictions_stay_data_in_a_pipe(capsysbinary):
    common.emit_data("label\n=1+1\x1b é\n")
    assert capsysbinary.readouterr().out == "label\n=1+1\x1b é\n".encode()


@pytest.mark.parametrize("name", ["$\\alpha$", "$x", "_^{", "</title>"])
def test_a_report_of_such_classes(run_cli, write_xlsa17, fast_options, tmp_path, name):
    names = np.array([[f"{name}{c}"] for c in range(8)], object)
    write_xlsa17(tmp_path / "d", allclasses_names=names)
    run = tmp_path / "run"
    assert run_cli("train", tmp_path / "d", *fast_options, "--out", run).exit_code == 0
    assert run_cli("evaluate", run).exit_code == 0
    assert run_cli("report", run).exit_code == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("</title>") == page.count("<title")
