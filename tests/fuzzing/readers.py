"""Every reader: the valid files that it starts from, how they are damaged, how they are read."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinygzsl import load_dataset, load_model
from tinygzsl.checkpoints import GanCheckpoint, VsmmCheckpoint
from tinygzsl.cli.config import resolve
from tinygzsl.cli.predict import _read_features, _read_unseen
from tinygzsl.comparison.chosen import Chosen, read_settings
from tinygzsl.cwgan import CWGAN
from tinygzsl.runs.config import config_text
from tinygzsl.settings import given_settings, settings_for
from tinygzsl.snapshots import GanTraining, SnapshotKeeper
from tinygzsl.stacking import RoutedGZSL

from . import arrays, bases, results
from .invariants import check_dataset, check_route
from .mutate import mutated_bytes, mutated_text


class Reader(NamedTuple):
    """files(folder) are dicts of valid files by name; damage(rng, name, content) gives other bytes;
    read(folder) raises what the library raises, or AssertionError where an invariant is broken.
    """

    files: Callable
    damage: Callable
    read: Callable


def _damage_dataset(rng, name, content):
    by_suffix = {".npz": arrays.mutated_npz, ".mat": arrays.mutated_mat, ".csv": mutated_text}
    return by_suffix[Path(name).suffix](rng, content)


def _plain(mutated):
    return lambda rng, name, content: mutated(rng, content)


def _damage_mat73(rng, name, content):
    """Bytes, mostly in the metadata; or another variable in a file that is whole."""
    how = rng.random()
    if how < 0.7:
        return (mutated_bytes if how < 0.2 else arrays.mutated_hdf5)(rng, content)
    features, splits = bases.matlab_variables()
    variables = features if name == "res101.mat" else splits
    key = rng.choice(list(variables))
    if variables[key].dtype == object:
        return mutated_bytes(rng, content)
    changed = arrays.mutated_array(rng, variables[key])
    if changed.dtype.kind not in "fiub":
        return mutated_bytes(rng, content)
    return bases.mat73_bytes({**variables, key: changed})


def _read_dataset(name="."):
    return lambda folder: check_dataset(load_dataset(folder / name))


def _read_views(folder):
    for source in (folder, folder / "d.npz"):
        check_dataset(load_dataset(source, prototypes="att,text"))


def _with_model(files):
    """The same files, after the model is there that reads them."""

    def make(folder):
        _model()
        return files(folder)

    return make


def _model(text=False):
    return bases.trained(bases.PLACE, text)[0]


LARGEST = 1e9  # of features; what greater ones do is no matter of reading


def _read_npy(folder):
    _check_features(_read_features(folder / "x.npy"))


def _read_csv(folder):
    _check_features(_read_features(folder / "x.csv"))


def _check_features(X):
    X = np.asarray(X)
    if X.dtype.kind != "f" or not (np.abs(np.float64(X[np.isfinite(X)])) > LARGEST).any():
        check_route(_model(), _model().route(X), len(X))


def _read_prototypes(folder):
    unseen, X = _read_unseen(_model(), (str(folder / "p.csv"),)), bases.dataset().X_test
    if (np.abs(unseen[0][np.isfinite(unseen[0])]) > LARGEST).any():
        return
    result = _model().route(X, *unseen)
    check_route(_model(), result, len(X))
    assert np.isin(result.label, np.concatenate([_model().classes_, unseen[1]])).all()


def _read_model(folder):
    model, data = load_model(folder / "model.npz"), bases.dataset()
    networks = [*model.vsmm_.networks.values()]
    if model.proxy_source_ is not None:
        networks += [snapshot.generator for snapshot in model.proxy_source_.snapshots]
    arrays = [p for network in networks for p in network.params]
    arrays += [model._feature_scaler.scale, model._feature_scaler.shift, model._seen_prototypes]
    assert all(np.isfinite(array).all() for array in arrays)
    if max(np.abs(array).max(initial=0) for array in arrays) > LARGEST:
        return
    for unseen in ((), (data.unseen_prototypes, ["8", "9"] if _is_text(model) else [8, 9])):
        check_route(model, model.route(data.X_test, *unseen), len(data.X_test))
    if model.proxy_source_ is not None:
        assert model.sample_proxies(2).shape == (2, model.n_features_in_)


def _read_baseline(folder):
    """What load_model gives has finite numbers, and labels of its own; huge ones may overflow."""
    model, data = load_model(folder / "model.npz"), bases.dataset()
    baseline = model.expert if isinstance(model, RoutedGZSL) else model
    arrays = [a for a in model.state().arrays.values() if a.dtype.kind == "f"]
    assert all(np.isfinite(array).all() for array in arrays)
    numbers = [baseline.offset, baseline.score_scale_, getattr(baseline, "_unit", 1.0)]
    sizes = [np.abs(array[array != 0]) for array in (*arrays, np.array(numbers))]
    extremes = [float(f(size)) for size in sizes if size.size for f in (np.max, np.min)]
    if not all(1 / LARGEST <= extreme <= LARGEST for extreme in extremes):
        return
    if baseline.strict:
        unseen = data.unseen_prototypes
    else:
        unseen = baseline._unseen_prototypes
    labels = np.array([f"no {i}" for i in range(len(unseen))])
    labels = labels if _is_text(model) else 100 + np.arange(len(unseen))
    if np.isin(labels, model.classes_).any():
        return
    found = model.predict(data.X_test, unseen, labels)
    assert np.isin(found, np.concatenate([model.classes_, labels])).all()
    p = baseline.predict_proba(data.X_test, unseen)
    assert np.isfinite(p).all() and np.allclose(p.sum(axis=1), 1, atol=1e-5)


def _is_text(model):
    return model.classes_.dtype.kind == "U"


def _checkpoint_files(folder):
    return [{"gan.npz": bases.trained(folder)[1]}]


def _read_checkpoint(folder):
    settings = settings_for("small", {**bases.SETTINGS, "preset": None})
    gan = CWGAN(np, d=5, k=3, settings=settings, seed=0, dtype="float32")
    training = GanTraining(gan, None, [SnapshotKeeper(settings)])
    GanCheckpoint(folder / "gan.npz", "f").restore(training)
    assert gan.step > 0
    (keeper,) = training.keepers
    assert keeper.lowest <= keeper.highest if training.looks else not keeper.kept
    for adam in (gan.generator_adam, gan.critic_adam):
        for array in (*adam.params, *adam.m, *adam.v):
            assert np.isfinite(array).all()


def _read_vsmm(folder):
    training = bases.vsmm_training()
    VsmmCheckpoint(folder / "vsmm.npz", "f").restore(training)
    adam, begun = training.adam, training.adam.t > 0 or not training.history
    assert begun and training.batches >= 0
    for array in (*adam.params, *adam.m, *adam.v, training.sums):
        assert np.isfinite(array).all()
    if training.batches:
        training.end_epoch(24)
        assert all(np.isfinite(value) for value in training.history[-1].values())


def _config_files(folder):
    """A run's config.toml, and what `tune` writes."""
    bases.npz_files(folder)
    found = []
    for preset, top in (("paper", {"dtype": "float32"}), ("letters", {})):
        settings = settings_for(preset)
        top = {"preset": preset, "seed": 0, "device": "cpu", **top}
        source = {"name_or_path": "d.npz", "root": str(bases.PLACE), "split": None}
        text = config_text(top, source, settings)
        found.append({"config.toml": text.encode()})
    bases.save_npz(bases.dataset(), bases.PLACE / "d.npz")
    return found


