"""Options of every command with values that can't be meant: one sentence, and nothing written."""

import shutil

from .judge import Finding, check_ended, check_unchanged, invoke, snapshot
from .models import FAST, NO_GAN, run_folder, sources

LONG = "x" * 300
DEEP = "[" * 3000 + "]" * 3000
NO_FILES = ("", "missing.npz", "missing/x.npz", LONG, "text.txt/x", "\udcff\udcfe", "empty", "a\nb")
NO_NUMBERS = ("", "x", "1.5", "nan", "1e3", "0x10", "1 2", "--1", "∞", "\udcff")

# By option: values that each command that has it must refuse.
BAD = {
    "--root": ("missing", "text.txt"),
    "--split": (*NO_NUMBERS, "-1", "0", "31", "99999999999999999999"),
    "--prototypes": ("", "nope", ",", "att,,att", "att,att", "att,nope", LONG, "../x"),
    "--preset": ("", "nope", "Small", "small ", "paper-", LONG, "\udcff", "../small"),
    "--config": (*NO_FILES, "text.txt", "bad.toml", "deep.toml", "bytes.toml", "other.toml"),
    "--seed": (*NO_NUMBERS, "-1", str(2**64), "9" * 5000),
    "--device": ("", "gpu", "cpu:0", "CPU", "cuda:99", "\udcff"),
    "--dtype": ("", "float16", "f4", "int32", "Float32", "complex64"),
    "--checkpoint-seconds": ("", "x", "nan", "inf", "-1", "1e999"),
    "--threads": (*NO_NUMBERS, "0", "-1", "1025", "99999999999999999999"),
    "--folds": (*NO_NUMBERS, "0", "-1", "100000"),
    "--seeds": ("", "x", "-1", "3-1", "0-99999999999", "1,1.5", "0-", ",", "1,,2"),
    "--splits": ("", "x", "0", "31", "3-1", "1-", ","),
    "--processes": (*NO_NUMBERS, "0", "-1"),
    "--scheduler": ("", "nowhere", "tcp://", "http://x:1"),
    "--methods": ("", "nope", ",", "eszsl,nope", LONG),
    "--method": ("", "nope", "nope:Nope", "os:path", ":", "a:b:c", "tinygzsl:nope"),
    "--settings": (*NO_FILES, "bad.toml", "deep.toml", "bytes.toml"),
    "--against": ("", "nope"),
    "--data": NO_FILES,
    "--unseen": (*NO_FILES, "bad.csv", "a=missing.csv", "=x", "att=", "features.csv"),
    "--repeat": (*NO_NUMBERS, "0", "-1"),
    "--only": ("nothing of that name",),
    "--nonsense": ("1",),
}
SETS = (
    *("", "=", "gan.lr", "gan.lr=", "=1", ".=1", "gan.=1", "gan.lr.x=1", "nope.x=1", "seed=1"),
    *("gan.lr=nan", "gan.lr=inf", "gan.lr=-1", "gan.lr=1e400", "gan.lr=true", "gan.lr='x'"),
    *("gan.lr=[1e-4]", "gan.lr={}", "gan.lr=1979-05-27", "gan.lr=1e-4\ngan = 2"),
    *("gan.batch=1e30", "gan.batch=1.5", "gan.batch=0"),
    *("gan.max_epochs=-1", "vsmm.epochs=0", "vsmm.batch=true"),
    *("vsmm.hidden=[0]", "vsmm.hidden=[-1]", "vsmm.hidden=[1.5]", 'vsmm.hidden=["a"]'),
    *("vsmm.hidden=[[4]]", "vsmm.hidden={a=1}", "vsmm.hidden=4"),
    *("vsmm.latent=0", "vsmm.latent='4'", "gan.beta1=1"),
    *("router.gate=nope", "router.gate=", "router.gate=1", "router.delta_high=nan"),
    *("scale.features=nope", "scale.features=['l2']", "cs.high=-1", "gan.activation=exp"),
    *(f"gan.lr={DEEP}", f"vsmm.hidden={DEEP}", f"{LONG}=1", "gan.lr=" + "9" * 5000),
    *("gan.lr=\udcff", "\udcff=1", "gan\x00.lr=1", "gan.lr=1e-4 2", "router.features=['nope']"),
)
NO_FOLDERS = ("", "text.txt", "text.txt/x/y", LONG)  # for --out of these commands
NO_OUTPUTS = (*NO_FOLDERS[:1], *NO_FOLDERS[2:], ".", "empty", "missing/x/y", "empty/")
FOLDERS = ("plot", "compare", "reproduce")  # which --out is a folder of

