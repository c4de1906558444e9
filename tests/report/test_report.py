"""The page, read as a browser's parser reads it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from snnplug.errors import RunDirectoryError
from snnplug.report.page import write_report
from snnplug.runs.reading import Records

Files = dict[str, Any]
Write = Callable[[Files], Path]

VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADING = {"src", "srcset", "poster", "data", "background", "action", "manifest"}


class Page(HTMLParser):
    """Tags with attributes, text by tag, and what is opened and not closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text("utf-8")
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(self.source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def labels(self) -> list[str]:
        return [svg["aria-label"] for svg in self.all("svg")]


@pytest.fixture
def page(write: Write) -> Callable[[Files], Page]:
    return lambda files: Page(write_report(write(files)))


@pytest.fixture(scope="session")
def whole(finished: Path) -> Page:
    return Page(finished / "report.html")


def test_nothing_is_loaded_from_outside(whole: Page) -> None:
    for tag, attributes in whole.tags:
        assert tag not in {"script", "iframe", "object", "embed", "base", "image", "img"}
        assert not LOADING & set(attributes)
        assert not any(key.startswith("on") for key in attributes)
        for key in {"href", "xlink:href"} & set(attributes):
            if tag != "a":
                assert attributes[key].startswith(("#", "data:,")), (tag, attributes)
    for address in re.findall(r"url\(\s*['\"]?([^)'\"]*)", whole.source):
        assert address.startswith("#")
    assert "@import" not in whole.source
    policy = next(m["content"] for m in whole.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_every_figure_is_there(whole: Page) -> None:
    labels = whole.labels
    beginnings = ["Cell of 4 nodes"]
    beginnings += ["Score of 49 candidates over parameters", "Score of 49 candidates over spiking layers"]
    beginnings += [
        "Best score so far over 50 candidates",
        "49 scores sorted",
        "Histogram of 49 scores",
        "Loss over 15 epochs",
        "Accuracy, % over 15 epochs",
        "Accuracy from 25 % after the first time step to 75 %",
        "Answers by class: 3 of 4 on the diagonal are right",
        "Firing rate by layer: ",
        "Firing rate by layer, first",
    ]
    beginnings += ["Spike raster of "] * 4
    beginnings += ["Energy by snnplug-energy:horowitz_45nm", "Energy by snnplug-energy:truenorth_relative"]
    assert len(labels) == len(beginnings)
    for label, beginning in zip(labels, beginnings, strict=True):
        assert label.startswith(beginning)


def test_headline_figures(whole: Page) -> None:
    text = whole.text
    for figure in (
        "96.1 %",
        "1,843 per sample",
        "241,812 SOP",
        "9,216 MAC",
        "260 nJ",
        "0.73 relative",
        "2 min 32 s",
    ):
        assert figure in text


def test_commands_that_repeat_it(whole: Page, finished: Path, files: Files) -> None:
    text = whole.text
    assert f"snnplug replay {finished}" in text
    assert f"snnplug run {finished / 'recipe.toml'}" in text
    assert files["resolved.json"]["command"] in text


def test_references_are_links(whole: Page) -> None:
    targets = {a["href"] for a in whole.all("a")}
    assert "https://arxiv.org/abs/2201.10355" in targets
    assert "https://doi.org/10.1109/ISSCC.2014.6757323" in targets
    assert "https://openreview.net/forum?id=_XNtisL32jv" in targets


def test_is_accessible(whole: Page) -> None:
    assert whole.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in whole.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert len(whole.all("figure")) == len(whole.all("figcaption")) == len(whole.all("svg"))
    assert len(whole.all("table")) == len(whole.all("caption")) > 3
    assert all(svg["role"] == "img" for svg in whole.all("svg"))


def test_ids_are_unique_and_references_resolve(whole: Page) -> None:
    ids = [attributes["id"] for _, attributes in whole.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", whole.source)) | {use["href"][1:] for use in whole.all("use")}
    assert used
    assert used <= set(ids)


def test_pictures_follow_the_scheme(whole: Page) -> None:
    svgs = "".join(re.findall(r"<svg.*?</svg>", whole.source, re.DOTALL))
    assert "var(--ink)" in svgs
    assert "var(--series-1)" in svgs
    assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r'(id|href)="[^"]*"|url\([^)]*\)', "", svgs))
    assert "<style" not in svgs  # it would apply to the whole page


def test_same_run_same_page(write: Write, files: Files) -> None:
    directory = write(files)
    first = write_report(directory).read_bytes()
    assert write_report(directory).read_bytes() == first
    assert sorted(p.name for p in directory.iterdir()) == sorted([*files, "checksums.json", "report.html"])


NASTY = "<script>alert(1)</script>&\"' $x_1$ \\frac{"


def test_special_characters_are_escaped(page: Callable[[Files], Page], files: Files) -> None:
    run, result = files["resolved.json"], files["summary.json"]
    run["name"] = run["command"] = run["recipe"]["note"] = NASTY
    run["components"][0] |= {"summary": NASTY, "reference": f"javascript:alert(1) {NASTY}"}
    run["components"][1]["parameters"][NASTY] = {"use": NASTY, NASTY: NASTY}
    run["environment"]["platform"] = NASTY
    result["search"]["best"] = NASTY
    result["search"]["graph"]["edges"][0] |= {"label": NASTY, "target": NASTY}
    result["energy"][0]["items"][0]["name"] = result["energy"][0]["unit"] = NASTY
    result["energy"][0]["warnings"] = [NASTY]
    files["activity.json"]["neurons"][0]["name"] = NASTY
    files["activity.json"]["uncounted"] = {NASTY: NASTY}
    for trial in files["trials.json"]:
        trial["values"] = {NASTY: 1.0 * trial["index"]}
    made = page(files)
    assert not made.all("script")
    assert made.text.count("<script>alert(1)</script>&\"'") >= 12
    assert not [a for a in made.all("a") if not a["href"].startswith("https://")]


def test_characters_the_plot_font_lacks(page: Callable[[Files], Page], files: Files) -> None:
    files["activity.json"]["neurons"][0]["name"] = "層.一"
    assert "層.一" in page(files).text


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("summary.json", "There is no result yet"),
        ("metrics.jsonl", "there is no metrics.jsonl"),
        ("trials.json", "the search has written no trials.json"),
        ("activity.json", "there is no activity.json"),
    ],
)
def test_missing_file(page: Callable[[Files], Page], files: Files, missing: str, said: str) -> None:
    del files[missing]
    made = page(files)
    assert said in made.text
    assert len(made.all("section")) == 10
    assert "nan" not in made.text.lower().split()


