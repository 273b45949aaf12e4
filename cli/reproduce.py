"""`tinygzsl reproduce`: the paper's tables and figures, measured on the user's data."""

from pathlib import Path

import click

from ..errors import InputError
from .common import FAILED, emit, errors_as_sentences, given, json_option, note, threaded
from .completion import complete_preset, complete_set


@click.command()
@click.argument("target", required=False)
@click.argument("datasets", nargs=-1, metavar="[DATASET]...")
@click.option("--root", help="Folder to look in for named datasets.")
@click.option(
    "--preset",
    help="Named settings.  [default: the paper's for the dataset]",
    shell_complete=complete_preset,
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="One setting: gan.lr=1e-4; see `tinygzsl settings`.",
    shell_complete=complete_set,
)
@click.option("--seeds", default="0", show_default=True, metavar="0-4", help="Seeds to run.")
@click.option(
    "--splits", metavar="1-30", help="Splits of action recognition.  [default: as in the paper]"
)
@click.option(
    "--methods", metavar="A,B", help="Of table2 and table3: ours,eszsl.  [default: all printed]"
)
@click.option("--settings", metavar="FILE", help="TOML file with the other methods' settings.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--out", help="Folder for table.csv, table.json and figures.")
@json_option
@errors_as_sentences
@threaded
def reproduce(target, datasets, out, as_json, **options):
    """Measure a table or figure of the paper, and compare it with the printed numbers.

    TARGET is table1 to table4 or figure2 to figure7; without it, they are listed. The datasets are
    the paper's, found under --root, or each DATASET given: a name, a folder or letters. The other
    methods in table2 and table3 are trained too, with the settings of `compare`. Figures need --out
    and matplotlib; figure3 also needs scikit-learn.
    """
    from ..reproduce.published import published
    from ..reproduce.run import outcomes, progress
    from ..reproduce.targets import TARGETS
    from ..runtime.backend import device_module
    from .compare_plan import folder_for
    from .progress import Progress

    if target is None:
        emit({k: t.title for k, t in TARGETS.items()}, as_json=as_json, text=_listed(TARGETS))
        return
    if target not in TARGETS:
        raise InputError(f"there is no {target!r}; pass one of {', '.join(TARGETS)}")
    folder = folder_for(out)
    device_module(options["device"])
    _check_packages(target, folder)
    _check_methods(target, options)
    table = _Table(target, published(target), folder=folder)
    with Progress() as callback:

        def say(line):
            callback.close()
            note(line)

        jobs = _jobs(target, datasets, options={**options, "callback": callback}, table=table)
        table.write()  # an error about the folder should come before the first run
        for job, outcome in outcomes(TARGETS[target], progress(jobs, say)):
            table.add(job, outcome, say=say)
    table.draw()
    files = [str(path) for path in table.files]
    emit({**table.facts(), "files": files}, as_json=as_json, text=table.text())
    if table.failed:
        raise SystemExit(FAILED)


def _listed(targets):
    return "\n".join(f"{name:8} {target.title}" for name, target in targets.items())


def _check_packages(target, folder):
    """Check what a figure needs, before anything is trained."""
    if target.startswith("figure") and folder is None:
        raise InputError(f"{target} is a figure; pass --out FOLDER for it")
    if target.startswith("figure"):
        from ..report.figures import new_figure

        new_figure(1, 1.0)
    if target == "figure3":
        from ..reproduce.evolution import check_tsne

        check_tsne()


def _check_methods(target, options):
    from ..reproduce.others import TABLES

    for name in ("methods", "settings"):
        if options[name] and target not in TABLES:
            raise InputError(
                f"--{name} would do nothing: {target} shows no other methods; leave it out"
            )