# Of every command: arguments with which it would do its work, and the options that it has.
SOURCE = ("--prototypes", "--root")
RUNS = ("--device", "--threads", "--nonsense")
COMMANDS = {
    "train": (
        ("d.npz", *NO_GAN, "--out", "new"),
        (*SOURCE, *RUNS, "--preset", "--config", "--seed", "--dtype", "--checkpoint-seconds"),
    ),
    "evaluate": (("run",), (*SOURCE, *RUNS, "--data")),
    "predict": (("run", "features.csv"), (*RUNS, "--unseen")),
    "plot": (("run", "--out", "new"), ("--threads", "--nonsense")),
    "report": (("run", "--out", "new.html"), (*SOURCE, *RUNS, "--data")),
    "tune": (
        ("d.npz", "--out", "new.toml"),
        (*SOURCE, *RUNS, "--preset", "--seed", "--folds"),
    ),
    "sweep": (
        ("d.npz", "--out", "new.jsonl", "--processes", "1"),
        (
            *(*SOURCE, "--threads", "--nonsense", "--preset", "--config", "--seeds"),
            *("--splits", "--processes", "--scheduler"),
        ),
    ),
    "compare": (
        ("d.npz", "--methods", "eszsl", "--seeds", "1", "--out", "new"),
        (
            *(*SOURCE, "--threads", "--nonsense", "--seeds", "--methods", "--method"),
            *("--settings", "--against"),
        ),
    ),
    "reproduce": (
        ("table3", "awa1", "--root", "empty", "--out", "new"),
        (*RUNS, "--preset", "--seeds", "--splits", "--methods", "--settings"),
    ),
    "bench": (("--only", "nothing of that name"), ("--threads", "--repeat", "--nonsense")),
    "gradcheck": (("nothing of that name",), ("--device", "--nonsense")),
    "settings": (("gan_lr",), ("--nonsense",)),
    "explain": (("no formula",), ("--nonsense",)),
    "info": ((), ("--nonsense",)),
    "demo": ((), (*RUNS, "--seed")),
}
HUGE = ("vsmm.latent=99999999999999", "vsmm.hidden=[99999999999]")  # a sweep has a row for these
TAKES_SETS = ("train", "tune", "sweep", "reproduce")
PATHS = {  # places of the positional arguments that are paths or names
    "train": (0,),
    "evaluate": (0,),
    "predict": (0, 1),
    "plot": (0,),
    "report": (0,),
    "tune": (0,),
    "sweep": (0,),
    "compare": (0,),
    "settings": (0,),
}
FILES = {
    "text.txt": b"no data\n",
    "bad.toml": b"[gan\nlr = = 1\n",
    "deep.toml": b"x = " + DEEP.encode(),
    "bytes.toml": b"preset = '\xff\xfe'\n",
    "other.toml": b"[nope]\nx = 1\n[[gan]]\nlr = 1\n",
    "bad.csv": b"label,a0,a1,a2\n1,2,x,\xff\n",
}
# Options that contradict each other or lack another one.
CONTRADICTIONS = (
    ("train", "--resume", "run", "--seed", "1"),
    ("train", "d.npz", "--resume", "run"),
    ("train", "--resume", "run", "--out", "new"),
    ("train", "--resume", "run", "--config", "run/config.toml"),
    ("train", "--resume", ""),
    ("train", "--resume", "", "--out", "new"),
    ("train", "d.npz", "--resume", "", *NO_GAN),
    ("train", "d.npz", *FAST, "--set", "gan.batch=1000000000000", "--out", "new"),
    ("train",),
    ("train", "d.npz", "t.npz"),
    ("train", "--config", "run/config.toml", "--preset", "small", "--out", "new"),
    ("train", "d.npz", "--preset", "best", "--set", "gan.lr=1e-4", "--out", "new"),
    (
        "train",
        "d.npz",
        "--preset",
        "small",
        "--set",
        "cs.low=2",
        "--set",
        "cs.high=1",
        "--out",
        "n",
    ),
    ("train", "d.npz", "--out"),
    ("predict", "run"),
    ("predict", "run", "features.csv", "--unseen", "a=unseen.csv", "--unseen", "unseen.csv"),
    ("predict", "run", "features.csv", "--unseen", "unseen.csv", "--unseen", "unseen.csv"),
    ("predict", "run", "unseen.csv"),
    ("predict", "features.csv", "run"),
    ("report", "run", "--data", "d.npz"),
    ("evaluate", "run", "--data", "t.npz"),
    ("compare", "d.npz", "--predictions"),
    ("compare", "d.npz", "--tune"),
    ("compare", "d.npz", "--methods", "eszsl", "--against", "sae"),
    ("sweep", "d.npz"),
    ("sweep", "--out", "new.jsonl"),
    ("sweep", "d.npz", "--out", "new.txt"),
    ("sweep", "d.npz", "--out", "new.jsonl", "--splits", "1-3"),
    ("sweep", "d.npz", "d.npz", "--out", "new.jsonl", "--set", "gan.lr=1e-4,1e-4"),
    ("reproduce", "table3", "letters", "--methods", "ours,nope"),
    ("data", "convert", "d.npz"),
    ("data", "convert", "missing.npz", "new.npz"),
    ("data", "inspect", ""),
    ("data", "nope"),
    ("nope",),
    ("--nonsense",),
)