def _read_config(folder):
    from tinygzsl import EntropySeparationGZSL
    from tinygzsl.datasets.array_checks import check_dtype
    from tinygzsl.nn.random import check_seed
    from tinygzsl.runtime.backend import device_module

    params, source = resolve(str(folder / "config.toml"), (), top={}, source={})
    model = EntropySeparationGZSL(**params)
    settings = settings_for(model.preset, given_settings(model.get_params()))
    check_seed(model.seed)
    check_dtype(model.dtype)
    device_module(model.device)
    for value in (settings.gan_lr, settings.vsmm_lr, settings.router_delta_high):
        assert np.isfinite(value)
    load_dataset(**source)


def _settings_files(folder):
    text = '[ESZSL.awa1]\norigin = "a test"\nregularize_features = 2.0\n\n'
    text += '[SAE."cub"]\nencoding_weight = 0.5\n\n[ours.awa1]\npreset = "paper"\ngan_lr = 1e-5\n'
    return [{"settings.toml": text.encode()}]


def _read_baselines(folder):
    for chosen in read_settings(folder / "settings.toml").values():
        assert isinstance(chosen, Chosen) and isinstance(chosen.origin, str)


def _read_action(folder):
    check_dataset(load_dataset(folder, split=1))


READERS = {
    "npz": Reader(bases.npz_files, _damage_dataset, _read_dataset("d.npz")),
    "csv": Reader(bases.csv_files, _damage_dataset, _read_dataset()),
    "views": Reader(bases.views_files, _damage_dataset, _read_views),
    "mat5": Reader(bases.mat5_files, _damage_dataset, _read_dataset()),
    "mat73": Reader(bases.mat73_files, _damage_mat73, _read_dataset()),
    "action": Reader(bases.action_files, _damage_dataset, _read_action),
    "npy": Reader(_with_model(bases.npy_files), _plain(arrays.mutated_npy), _read_npy),
    "features": Reader(_with_model(bases.features_files), _plain(mutated_text), _read_csv),
    "unseen": Reader(_with_model(bases.unseen_files), _plain(mutated_text), _read_prototypes),
    "config": Reader(_config_files, _plain(mutated_text), _read_config),
    "settings": Reader(_settings_files, _plain(mutated_text), _read_baselines),
    "model": Reader(bases.model_files, _plain(arrays.mutated_archive), _read_model),
    "baseline": Reader(bases.baseline_files, _plain(arrays.mutated_archive), _read_baseline),
    "checkpoint": Reader(_checkpoint_files, _plain(arrays.mutated_archive), _read_checkpoint),
    "vsmm": Reader(bases.vsmm_files, _plain(arrays.mutated_archive), _read_vsmm),
    "run": Reader(results.run_files, results.damage_sealed, results.read_run_folder),
    "sweep": Reader(results.sweep_files, results.damage_sealed, results.read_sweep),
    "compare": Reader(results.compare_files, results.damage_sealed, results.read_compare),
    "labels": Reader(results.labels_files, results.damage_sealed, results.read_labels),
}
