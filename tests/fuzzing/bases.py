"""Small valid files of every kind that is read, made once per process."""

import atexit
import io
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from tinygzsl import EntropySeparationGZSL
from tinygzsl.baselines import DEM, DSEN, SADLE, SYNC
from tinygzsl.baselines.common.calibration import fit_on
from tinygzsl.checkpoints import Checkpoints, GanCheckpoint, VsmmCheckpoint
from tinygzsl.datasets import Dataset, save_csv, save_npz
from tinygzsl.nn.adam import Adam
from tinygzsl.settings import settings_for
from tinygzsl.stacking import RoutedGZSL
from tinygzsl.vsmm import VSMM, VsmmTraining

PLACE = Path(tempfile.mkdtemp(prefix="fuzz"))  # for what outlasts a case
atexit.register(shutil.rmtree, PLACE, ignore_errors=True)
SETTINGS = {
    **{"preset": "small", "gan_generator_hidden": (4,), "gan_critic_hidden": (4,), "gan_lr": 3e-3},
    **{"gan_batch": 8, "gan_max_epochs": 6, "cs_low": 0.0, "cs_high": 0.9, "proxy_count": 20},
    **{"cs_per_class": 4, "scale_features": "standard", "gan_output": "linear", "vsmm_latent": 4},
    **{"vsmm_lr": 1e-2, "vsmm_batch": 16, "vsmm_epochs": 2, "router_delta_high": 1.0},
    **{"ptc_l2": (1e-2,), "gan_train_on": True},
}


@cache
def dataset(text=False):
    """4 seen and 2 unseen classes, 5 features, 3 attributes; labels are numbers or text."""
    rng = np.random.default_rng(7)
    labels = np.array([f"bird {c}" for c in "abcdef"]) if text else np.arange(1, 7)
    prototypes = rng.random((6, 3)) + 0.1
    to_features = rng.normal(size=(3, 5))

    def samples(classes, per_class):
        index = np.repeat(classes, per_class)
        X = prototypes[index] @ to_features + 0.05 * rng.normal(size=(len(index), 5))
        return X.round(4).astype(np.float32), labels[index]

    seen, unseen = np.array([0, 1, 2, 4]), np.array([3, 5])
    X_train, y_train = samples(seen, 6)
    tests = [samples(seen, 2), samples(unseen, 3)]
    return Dataset(
        name="tiny",
        X_train=X_train,
        y_train=y_train,
        X_test=np.concatenate([X for X, _ in tests]),
        y_test=np.concatenate([y for _, y in tests]),
        seen_classes=labels[seen],
        seen_prototypes=prototypes[seen].round(4).astype(np.float32),
        unseen_classes=labels[unseen],
        unseen_prototypes=prototypes[unseen].round(4).astype(np.float32),
        class_names={label: f"name {label}" for label in labels.tolist()},
        validation=None if text else (np.arange(12), np.arange(12, 24)),
    )


def npz_files(folder):
    """Two .npz datasets, as bytes."""
    found = []
    for text in (False, True):
        save_npz(dataset(text), folder / "d.npz")
        found.append({"d.npz": (folder / "d.npz").read_bytes()})
    content = np.load(io.BytesIO(found[0]["d.npz"]))
    stored = io.BytesIO()
    np.savez(stored, **{k: content[k] for k in content.files})
    return [*found, {"d.npz": stored.getvalue()}]


def csv_files(folder):
    """Two folders of CSV files."""
    found = []
    for text in (False, True):
        save_csv(dataset(text), folder)
        found.append({p.name: p.read_bytes() for p in sorted(folder.glob("*.csv"))})
    return found


def views_files(folder):
    """An .npz file and a folder of CSV files that have the views att and text."""
    data = dataset()
    seen, unseen = (
        {"att": prototypes, "text": prototypes[:, :2] + 1}
        for prototypes in (data.seen_prototypes, data.unseen_prototypes)
    )
    data = replace(data, seen_prototypes=seen, unseen_prototypes=unseen)
    save_npz(data, folder / "d.npz")
    save_csv(data, folder)
    return [{p.name: p.read_bytes() for p in sorted(folder.iterdir())}]


def matlab_variables():
    """Variables of the features' file and of the splits' file."""
    data = dataset()
    X = np.concatenate([data.X_train, data.X_test])
    y = np.concatenate([data.y_train, data.y_test])
    att = np.zeros((3, 6))
    att[:, data.seen_classes - 1] = data.seen_prototypes.T
    att[:, data.unseen_classes - 1] = data.unseen_prototypes.T
    rows = np.arange(1, len(y) + 1, dtype=np.uint16)[:, None]
    names = np.array([[f"name {c}"] for c in range(1, 7)], dtype=object)
    features = {"features": X.T.astype(np.float64), "labels": y.astype(np.uint8)[:, None]}
    splits = {
        **{"att": att, "allclasses_names": names},
        **{"trainval_loc": rows[:24], "test_seen_loc": rows[24:32], "test_unseen_loc": rows[32:]},
        **{"train_loc": rows[:12], "val_loc": rows[12:24]},
    }
    return features, splits


