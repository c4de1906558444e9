"""Files of studies, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnplug.engine.studies.combinations import baseline_of, combinations, jobs
from snnplug.engine.studies.file import read_study
from snnplug.errors import RecipeError


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "s.toml"
    file.write_text(text)
    return file


def test_every_value_of_each_axis_is_combined(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        recipe = "imp_digits"
        seeds = 2
        [axes]
        neuron = ["lif", { use = "imp", base = "lif" }]
        train.epochs = [1, 2, 3]
        [set]
        train.batch_size = 16
        """,
    )
    study = read_study(file)
    found = combinations(study)
    assert [one.name for one in found][:2] == [
        "neuron = lif, train.epochs = 1",
        "neuron = lif, train.epochs = 2",
    ]
    assert len(found) == 6 and found[-1].labels == {"neuron": "imp (base = lif)", "train.epochs": "3"}
    made = jobs(study, found)
    assert len(made) == 12 and [job.seed for job in made] == [0] * 6 + [1] * 6
    last = made[-1].recipe
    assert (last.train.epochs, last.train.batch_size, last.seed) == (3, 16, 1)
    assert last.neuron == {"use": "imp", "base": "lif"}
    assert made[-1].directory.startswith("neuron=imp.base=lif,epochs=3,seed=1-")
    assert len({job.directory for job in made}) == 12
    again = read_study(written(tmp_path, file.read_text().replace("seeds = 2", "seeds = [1]")))
    assert [job.directory for job in jobs(again, found)] == [job.directory for job in made[6:]]


def test_conditions_leave_combinations_out(tmp_path: Path) -> None:
    study = read_study(
        written(
            tmp_path,
            """
            recipe = "imp_digits"
            baseline = { loss = "tet", neuron = "imp" }
            [axes]
            neuron = ["lif", { use = "imp", base = "lif" }, { use = "imp", base = "plif" }]
            loss = ["sdt", "tet", "lts"]
            [[leave_out]]
            neuron = "imp"
            loss = ["sdt", "lts"]
            [[leave_out]]
            neuron = "imp (base = plif)"
            """,
        )
    )
    names = [one.name for one in combinations(study)]
    assert names == [
        "neuron = lif, loss = sdt",
        "neuron = lif, loss = tet",
        "neuron = lif, loss = lts",
        "neuron = imp (base = lif), loss = tet",
    ]
    assert baseline_of(study, combinations(study)).name == names[3]


def test_without_axes_there_is_one_combination(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, 'recipe = "default"'))
    assert [one.name for one in combinations(study)] == ["the recipe"]
    assert study.seeds == (0, 1, 2) and study.measures["accuracy.test"] == "max"


def test_a_search_scores_in_place(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, 'recipe = "default"\n[set]\nsearch.workers = 4'))
    assert jobs(study, combinations(study))[0].recipe.search.workers == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds = 2", "recipe is missing"),
        ('recipe = "imp_digits"\nseed = 2', "seed: unknown key. Did you mean 'seeds'"),
        ('recipe = "imp_digits"\nseeds = 0', "seeds must be how many"),
        ('recipe = "imp_digits"\nseeds = [1, 1]', "seeds must be how many"),
        ('recipe = "imp_digits"\n[axes]\nneuron = "lif"', "axes.neuron must be a list of different values"),
        ('recipe = "imp_digits"\n[axes]\nneuron = ["lif", "lif"]', "axes.neuron must be a list"),
        ('recipe = "imp_digits"\n[measures]\na = "most"', 'measures.a must be "max" or "min"'),
        ('recipe = "imp_digit"', "no built-in recipe of that name. Did you mean 'imp_digits'"),
        ('recipe = "imp_digits"\nleave_out = 3', "leave_out must be a list of tables"),
        ('recipe = "imp_digits"\naxes = 3', "axes must be a table"),
        ("recipe = ", "cannot read the study"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said.replace("[", r"\[").replace("(", r"\(")):
        read_study(written(tmp_path, text))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (
            '[[leave_out]]\nneurons = "lif"',
            "neurons is named in a condition and is no axis. Did you mean 'neuron'",
        ),
        ('[[leave_out]]\nneuron = ["lif", "plif"]', "leave_out leaves none of 2 combinations"),
        ('[baseline]\nneuron = "glif"', "is no combination of the study"),
    ],
)
def test_conditions_that_fit_nothing_are_named(tmp_path: Path, condition: str, said: str) -> None:
    base = 'recipe = "imp_digits"\n[axes]\nneuron = ["lif", "plif"]\n'
    study = read_study(written(tmp_path, base + condition))
    with pytest.raises(RecipeError, match=said):
        baseline_of(study, combinations(study))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no study file"):
        read_study(tmp_path / "nothing.toml")
