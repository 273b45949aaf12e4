"""Mistakes in a user's class are one sentence: those seen before training, and those during it."""

import pytest

from tinygzsl.comparison.own_class import load, load_all

OWN = """
import numpy as np
class Own:
    def fit(self, X, y, A):
        self.n = len(np.unique(y))
    def decision_function(self, X, unseen_prototypes):
        return np.zeros((len(X), self.n + len(unseen_prototypes)))
"""
LABELS = """
import numpy as np
class Own:
    def fit(self, X, y, A):
        pass
    def predict(self, X, unseen_prototypes, unseen_classes):
        return np.full(len(X), unseen_classes[0])
"""


def with_init(line, arguments="a=0, seed=0"):
    """OWN with another line in the class, and a constructor."""
    return f"{OWN}    {line}\n    def __init__(self, {arguments}): pass\n"


RAISES = [
    ("KeyError('no key')", "fit raised KeyError: 'no key' (of_a_user_"),
    ("SystemExit(3)", "fit raised SystemExit: 3"),
    ("RuntimeError('a\\nb\\x1b')", "fit raised RuntimeError: a b\\x1b ("),
    ("RuntimeError", "fit raised RuntimeError (of_a_user_"),
    ("FloatingPointError('diverged')", "fit raised FloatingPointError: diverged"),
]


@pytest.mark.parametrize(("error", "part"), RAISES)
def test_an_error_in_its_code(module, own_rows, error, part):
    text, seen = OWN.replace("self.n =", f"raise {error} #"), []
    (row,) = own_rows(load(f"{module(text)}:Own"))
    assert row["error"].startswith(f"Own: {part}") and row["H"] is None
    assert "line 5); repeat the command with --traceback" in row["error"]
    (row,) = own_rows(load(f"{module(text)}:Own", on_traceback=seen.append))
    assert part in row["error"] and row["error"].endswith("(of_a_user_1.py, line 5)")
    assert seen[0].startswith("Traceback (most recent call last)")
    assert "of_a_user_1.py" in seen[0] and len(seen) == 1


def test_an_error_in_other_code_than_its_own_has_the_line_that_called_it(module, own_rows):
    (row,) = own_rows(load(f"{module(OWN.replace('self.n =', 'np.zeros(-1) #'))}:Own"))
    assert "raised ValueError: negative dimensions" in row["error"]
    assert "(of_a_user_0.py, line 5)" in row["error"]
    text = f"{OWN}    def __init__(self):\n        1 / 0\n"
    (row,) = own_rows(load(f"{module(text)}:Own"))
    assert row["error"].startswith("Own: __init__ raised ZeroDivisionError: division by zero (")


WRONG_SCORES = [
    ("np.zeros((len(X), 1))", "float64 of shape (150, 1); return numbers of shape (150, 6)"),
    ("np.zeros(len(X))", "float64 of shape (150,); return numbers of shape (150, 6)"),
    ("None", "object of shape (); return numbers"),
    ("np.full((len(X), self.n + len(unseen_prototypes)), 'x')", "<U1 of shape (150, 6)"),
    ("np.full((len(X), self.n + len(unseen_prototypes)), np.nan)", "900 NaN or infinite scores"),
    ("[[1.0], [2.0, 3.0]]", "decision_function raised ValueError"),
]


@pytest.mark.parametrize(("value", "part"), WRONG_SCORES)
def test_wrong_scores(module, own_rows, value, part):
    text = OWN.replace("return np", f"return {value} #")
    (row,) = own_rows(load(f"{module(text)}:Own"))
    assert row["error"].startswith("Own: decision_function r") and part in row["error"]
    assert "\n" not in row["error"] and row["H"] is None


WRONG_LABELS = [
    ("unseen_classes[:1]", "int64 of shape (1,); return one label per sample, shape (130,)"),
    ("None", "object of shape (); return one label"),
    ("[7] * len(X)", "130 labels of 130 that are none of the classes, the first is 7"),
    ("['a'] * len(X)", "the first is 'a'; return labels like 0 and 5"),
    ("[np.nan] * len(X)", "the first is nan; return labels like 0 and 5"),
    ("[2] * 129 + [9]", "1 labels of 130 that are none of the classes, the first is 9"),
]


