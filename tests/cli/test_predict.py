"""`tinygzsl predict`: feature files in, labels out."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

import tinygzsl as tz
from tinygzsl.baselines import ESZSL, PrototypeRidge
from tinygzsl.datasets import save_csv
from tinygzsl.stacking import StackedGZSL


@pytest.fixture
def saved(tiny_dataset, small_model, tmp_path):
    """A saved model, the dataset it knows, and files of its test features and prototypes."""
    data = tiny_dataset()
    t = data.training()
    model = small_model(vsmm_weight_es=0.0).fit(t.X, t.y, t.prototypes)
    model.save(tmp_path / "model.npz")
    np.save(tmp_path / "x.npy", data.X_test)
    names = ",".join(f"a{i}" for i in range(6))
    lines = [f"label,{names}"]
    for classes, rows in (
        (data.seen_classes, data.seen_prototypes),
        (data.unseen_classes, data.unseen_prototypes),
    ):
        lines += [
            f"{c},{','.join(map(str, row.tolist()))}" for c, row in zip(classes, rows, strict=True)
        ]
    (tmp_path / "prototypes.csv").write_text("\n".join(lines) + "\n")
    return model, data


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.wheel
def test_every_column_of_a_routed_file(saved, run_cli, tmp_path):
    model, data = saved
    args = (tmp_path / "model.npz", tmp_path / "x.npy", "--unseen", tmp_path / "prototypes.csv")
    result = run_cli("predict", *args)
    assert result.exit_code == 0, result.output
    rows = rows_of(result.stdout)
    expected = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    assert [int(row["label"]) for row in rows] == expected.label.tolist()
    assert [row["route"] for row in rows] == expected.route.tolist()
    np.testing.assert_allclose([float(row["entropy"]) for row in rows], expected.entropy, rtol=1e-5)
    np.testing.assert_allclose([float(row["score"]) for row in rows], expected.score, rtol=1e-5)
    assert list(rows[0]) == ["label", "route", "entropy", "score", "gate"]
    assert [float(row["gate"]) for row in rows] == expected.gate.tolist()


def test_the_soft_gate_of_every_row(small_model, saved, run_cli, tmp_path):
    _, data = saved
    t = data.training()
    model = small_model(vsmm_weight_es=0.0, router_gate="soft").fit(t.X, t.y, t.prototypes)
    model.save(tmp_path / "soft.npz")
    args = (tmp_path / "soft.npz", tmp_path / "x.npy", "--unseen", tmp_path / "prototypes.csv")
    rows = rows_of(run_cli("predict", *args).stdout)
    expected = model.route(data.X_test, data.unseen_prototypes, data.unseen_classes)
    assert [int(row["label"]) for row in rows] == expected.label.tolist()
    np.testing.assert_allclose([float(row["gate"]) for row in rows], expected.gate, rtol=1e-5)


def test_without_unseen_classes_only_seen_ones_are_predicted(saved, run_cli, tmp_path):
    model, data = saved
    result = run_cli("predict", tmp_path / "model.npz", tmp_path / "x.npy", "--json")
    rows = json.loads(result.stdout)["predictions"]
    assert [row["label"] for row in rows] == model.predict(data.X_test).tolist()
    assert {row["route"] for row in rows} == {"SL"}
    assert {row["gate"] for row in rows} == {1}
    top = model.predict_proba(data.X_test).max(axis=1)
    np.testing.assert_allclose([row["score"] for row in rows], top, rtol=1e-6)


@pytest.mark.parametrize("with_label", [False, True])
def test_features_from_csv_and_out(saved, run_cli, tmp_path, with_label):
    model, data = saved
    names = ["label"] * with_label + [f"f{i}" for i in range(12)]
    lines = [",".join(names)]
    for y, row in zip(data.y_test, data.X_test, strict=True):
        lines.append(",".join([str(y)] * with_label + [str(v) for v in row.tolist()]))
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    args = (tmp_path / "model.npz", tmp_path / "x.csv", "--out", tmp_path / "labels.csv")
    result = run_cli("predict", *args)
    assert result.stdout == ""
    assert "wrote 130 rows" in result.stderr
    rows = rows_of((tmp_path / "labels.csv").read_text())
    assert [int(row["label"]) for row in rows] == model.predict(data.X_test).tolist()


@pytest.mark.parametrize("label", ['"label"', " label ", "\ufefflabel", '\ufeff"label"'])
def test_headers_as_other_programs_write_them(saved, run_cli, tmp_path, label):
    """R's write.csv puts names and text in quotes, numbers not."""
    model, data = saved
    lines = [",".join([label, *(f'"f{i}"' for i in range(12))])]
    for row in data.X_test.tolist():
        lines.append(",".join(['"a class, or none"', *map(str, row)]))
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = run_cli("predict", tmp_path / "model.npz", tmp_path / "x.csv")
    assert result.exit_code == 0, result.stderr
    labels = [int(row["label"]) for row in rows_of(result.stdout)]
    assert labels == model.predict(data.X_test).tolist()


