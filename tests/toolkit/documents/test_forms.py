"""Tables for papers, pages and programs: what means something there is escaped, numbers are numbers."""

import csv
import io
import re
import shutil
import subprocess

import pytest

from cnnkit.documents import Paragraph, SectionHeading, Table, TableEntry, count, csv_text, latex, markdown

ODD = 'a|b & 50% of $x_1 #2 {~^} <i> \\n "q" [0]* `c`, --lr'
TABLE = Table(("name", "n"), [(ODD, count(1234)), ("[2] first", TableEntry("-", "")), ("* two\nlines", "0.5")], "wr")


def test_csv_is_read_back_by_the_csv_module():
    rows = list(csv.reader(io.StringIO(csv_text.render(TABLE))))
    assert rows == [["name", "n"], [ODD, "1234"], ["[2] first", ""], ["* two lines", "0.5"]]
    assert csv_text.render(Paragraph("text")) == csv_text.render(SectionHeading("text")) == ""


def test_markdown_escapes_what_would_end_a_cell():
    lines = markdown.render(TABLE).splitlines()
    assert lines[:2] == ["| name | n |", "| --- | ---: |"]
    assert len(lines) == 5
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines)
    assert r"a\|b" in lines[2]
    assert "&lt;i>" in lines[2]
    assert lines[4].startswith(r"| \* two lines")
    assert markdown.render(SectionHeading("A *b*", 3)) == r"### A \*b\*"
    assert markdown.render(Paragraph("# no heading")) == r"\# no heading"
    assert markdown.render(Paragraph("snake_case -5 -")) == "snake_case -5 -"


def test_latex_escapes_every_sign():
    text = latex.render(TABLE)
    assert text.startswith("\\begin{tabular}{lr}\n\\hline\nname & n \\\\\n")
    row = text.splitlines()[4]
    assert r"a\textbar{}b \& 50\% of \$x\_1 \#2 \{\textasciitilde{}\textasciicircum{}\}" in row
    assert r"\textbackslash{}n" in row
    assert "-{}-lr" in row
    assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert text.splitlines()[5].startswith("{[}2{]} first"), "after \\\\ a bracket would be an argument"
    assert text.splitlines()[6].startswith("{*} two lines")
    assert latex.render(Paragraph("100 %\nsure")) == "% 100 % sure"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path):
    head = "\\documentclass{article}\\usepackage[T1]{fontenc}\\begin{document}\n"
    (tmp_path / "t.tex").write_text(f"{head}{latex.render(TABLE)}\n\\end{{document}}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("text", ["=1+1", "+1+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\uff1d1+1"])
def test_what_a_spreadsheet_would_compute_stands_behind_an_apostrophe(text):
    table = Table(("name", text), [(text, TableEntry(text)), ("-0.5", "+1,234"), ("-", count(-3))])
    rows = list(csv.reader(io.StringIO(csv_text.render(table))))
    assert rows == [["name", f"'{text}"], [f"'{text}"] * 2, ["-0.5", "+1,234"], ["-", "-3"]]


def test_no_form_has_hidden_characters_of_a_cell():
    table = Table(("a\x1b[31m", "b"), [("\u202ex", "y\x9b"), ("one\ntwo", "\udcff")])
    for form in (csv_text, latex, markdown):
        text = form.render(table)
        assert not [c for c in text if not c.isprintable() and c != "\n"]
        assert len(text.splitlines()) == len(form.render(Table(("a", "b"), [("c", "d"), ("e", "f")])).splitlines())