@pytest.mark.parametrize(("value", "part"), WRONG_LABELS)
def test_wrong_labels(module, own_rows, value, part):
    text = LABELS.replace("return np", f"return {value} #")
    (row,) = own_rows(load(f"{module(text)}:Own"))
    assert row["error"].startswith("Own: predict returned ") and part in row["error"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_ctrl_c_and_memory_are_not_its_mistakes(module, own_rows, error):
    text = OWN.replace("self.n =", f"raise {error.__name__} #")
    with pytest.raises(error):
        own_rows(load(f"{module(text)}:Own"))


def test_what_it_prints_does_not_go_to_stdout(module, own_rows, capsys):
    text = "print('imported')\n" + LABELS.replace("pass", "print('fitted')")
    own_rows(load(f"{module(text)}:Own"))
    out, err = capsys.readouterr()
    assert out == "" and err.split() == ["imported", "fitted"]


def test_what_is_read_of_the_class(module):
    values = "grid = {'a': np.array([1, 2]), 'b': [(1, 2.5), 'x', True]}"
    text = with_init(values, "a=1, b=2, seed=0")
    text += "    title = 'My method (v1.2)'\n    strict = False\n"
    own = load(f"{module(text)}:Own")
    assert (own.title, own.strict, own.has_seed) == ("My method (v1.2)", False, True)
    assert own.grid == {"a": (1, 2), "b": ((1, 2.5), "x", True)}
    assert type(own.grid["a"][0]) is int
    assert own.has_scores and not own.has_predict
    other = load(f"{module(text + '# another')}:Own")
    assert len(own.sha256) == 64 and own.sha256 != other.sha256
    plain = load(f"{module(OWN)}:Own")
    assert (plain.title, plain.strict, plain.has_seed, plain.grid) == ("Own", True, False, {})


NO_NAMES = ("x", "x:", ":X", "a b:X", "x.py:1", "x:X()", "x:X.y", "../x:X", "os:system('x')")


@pytest.mark.parametrize("text", NO_NAMES)
def test_only_names_are_taken(text, sentence):
    with sentence(ValueError, "doesn't name a class", "package.module:Class"):
        load(text)


BEFORE_TRAINING = [
    ("Own = 3", "is of type int; name a class"),
    ("x = 3", "has no class 'Own'; it has no class"),
    ("class Owm: pass", "has no class 'Own'; did you mean Owm?"),
    (OWN.replace("fit", "train"), "fit is missing; define fit(X, y, seen_prototypes)"),
    (OWN.replace("decision_function", "f"), "neither decision_function(X, unseen_prototypes) nor"),
    (OWN + "    fit = 3\n", "fit is 3; define a method that takes (X, y, seen_prototypes)"),
    (OWN.replace("X, y, A", "X, y"), "fit takes (self, X, y), but is called with (X, y, seen_"),
    (OWN.replace("A)", "A, *, unseen_prototypes)"), "(X, y, seen_prototypes) and nothing else"),
    (OWN.replace("X, unseen_prototypes)", "X)"), "decision_function takes (self, X)"),
    (with_init("", "k, a=1"), "the constructor of of_a_user_0:Own needs k; give every argument a"),
    (with_init("strict = 1"), "strict = 1; write True or False"),
    (with_init("title = 'a|b'"), "the title 'a|b'; write 1 to 60 letters"),
    (with_init("title = ''"), "the title ''"),
    (with_init("title = 3"), "the title 3"),
    (with_init("title = 'router + x'"), "the title 'router + x'"),
    (with_init("grid = (1, 2)"), "grid = (1, 2); write a dict"),
    (with_init("grid = {'k': (1,)}"), "has 'k', which can't be searched; known are a"),
    (OWN + "    grid = {'k': (1,)}\n", "the constructor has no other argument"),
    (with_init("grid = {'a': 1}"), "has a = 1; write a tuple of values"),
    (with_init("grid = {'a': ()}"), "has a = ()"),
    (with_init("grid = {'a': (None,)}"), "has a = None; use numbers, texts"),
    (with_init("grid = {'seed': (1,)}"), "has 'seed', which can't be searched"),
    (OWN.replace("Own:", "Own(metaclass=__import__('abc').ABCMeta):") + "    @__import__('abc')"
     ".abstractmethod\n    def g(self): pass\n", "is abstract: it lacks g; define them"),
    ("import nothing_of_this_name", "can't be imported: ModuleNotFoundError: No module named"),
    ("x = (", "can't be imported: SyntaxError"),
    ("raise SystemExit('stop')", "can't be imported: SystemExit: stop; repeat the command with"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "part"), BEFORE_TRAINING)
def test_what_can_not_be_compared_is_told_before_anything_is_trained(module, sentence, text, part):
    name = module(text)
    with sentence(ValueError, part):
        load(f"{name}:Own")


def test_the_traceback_of_an_import_is_shown(module):
    seen, name = [], module("import nothing_of_this_name")
    with pytest.raises(ValueError, match=r"No module named 'nothing_of_this_name'$"):
        load(f"{name}:Own", on_traceback=seen.append)
    assert "ModuleNotFoundError" in seen[0] and f"{name}.py" in seen[0]


def test_a_module_that_is_nowhere(module, sentence, tmp_path):
    name = module(OWN)
    for missing in ("no_such_module", f"{name}.py", "no_such.package"):
        with sentence(ValueError, f"no module '{missing}'", tmp_path, "the folder of its file"):
            load(f"{missing}:Own")


def test_two_methods_of_one_name_are_refused(module, sentence):
    text = OWN + "class Other(Own):\n    title = 'own'\nclass Third(Own):\n    title = 'third'\n"
    name = module(text)
    found = load_all([f"{name}:Own", f"{name}:Third"])
    assert [own.title for own in found] == ["Own", "third"]
    for second in ("Own", "Other"):
        with sentence(ValueError, f"as is {name}:Own", "title = 'My method'"):
            load_all([f"{name}:Own", f"{name}:{second}"])
    for title in ("sae", "f-CLSWGAN", "ours", "EntropySeparationGZSL", "CEWGAN (OD)"):
        other = module(OWN + f"    title = {title!r}\n")
        with sentence(ValueError, f"is named {title}, as is", "another name"):
            load_all([f"{other}:Own"])