def test_numbers_in_quotes(saved, run_cli, tmp_path):
    model, data = saved
    lines = [",".join(f'"f{i}"' for i in range(12))]
    lines += [",".join(f'"{value}"' for value in row) for row in data.X_test.tolist()]
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    result = run_cli("predict", tmp_path / "model.npz", tmp_path / "x.csv")
    assert result.exit_code == 0, result.stderr
    labels = [int(row["label"]) for row in rows_of(result.stdout)]
    assert labels == model.predict(data.X_test).tolist()


@pytest.mark.parametrize(
    ("file", "content", "parts"),
    [
        ("none.npy", None, ("none.npy", "does not exist")),
        ("x.npy", b"no array", ("x.npy", ".npy format")),
        ("x.csv", b"a,b\n1,oops\n", ("x.csv", "oops")),
        ("x.csv", b"1,2\n3,4\n", ("x.csv", "starts with numbers", "header row")),
        ("x.csv", b"a,b\n", ("X has shape (0, 1)", "at least one row")),
        ("x.csv", b"a,b\n1,2\n", ("X has 2 columns", "12")),
    ],
)
def test_bad_feature_files(saved, run_cli, tmp_path, file, content, parts):
    if content is not None:
        (tmp_path / file).write_bytes(content)
    result = run_cli("predict", tmp_path / "model.npz", tmp_path / file)
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("label,a,b\n9,1,2\n", ("unseen_prototypes has 2 columns", "6")),
        ("a,b\n9,1\n", ("header", "label")),
        ("label,a,b,c,d,e,f\n1,1,1,1,1,1,1\n", ("0 unseen prototypes",)),
        ("label,a,b,c,d,e,f\nx,1,1,1,1,1,1\n", ("unseen_classes",)),
        ("label,a,b,c,d,e,f\n9,1,1,1,1,1,inf\n", ("1 values that are NaN or inf",)),
    ],
)
def test_bad_prototype_files(saved, run_cli, tmp_path, text, parts):
    (tmp_path / "unseen.csv").write_text(text)
    args = (tmp_path / "model.npz", tmp_path / "x.npy", "--unseen", tmp_path / "unseen.csv")
    result = run_cli("predict", *args)
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    for part in parts:
        assert part in line, line


def test_labels_with_commas_are_quoted(tiny_dataset, small_model, run_cli, tmp_path):
    t = tiny_dataset().training()
    names = np.array([f"{c}, big" for c in range(7)])
    small_model(vsmm_weight_es=0.0).fit(t.X, names[t.y], t.prototypes).save(tmp_path / "m.npz")
    np.save(tmp_path / "x.npy", t.X[:5])
    rows = rows_of(run_cli("predict", tmp_path / "m.npz", tmp_path / "x.npy").stdout)
    assert {row["label"] for row in rows} <= set(names)
    assert {row["route"] for row in rows} == {"SL"}


def test_memory_mapped_features_give_the_same_labels(saved, tmp_path):
    model, data = saved
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    args = (data.unseen_prototypes, data.unseen_classes)
    for one, other in zip(model.route(mapped, *args), model.route(data.X_test, *args), strict=True):
        np.testing.assert_array_equal(one, other)
    assert tz.load_model(tmp_path / "model.npz").n_features_in_ == 12


# Views