def test_only_resolved(page: Callable[[Files], Page], files: Files) -> None:
    made = page({"resolved.json": files["resolved.json"]})
    assert "This run is not finished. No stage is done yet." in made.text
    assert not made.all("svg")


def test_unfinished_run_names_its_stages(page: Callable[[Files], Page], files: Files) -> None:
    files["summary.json"] = {"schema": 1, "stages": ["search"]}
    assert "This run is not finished. Done so far: search." in page(files).text


def test_recipe_without_search_or_energy(page: Callable[[Files], Page], files: Files) -> None:
    del files["trials.json"], files["summary.json"]["search"], files["resolved.json"]["recipe"]["search"]
    del files["summary.json"]["energy"], files["resolved.json"]["recipe"]["energy"]
    made = page(files)
    assert not {"cell", "search"} & {section["id"] for section in made.all("section")}
    text = made.text
    assert "the recipe names no energy model" in text


def test_search_alone(page: Callable[[Files], Page], files: Files) -> None:
    recipe, result = files["resolved.json"]["recipe"], files["summary.json"]
    del files["metrics.jsonl"], files["activity.json"], files["answers.json"], recipe["train"]
    recipe["energy"] = {"models": []}
    kept = {key: result[key] for key in ("search", "seconds", "device")}
    made = page(files | {"summary.json": kept | {"stages": ["search", "report"]}})
    assert "Nothing was trained: the recipe has no train stage." in made.text
    assert "the recipe names no energy model" in made.text
    assert "Best score 18.5" in made.text
    assert "Test accuracy" not in made.text
    assert "not finished" not in made.text


def test_pareto_front_is_marked(page: Callable[[Files], Page], files: Files) -> None:
    scored = [trial for trial in files["trials.json"] if trial["score"] is not None]
    files["summary.json"]["search"] |= {
        "objectives": {"snnplug-sahd:parameters": "min"},
        "pareto": [{k: t[k] for k in ("index", "genotype", "key", "score", "values")} for t in scored[:3]],
    }
    made = page(files)
    assert any(
        label.endswith("over parameters, the best and the Pareto front of 3 marked") for label in made.labels
    )
    assert (
        "No other candidate beats one of the 3 on the Pareto front in the score and in parameters (min)"
        in made.text
    )
    tau = made.text[made.text.index("between the score and") :]
    assert tau.startswith("between the score and spiking layers:")


