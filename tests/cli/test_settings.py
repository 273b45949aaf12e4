"""`tinygzsl settings`, and the shell's completion of the names of settings."""

import json
import shlex
import tomllib

import pytest
from click.shell_completion import ShellComplete

from tinygzsl import EntropySeparationGZSL
from tinygzsl.cli.config import parse_set
from tinygzsl.cli.main import main
from tinygzsl.settings import BEST, GROUPS, PRESETS, Settings, settings_for
from tinygzsl.settings.table import SETTINGS

NAMES = list(SETTINGS)


@pytest.mark.wheel
def test_all_settings_by_group_with_the_values_of_the_presets(run_cli):
    result = run_cli("settings")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == NAMES
    for group, title in GROUPS.items():
        assert f"{group}: {title}" in lines
    assert "  gan_lr                0.0001      paper-awa1: 1e-05" in lines
    assert "  vsmm_epochs           40          small, auto: 25; letters: 20" in lines
    assert "  gan_train_on          false" in lines


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_list_fits_the_terminal(run_cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for words in (["settings"], ["settings", "gan_generator_hidden"], ["settings", "router_unit"]):
        lines = run_cli(*words).stdout.splitlines()
        wrapped = lines[:-3] if words[1:] else lines  # the last three are for copying
        assert max(map(len, wrapped)) <= columns
    if columns == 200:
        assert any(
            line.endswith("paper-hmdb51, paper-ucf101: [4096, 4096]; small, letters, auto: [1024]")
            for line in run_cli("settings").stdout.splitlines()
        )


@pytest.mark.parametrize("name", ["router_tau", "router.tau"])
def test_one_setting_in_full(run_cli, name):
    text = run_cli("settings", name).stdout
    assert text.startswith("router_tau\n\nTemperature tau of softmax(F / tau)")
    for part in (
        "float",
        "0.2 in all",
        "more than 0",
        "standard deviations of F on training samples",
        "decided by measurement, on validation folds of 100 classes of CUB",
        "tinygzsl train DATASET --set router.tau=0.2",
        "tau = 0.2  under [router] in config.toml",
        "EntropySeparationGZSL(router_tau=0.2)",
    ):
        assert part in text


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_can_be_set(run_cli, monkeypatch, name):
    """As an option, in Python and in a file: each gives the default."""
    monkeypatch.setenv("COLUMNS", "200")
    text = run_cli("settings", name).stdout
    option, line, call = (row.strip() for row in text.splitlines()[-3:])
    words = shlex.split(option.removeprefix("to set it").strip())
    assert words[:-1] == ["tinygzsl", "train", "DATASET", "--set"]
    assert settings_for("paper", parse_set((words[-1],))) == Settings()
    line, _, section = line.removesuffix(" in config.toml").partition("  under ")
    flat = {f"{section[1:-1]}_{k}": v for k, v in tomllib.loads(line).items()}
    assert list(flat) == [name]
    assert settings_for("paper", flat) == Settings()
    model = eval(call, {"EntropySeparationGZSL": EntropySeparationGZSL})
    assert model.get_params()[name] == getattr(Settings(), name)


def test_json_is_one_object(run_cli):
    facts = json.loads(run_cli("settings", "--json").stdout)
    assert facts["presets"] == list(PRESETS)
    assert list(facts["settings"]) == NAMES
    for name, setting in SETTINGS.items():
        found = facts["settings"][name]
        assert (found["text"], found["source"]) == (setting.text, setting.source)
        for preset in PRESETS:
            value = getattr(settings_for(preset), name)
            assert found["presets"][preset] == (list(value) if isinstance(value, tuple) else value)
    one = json.loads(run_cli("settings", "gan_output", "--json").stdout)
    assert one == {"name": "gan_output", **facts["settings"]["gan_output"]}
    assert one["choices"] == ["relu", "sigmoid", "linear"]


def test_a_setting_that_does_not_exist(run_cli, one_error_line):
    one_error_line(run_cli("settings", "gan_lrr"), "'gan_lrr'; did you mean gan_lr?")
    one_error_line(run_cli("settings", "\x1b[2J"), "lists all")


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        (("--set", "gan.lrr=1"), ("'gan_lrr'; did you mean gan_lr?",)),
        (("--config", "config.toml"), ("'vsmm_epoch'; did you mean vsmm_epochs?",)),
        (("--config", "top.toml"), ("top-level key 'sed'; did you mean seed? known are preset",)),
        (("--config", "data.toml"), ("key of [data] 'rot'; did you mean root? known are name",)),
        (("--preset", "smal"), ("preset is 'smal'; did you mean small? known are paper,",)),
    ],
)
def test_did_you_mean_wherever_settings_are_given(
    run_cli, data, tmp_path, monkeypatch, where, parts, one_error_line
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text("[vsmm]\nepoch = 3\n")
    (tmp_path / "top.toml").write_text("sed = 3\n")
    (tmp_path / "data.toml").write_text("[data]\nrot = '.'\n")
    one_error_line(run_cli("train", data, *where, "--out", "run"), *parts)


def test_a_setting_outside_of_its_section(run_cli, data, tmp_path, one_error_line):
    (tmp_path / "config.toml").write_text("gan_lr = 1e-3\n")
    result = run_cli("train", data, "--config", tmp_path / "config.toml")
    one_error_line(result, "top-level key 'gan_lr'", "write lr under [gan]")


def offered(args, incomplete):
    """{what the shell offers: its help} after these words."""
    complete = ShellComplete(main, {}, "tinygzsl", "_TINYGZSL_COMPLETE")
    return {item.value: item.help for item in complete.get_completions(args, incomplete)}


@pytest.mark.parametrize("columns", [40, 80])
def test_the_lines_to_copy_are_whole_and_indented(run_cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run_cli("settings", "ptc_l2").stdout.splitlines()[-3:] == [
        "  to set it  tinygzsl train DATASET --set 'ptc.l2=[0.01, 0.001, 0.0001, 1e-05, 1e-06]'",
        "             l2 = [0.01, 0.001, 0.0001, 1e-05, 1e-06]  under [ptc] in config.toml",
        "             EntropySeparationGZSL(ptc_l2=(0.01, 0.001, 0.0001, 1e-05, 1e-06))",
    ]


def test_a_group_is_listed(run_cli):
    whole, part = (run_cli("settings", *name).stdout.splitlines() for name in ([], ["router"]))
    mine = [line for line in whole if line.startswith("  router_")]
    assert mine
    assert part[0] == f"router: {GROUPS['router']}"
    assert [line.split()[0] for line in part[1 : len(mine) + 1]] == [x.split()[0] for x in mine]
    assert not any(line.startswith("  vsmm_") for line in part)
    facts = json.loads(run_cli("settings", "router", "--json").stdout)
    assert list(facts["settings"]) == [name for name in NAMES if name.startswith("router_")]


@pytest.mark.parametrize(
    ("command", "more"),
    [
        (["train", "letters"], [BEST]),
        (["tune", "d"], []),
        (["sweep", "d"], [BEST]),
        (["reproduce", "table1"], []),
    ],
)
def test_presets_are_completed(command, more):
    assert list(offered([*command, "--preset"], "")) == [*PRESETS, *more]
    assert list(offered([*command, "--preset"], "s")) == ["small"]


def test_names_are_completed():
    assert list(offered(["settings"], "")) == NAMES
    of_d = ["delta_low", "delta_high", "deviations"]
    assert list(offered(["settings"], "router_d")) == [f"router_{name}" for name in of_d]
    assert list(offered(["settings"], "router.d")) == [f"router.{name}" for name in of_d]
    assert offered(["settings"], "gan_lr") == {
        "gan_lr": "Learning rate of Adam for generator and critic."
    }


@pytest.mark.parametrize(
    "command", [["train", "letters"], ["tune", "d"], ["sweep", "d"], ["reproduce", "table1"]]
)
def test_set_is_completed(command):
    words = [*command, "--set"]
    assert len(offered(words, "")) == len(NAMES)
    assert list(offered(words, "gan.b")) == ["gan.beta1=", "gan.beta2=", "gan.batch="]
    assert list(offered(words, "gan_b")) == ["gan.beta1=", "gan.beta2=", "gan.batch="]
    assert list(offered(words, "gan.output=")) == [
        *("gan.output=relu", "gan.output=sigmoid", "gan.output=linear")
    ]
    assert list(offered(words, "gan_train_on=t")) == ["gan_train_on=true"]
    assert offered(words, "gan.lr=") == offered(words, "none=") == {}


@pytest.mark.parametrize("depth", [600, 100_000])
@pytest.mark.parametrize("opening", ["[", "{a="])
def test_brackets_nested_too_deep(run_cli, depth, opening):
    result = run_cli("train", "letters", "--set", f"gan.batch={opening * depth}")
    assert result.exit_code == 2
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert "whose brackets are nested too deep; write a list like [64, 32]" in line


def test_a_second_line_is_no_part_of_a_value(run_cli):
    result = run_cli("train", "letters", "--set", "gan.lr=1e-4\ngan = 2")
    assert result.exit_code == 2
    assert "write one setting per --set" in result.stderr