@pytest.fixture
def viewed(tiny_dataset, tmp_path):
    """A saved model of the views att and sent, its dataset, and files: stack.npz, x.npy, a folder.

    In the folder's CSV files the classes have different orders.
    """
    data = tiny_dataset()
    seen, unseen = (
        {"att": a, "sent": a[:, :4] ** 2} for a in (data.seen_prototypes, data.unseen_prototypes)
    )
    data = replace(data, seen_prototypes=seen, unseen_prototypes=unseen)
    t = data.training()
    model = StackedGZSL(experts=[ESZSL(), PrototypeRidge()]).fit(t.X, t.y, t.prototypes)
    model.save(tmp_path / "stack.npz")
    np.save(tmp_path / "x.npy", data.X_test)
    save_csv(data, tmp_path / "data")
    sent = tmp_path / "data" / "prototypes_sent.csv"
    head, *lines = sent.read_text().splitlines()
    sent.write_text("\n".join([head, *reversed(lines)]) + "\n")
    return model, data


def unseen_files(folder, **files):
    return [
        part for view, name in files.items() for part in ("--unseen", f"{view}={folder}/{name}")
    ]


def test_a_model_with_views_takes_a_file_for_each(viewed, run_cli, tmp_path):
    model, data = viewed
    expected = model.predict(data.X_test, data.unseen_prototypes, data.unseen_classes)
    args = ("predict", tmp_path / "stack.npz", tmp_path / "x.npy")
    for files in (
        {"att": "prototypes.csv", "sent": "prototypes_sent.csv"},
        {"sent": "prototypes_sent.csv", "att": "prototypes.csv"},
    ):
        result = run_cli(*args, *unseen_files(tmp_path / "data", **files))
        assert result.exit_code == 0, result.output
        assert [int(row["label"]) for row in rows_of(result.stdout)] == expected.tolist()
    assert len(np.unique(expected)) > 5


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (("att=prototypes.csv",), ["has att but", "on att, sent", "att=FILE --unseen sent=FILE"]),
        (("prototypes.csv",), ["one file without a view's name", "on att, sent"]),
        (
            ("att=prototypes.csv", "sent=prototypes.csv", "more=prototypes.csv"),
            ["has att, sent, more but", "on att, sent"],
        ),
        (("att=prototypes.csv", "att=prototypes.csv"), ["'att' and 'att'"]),
        (("att=prototypes.csv", "train.csv"), ["train.csv is of no named view", "VIEW=FILE"]),
        (("att=prototypes.csv", "sent=none.csv"), ["none.csv does not exist"]),
        (("att=prototypes.csv", "sent=prototypes.csv"), ["unseen_prototypes['sent'] has 6", "4"]),
    ],
)
def test_views_that_do_not_fit_the_model(viewed, run_cli, tmp_path, monkeypatch, given, parts):
    monkeypatch.chdir(tmp_path / "data")
    options = [part for text in given for part in ("--unseen", text)]
    result = run_cli("predict", tmp_path / "stack.npz", tmp_path / "x.npy", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.strip().splitlines()) == 1
    for part in parts:
        assert part in result.stderr


def test_a_class_that_one_view_lacks(viewed, run_cli, tmp_path):
    path = tmp_path / "data" / "prototypes_sent.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    files = unseen_files(tmp_path / "data", att="prototypes.csv", sent="prototypes_sent.csv")
    result = run_cli("predict", tmp_path / "stack.npz", tmp_path / "x.npy", *files)
    assert result.exit_code == 2
    assert "class '0' is in" in result.stderr and "prototypes_sent.csv" in result.stderr


def test_a_file_with_an_equals_sign_in_its_name(saved, run_cli, tmp_path, monkeypatch):
    (tmp_path / "a=b.csv").write_text((tmp_path / "prototypes.csv").read_text())
    monkeypatch.chdir(tmp_path)
    outputs = [
        run_cli("predict", "model.npz", "x.npy", "--unseen", name).stdout
        for name in ("a=b.csv", "prototypes.csv")
    ]
    assert len(rows_of(outputs[0])) == 130
    assert outputs[0] == outputs[1]


def test_views_for_a_model_of_one_array(saved, run_cli, tmp_path):
    file = tmp_path / "prototypes.csv"
    given = ("--unseen", f"att={file}", "--unseen", f"sent={file}")
    result = run_cli("predict", tmp_path / "model.npz", tmp_path / "x.npy", *given)
    assert result.exit_code == 2
    assert "--unseen has att, sent but the model was trained on one array" in result.stderr