def test_no_run_directory(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"it has no resolved\.json"):
        write_report(tmp_path)
    (tmp_path / "resolved.json").write_text("{")
    with pytest.raises(RunDirectoryError, match=r"resolved\.json is damaged: Expecting"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["resolved.json"]


def test_broken_file_is_named_and_the_rest_is_shown(write: Write, files: Files) -> None:
    directory = write(files)
    (directory / "summary.json").write_text('{"energy": [{"value": "much"}]}')
    made = Page(write_report(directory))
    assert "summary.json is damaged: " in made.text
    assert any(label.startswith("Spike raster") for label in made.labels)


def test_torn_last_line_of_metrics(write: Write, files: Files) -> None:
    directory = write(files)
    with (directory / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "train", "epo')
    epochs = Records.read(directory).epochs
    assert epochs is not None
    assert len(epochs) == 15


def test_resumed_epochs_count_once(page: Callable[[Files], Page], files: Files) -> None:
    files["metrics.jsonl"] = files["metrics.jsonl"][:6] + files["metrics.jsonl"][4:]
    assert any(label.startswith("Loss over 15 epochs") for label in page(files).labels)


def test_one_epoch(page: Callable[[Files], Page], files: Files) -> None:
    files["metrics.jsonl"] = [{"stage": "train", "epoch": 1, "loss": 1.5, "accuracy": 0.5}]
    made = page(files)
    assert "Loss over 1 epoch of training." in made.text
    assert "Loss over 1 epochs: training from 1.5 to 1.5" in made.labels


def test_epochs_of_two_stages(page: Callable[[Files], Page], files: Files) -> None:
    files["metrics.jsonl"] += [{"stage": "supernet", "epoch": e, "loss": float("nan")} for e in (1, 2)]
    assert "Supernet" in page(files).text


def without_other_pictures(files: Files) -> None:
    del files["activity.json"], files["metrics.jsonl"], files["summary.json"]["energy"]


def test_zero_trials(page: Callable[[Files], Page], files: Files) -> None:
    files["trials.json"] = []
    assert "No candidate has been evaluated" in page(files).text


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_scores_that_are_no_numbers(page: Callable[[Files], Page], files: Files, score: float | None) -> None:
    without_other_pictures(files)
    for trial in files["trials.json"][:40]:
        trial["score"] = score
    made = page(files)
    assert "40 of 50 got no score" in made.text
    assert "Histogram of 10 scores" in " ".join(made.labels)
    for trial in files["trials.json"]:
        trial["score"] = score
    files["summary.json"]["search"]["score"] = score
    assert "No candidate got a score." in page(files).text


def test_one_trial_and_equal_scores(page: Callable[[Files], Page], files: Files) -> None:
    without_other_pictures(files)
    files["trials.json"] = files["trials.json"][:1]
    assert "undefined, one of them is constant" in page(files).text
    files["trials.json"] = [files["trials.json"][0] | {"index": i, "key": str(i)} for i in range(3)]
    assert "undefined, one of them is constant" in page(files).text


def test_single_layer_and_step(page: Callable[[Files], Page], files: Files) -> None:
    layer = {"name": "", "size": 1, "spikes": [0.0], "updates": 1, "rate": 0.0, "raster": [[0]]}
    files["activity.json"] = {"samples": 1, "steps": 1, "neurons": [layer], "synapses": []}
    made = page(files)
    assert "no spikes" in made.text
    assert "Spike raster of : 0 spikes of 1 neurons in 1 steps" in made.labels


def test_no_spiking_layer(page: Callable[[Files], Page], files: Files) -> None:
    files["activity.json"] = {"samples": 0, "steps": 0, "neurons": [], "synapses": []}
    assert "The network has no layer of spiking neurons." in page(files).text


def test_energy_without_items_or_value(page: Callable[[Files], Page], files: Files) -> None:
    for energy in files["summary.json"]["energy"]:
        energy |= {"items": [], "value": None}
    assert not any(label.startswith("Energy") for label in page(files).labels)


def test_writes_over_an_older_page(write: Write, files: Files) -> None:
    directory = write(files)
    (directory / "report.html").write_text("old")
    assert Page(write_report(directory)).all("h1")


def test_what_scores_are_made_of(page: Callable[[Files], Page], files: Files) -> None:
    made = [(0.9, 300.0), (0.8, 100.0), (0.7, 200.0), (0.6, 50.0)]
    for i, trial in enumerate(files["trials.json"]):
        accuracy, spikes = made[i % 4]
        trial["parts"] = {"accuracy": accuracy, "spikes": spikes} if trial["score"] is not None else None
    text = (shown := page(files)).text
    assert any(
        label.startswith("Accuracy of 49 candidates over spikes, the best and the Pareto front of 3 marked")
        for label in shown.labels
    )
    table = text[text.index("Candidates that no other beats in both") : text.index("Weighing accuracy")]
    assert [table.index(figure) for figure in ("60.0 %", "80.0 %", "90.0 %")] == sorted(
        table.index(figure) for figure in ("60.0 %", "80.0 %", "90.0 %")
    )
    assert "70.0 %" not in table


def test_scores_that_are_not_made_of_accuracy_have_no_such_picture(
    page: Callable[[Files], Page], files: Files
) -> None:
    for trial in files["trials.json"]:
        trial["parts"] = {"spikes": 1.0}
    assert not any(label.startswith("Accuracy of") for label in page(files).labels)