def mat5_files(folder):
    """Two folders in the xlsa17 layout, compressed and not."""
    from scipy.io import savemat

    features, splits = matlab_variables()
    found = []
    for packed in (True, False):
        savemat(folder / "res101.mat", features, do_compression=packed)
        savemat(folder / "att_splits.mat", splits, do_compression=packed)
        found.append({p.name: p.read_bytes() for p in sorted(folder.glob("*.mat"))})
    return found


def mat73_bytes(variables, packed=False):
    """A MATLAB v7.3 file: HDF5 after 512 bytes, arrays transposed, cells by reference."""
    import h5py

    file = io.BytesIO()
    how = {"chunks": True, "compression": "gzip"} if packed else {}
    with h5py.File(file, "w", userblock_size=512) as tree:
        for key, value in variables.items():
            if value.dtype != object:
                tree.create_dataset(key, data=value.T, **how)
                continue
            cells = []
            for i, text in enumerate(value.ravel()):
                codes = np.array([[ord(c)] for c in text], "u2")
                cells.append(tree.create_dataset(f"#refs#/{key}{i}", data=codes).ref)
            tree.create_dataset(key, data=np.array([cells], dtype=h5py.ref_dtype))
            tree[key].attrs["MATLAB_class"] = np.bytes_("cell")
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    return head + file.getvalue()[len(head) :]


def mat73_files(folder):
    """Two folders in the xlsa17 layout of version 7.3, compressed and not."""
    names = ("res101.mat", "att_splits.mat")
    return [
        {n: mat73_bytes(v, packed) for n, v in zip(names, matlab_variables(), strict=True)}
        for packed in (True, False)
    ]


def action_files(folder):
    """Action recognition: the features and one split."""
    (found,) = mat5_files(folder)[:1]
    return [{"i3d.mat": found["res101.mat"], "split_01/att_splits.mat": found["att_splits.mat"]}]


@cache
def trained(folder, text=False, gan=True):
    """A fitted model, and its checkpoint's bytes if it has a GAN."""
    t = dataset(text).training()
    model = EntropySeparationGZSL(**SETTINGS, vsmm_weight_es=1.0 if gan else 0.0)
    saved = Checkpoints(GanCheckpoint(folder / "gan.npz", "f")) if gan else None
    model.fit(t.X, t.y, t.prototypes, checkpoint=saved)
    return model, (folder / "gan.npz").read_bytes() if gan else None


def model_files(folder):
    """Three models: with a GAN, without, and with text for labels."""
    found = []
    for text, gan in ((False, True), (False, False), (True, False)):
        trained(folder, text, gan)[0].save(folder / "model.npz")
        found.append({"model.npz": (folder / "model.npz").read_bytes()})
    return found


def baseline_files(folder):
    """Four baselines, of arrays, numbers and networks, one of them not strict; one is routed."""
    data, found = dataset(), []
    small = {"latent": 4, "epochs": 1}
    routed = RoutedGZSL(router=trained(folder, gan=False)[0], expert=DEM(hidden=4, steps=2))
    fit_on(routed.expert, data)
    methods = SYNC(), SADLE(**small), DSEN(**small, hidden=4)
    for model in (*(fit_on(method, data) for method in methods), routed):
        model.save(folder / "model.npz")
        found.append({"model.npz": (folder / "model.npz").read_bytes()})
    return found


def vsmm_training():
    """A VSMM with its optimiser, at its first step."""
    settings = settings_for("small", {**SETTINGS, "preset": None})
    vsmm = VSMM.create(np, d=5, k=3, n_classes=4, settings=settings, seed=0, dtype="float32")
    return VsmmTraining(vsmm, Adam(vsmm.params, lr=1e-2))


def vsmm_files(folder):
    """Two checkpoints of a VSMM: within its first epoch of three batches, and after it."""
    training, found = vsmm_training(), []
    for _ in range(3):
        training.adam.step([np.ones_like(p) for p in training.adam.params])
        training.add({"clf": np.float32(1.5), "loss": np.float32(2)}, 8)
        if training.batches == 3:
            training.end_epoch(24)
        VsmmCheckpoint(folder / "vsmm.npz", "f").save(training)
        found.append({"vsmm.npz": (folder / "vsmm.npz").read_bytes()})
    return found[1:]


def npy_files(folder):
    """Features for predict, in several types."""
    X, found = dataset().X_test, []
    for array in (X, X.astype(np.float64), np.asfortranarray(X), (100 * X).astype(np.int16)):
        file = io.BytesIO()
        np.save(file, array)
        found.append({"x.npy": file.getvalue()})
    return found


def features_files(folder):
    """Features for predict as CSV, with labels and without."""
    text = csv_files(folder)[0]["test.csv"]
    without = b"".join(line.partition(b",")[2] for line in text.splitlines(keepends=True))
    return [{"x.csv": text}, {"x.csv": without}]


def unseen_files(folder):
    """Prototypes of all classes, and of the unseen ones."""
    text = csv_files(folder)[0]["prototypes.csv"]
    lines = text.splitlines(keepends=True)
    return [{"p.csv": text}, {"p.csv": lines[0] + b"".join(lines[5:])}]
