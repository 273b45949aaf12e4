"""Runs to report on, and a report read back as HTML."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

VOID = {"meta", "wbr"}


class Page(HTMLParser):
    """The page's tags, each as [name, attributes, text], in the order in which they open."""

    def __init__(self, html):
        super().__init__()
        self.html, self.open, self.tags = html, [], []
        self.feed(html)
        assert not self.open  # every tag was closed

    def handle_starttag(self, tag, attrs):
        entry = [tag, dict(attrs), ""]
        self.tags.append(entry)
        if tag not in VOID:
            self.open.append(entry)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for entry in self.open:
            entry[2] += data

    def tables(self):
        """{caption: rows of cells, headers first}."""
        found = {}
        for tag, _, content in self.tags:
            if tag == "caption":
                rows = found[content] = []
            elif tag == "tr":
                rows.append([])
            elif tag in ("th", "td"):
                rows[-1].append(content)
        return found

    def table(self, start):
        """The rows of the only table whose caption starts so."""
        (rows,) = [rows for caption, rows in self.tables().items() if caption.startswith(start)]
        return rows

    def of(self, tag):
        return [entry for entry in self.tags if entry[0] == tag]

    def text(self):
        return self.of("body")[0][2]

    def svgs(self):
        return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", self.html, re.S)]


@pytest.fixture
def page_of():
    """page_of(html) -> the Page of a section."""
    return Page


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder for the run that tests only read."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def finished(shared, run_cli, fast_options, write_xlsa17):
    """A run that was trained and evaluated, the same one for all tests."""
    if not (shared / "run").exists():
        write_xlsa17(shared / "data")
        args = ("train", shared / "data", *fast_options, "--out", shared / "run")
        assert run_cli(*args).exit_code == 0
        assert run_cli("evaluate", shared / "run").exit_code == 0
    return shared / "run"


@pytest.fixture
def make_run(run_cli, fast_options, write_xlsa17, tmp_path):
    """make_run(*options, evaluate=True, **changes of the files) -> a run folder."""

    def make(*options, evaluate=True, **changes):
        write_xlsa17(tmp_path / "data", **changes)
        args = ("train", tmp_path / "data", *fast_options, *options, "--out", tmp_path / "run")
        assert run_cli(*args).exit_code == 0
        if evaluate:
            assert run_cli("evaluate", tmp_path / "run").exit_code == 0
        return tmp_path / "run"

    return make


@pytest.fixture
def report(run_cli):
    """report(run, *options) -> (Page, the command's JSON)."""

    def make(run, *options):
        result = run_cli("report", run, "--json", *options)
        assert result.exit_code == 0, result.output
        facts = json.loads(result.stdout)
        with open(facts["report"], encoding="utf-8") as file:
            return Page(file.read()), facts

    return make