def case(rng, folder):
    """One command with one or two values that can't be meant, or a control without any."""
    _prepare(folder)
    draw = rng.random()
    if draw < 0.1:
        args = list(rng.choice(CONTRADICTIONS))
        what = " ".join(args).replace(" ".join(FAST), "...")
    elif draw < 0.13:
        return _control(rng, folder)
    else:
        what, args = _spoiled(rng)
    before = snapshot(folder)
    ended = invoke(what, *args)
    kind = check_ended(what, ended, kind="refused")
    check_unchanged(what, before, snapshot(folder))
    return kind


def _prepare(folder):
    """What the arguments name: data, a run, files that are wrong, an empty folder."""
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "empty").mkdir()
    for name in ("d.npz", "t.npz"):
        (folder / name).symlink_to(sources() / name)
    shutil.copytree(run_folder(), folder / "run")
    (folder / "features.csv").symlink_to(sources() / "csv" / "test.csv")
    (folder / "unseen.csv").symlink_to(sources() / "csv" / "prototypes.csv")


def _spoiled(rng):
    """Words for the case, and the command line."""
    command = rng.choice([*COMMANDS, "train", "predict", "sweep", "tune", "compare"])
    base, options = COMMANDS[command]
    args, words = list(base), []
    for _ in range(1 if rng.random() < 0.7 else 2):
        draw = rng.random()
        if command in TAKES_SETS and draw < 0.4:
            option, value = "--set", rng.choice(SETS if command == "sweep" else SETS + HUGE)
        elif "--out" in base and draw < 0.5 and command != "train":
            option = "--out"
            value = rng.choice(NO_FOLDERS if command in FOLDERS else NO_OUTPUTS)
        elif command in PATHS and draw < 0.65:
            place = rng.choice(PATHS[command])
            args[place] = value = rng.choice((*NO_FILES, "text.txt"))
            words.append(f"argument {place} {_short(value)}")
            continue
        else:
            option = rng.choice(options)
            value = rng.choice(BAD[option])
        words.append(f"{option} {_short(value)}")
        if option in args and option != "--set":
            args[args.index(option) + 1] = value
        else:
            args += [option, value]
    return f"{command} {', '.join(words)}", [command, *args]


def _short(value):
    return repr(value if len(value) <= 40 else f"{value[:20]}... ({len(value)} characters)")


def _control(rng, folder):
    """The same commands with nothing wrong do their work."""
    command = rng.choice(("train", "evaluate", "predict", "settings", "info", "compare"))
    base, _ = COMMANDS[command]
    what = f"{command} with nothing wrong"
    ended = invoke(what, command, *base)
    if ended.code == 0 and not ended.out:
        raise Finding(what, "no output")
    return check_ended(what, ended, kind="accepted")