def _jobs(target, datasets, *, options, table):
    """Return the runs by dataset, split and seed; record missing datasets in table.not_run."""
    from ..baselines.methods import DETERMINISTIC
    from ..datasets.find import canonical
    from ..reproduce.experiments import Job
    from ..reproduce.sources import splits_of, wanted_splits
    from ..reproduce.targets import TARGETS
    from ..settings import BEST
    from .compare_plan import check_named
    from .config import absolute_source, resolve
    from .sweep_plan import numbers

    seeds, asked = numbers(options["seeds"], "--seeds"), None
    if options["splits"]:
        asked = numbers(options["splits"], "--splits")
    jobs = []
    for name in datasets or TARGETS[target].datasets:
        try:
            there = splits_of(name, options["root"])
        except FileNotFoundError as error:
            if datasets:
                raise
            table.missing(name, str(error))
            continue
        top = given({"preset": options["preset"]})
        named = given({"name_or_path": name, "root": options["root"]})
        params, source = resolve(None, options["sets"], top=top, source=named)
        if params["preset"] == BEST:
            raise InputError(
                f"--preset {BEST} is no method of the paper; measure it with `tinygzsl compare`"
            )
        params |= {"device": options["device"], "dtype": "float32"}
        params["callback"] = options["callback"]
        label, source = canonical(name), absolute_source(source)
        if label in table.datasets:
            raise InputError(f"two datasets are called {label}; give them one at a time")
        table.datasets.append(label)
        for split in wanted_splits(target, name, there=there, asked=asked):
            where = {**source, "split": split}
            for system, chosen in _systems(
                target, label, options=options, printed=table.printed
            ).items():
                mine = seeds[:1] if system in DETERMINISTIC else seeds
                jobs += [
                    Job(
                        dataset=label,
                        split=split,
                        seed=seed,
                        source=where,
                        params={**params, "seed": seed},
                        method=system,
                        chosen=chosen,
                    )
                    for seed in mine
                ]
    if options["settings"] and jobs:
        check_named(Path(options["settings"]), table.datasets)
    if asked and jobs and all(job.split is None for job in jobs):
        raise InputError(
            f"--splits {options['splits']} would do nothing: {', '.join(table.datasets)} has no "
            "numbered splits; leave it out"
        )
    return jobs


def _systems(target, label, *, options, printed):
    """Return {class name: settings} of the methods to measure; None for ours, with its preset."""
    from ..comparison.chosen import OURS, chosen_for
    from ..reproduce.others import systems
    from .compare_plan import method_names

    names = [OURS, *systems(target, label, printed=printed)]
    if options["methods"]:
        names = method_names(options["methods"])
    path = Path(options["settings"]) if options["settings"] else None
    return {name: None if name == OURS else chosen_for(name, label, path=path) for name in names}


class _Table:
    """The table of the measured runs, in memory and, if given, in a folder."""

    def __init__(self, target, printed, *, folder):
        self.target, self.printed, self.folder = target, printed, folder
        self.datasets, self.outcomes, self.files = [], [], []
        self.not_run, self.failed = {}, {}

    def missing(self, dataset, why):
        self.not_run[dataset] = why
        note(f"note: {dataset} was not run: {why}")

    def add(self, job, outcome, *, say):
        if isinstance(outcome, str):
            self.failed[f"{job.dataset}, {job.label}"] = outcome
            say(f"warning: {job.dataset}, {job.label} failed: {outcome}")
        else:
            self.outcomes.append(outcome)
        self.write()

    def records(self):
        from ..reproduce.records import records

        return records(self.outcomes, self.printed, datasets=self.datasets)

    def draw(self):
        self.write()
        if self.folder and self.outcomes:
            from ..report.figures import save_figures
            from ..reproduce.pictures import pictures

            figures = pictures(self.target, self.records(), self.outcomes)
            self.files += save_figures(figures, self.folder)

    def facts(self):
        return {
            "target": self.target,
            "rows": [record.as_dict() for record in self.records()],
            "not_run": self.not_run,
            "failed": self.failed,
        }

    def text(self):
        from ..reproduce.targets import TARGETS
        from ..reproduce.text import as_text

        lines = [f"{self.target}: {TARGETS[self.target].title}", "", as_text(self.records())]
        if self.not_run:
            lines.append(f"\nnot found, hence not run: {', '.join(self.not_run)}")
        if not self.datasets:
            lines.append(f"\nto try it without them: tinygzsl reproduce {self.target} letters")
        lines += [f"\n{name} failed: {why}" for name, why in self.failed.items()]
        return "\n".join([*lines, "", *(f"wrote {path}" for path in self.files)]).rstrip()

    def write(self):
        from ..reproduce.run import write_table

        if self.folder:
            self.files = write_table(self.folder, self.facts(), records=self.records())
