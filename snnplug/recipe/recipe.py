"""Recipes: an experiment as a TOML file, its overrides, and errors that name the key.

A recipe names registered things in tables `{ use = "name", parameter = value }`. What it
does not say about dataset, encoder, neuron, loss and the parts of a search is taken from
the built-in default recipe; the stages search, train and energy run only if it has them.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import attrs

from snnplug.errors import RecipeError, did_you_mean
from snnplug.recipe.overrides import apply_overrides
from snnplug.registry.structure import converter, explain

__all__ = [
    "DEFAULT",
    "EnergySection",
    "MeasureSection",
    "Recipe",
    "SearchSection",
    "TrainSection",
    "built_in_recipes",
    "read_recipe",
    "recipe_text",
]

DEFAULT = "default"
Table = dict[str, Any]

_at_least_0: Any = attrs.validators.ge(0)
_at_least_1: Any = attrs.validators.ge(1)
_positive: Any = attrs.validators.gt(0)


@attrs.frozen(kw_only=True)
class SearchSection:
    """`[search]`: how an architecture is found.

    Attributes:
        space, strategy, scorer: tables.
        round_size: genotypes asked for at a time; a strategy that learns is told after each round.
        baselines: also record every installed baseline score of each candidate.
        objectives: scorers by name, "min" or "max" each: the search finds the trade-off between them
            and the score, and names the candidates that are best in it.
        workers: processes that score the candidates of a round; the result is the same with any number.
    """

    space: Table
    strategy: Table
    scorer: Table
    round_size: int = attrs.field(default=16, validator=_at_least_1)
    baselines: bool = True
    objectives: dict[str, Literal["min", "max"]] = attrs.field(factory=dict)
    workers: int = attrs.field(default=1, validator=_at_least_1)


@attrs.frozen(kw_only=True)
class TrainSection:
    """`[train]`: how the network is trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: samples per step, over all devices.
        optimizer: table; any optimizer of torch.optim in lower case, with its arguments.
            Parameters of neurons (time constants, initial potentials) get no weight decay.
        schedule: course of the learning rate over the epochs.
        warmup_epochs: linear rise before it.
        final_lr: end of the cosine, as a fraction of the learning rate.
        milestones, gamma: for "step": fractions of the epochs at which it is multiplied by gamma.
        clip_norm: largest norm of the gradient, or 0 for no clipping.
        precision: "32-true", "16-mixed" or "bf16-mixed".
        early_stop: end after this many epochs without a better validation accuracy, or 0.
        keep: weights at the end: those of the last epoch, or of the best validation accuracy.
    """

    epochs: int = attrs.field(default=10, validator=_at_least_1)
    batch_size: int = attrs.field(default=64, validator=_at_least_1)
    optimizer: Table = attrs.field(factory=lambda: {"use": "adamw", "lr": 2e-3})
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    warmup_epochs: int = attrs.field(default=0, validator=_at_least_0)
    final_lr: float = attrs.field(default=0.0, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: float = attrs.field(default=0.1, validator=_positive)
    clip_norm: float = attrs.field(default=0.0, validator=_at_least_0)
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    early_stop: int = attrs.field(default=0, validator=_at_least_0)
    keep: Literal["last", "best"] = "last"


@attrs.frozen(kw_only=True)
class MeasureSection:
    """`[measure]`: how activity is measured on the test data.

    Attributes:
        samples: number of test samples whose spikes are counted; accuracy always takes all.
        batch_size: samples at a time.
        raster: neurons per layer shown in the report's raster.
    """

    samples: int = attrs.field(default=512, validator=_at_least_1)
    batch_size: int = attrs.field(default=128, validator=_at_least_1)
    raster: int = attrs.field(default=40, validator=_at_least_0)


@attrs.frozen(kw_only=True)
class EnergySection:
    """`[energy]`: `models`, a list of names or tables."""

    models: list[str | Table] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class Recipe:
    """An experiment. See the sections' own classes; tables name registered things.

    Attributes:
        name: shown in listings and in the report.
        seed: everything random follows from it.
        replaced: tables whose `use` was overridden: a parameter that the new thing does
            not have is dropped rather than refused.
    """

    name: str = "recipe"
    seed: int = attrs.field(default=0, validator=_at_least_0)
    dataset: Table
    encoder: Table
    neuron: Table
    architecture: Table | None = None
    search: SearchSection | None = None
    loss: Table
    train: TrainSection | None = None
    measure: MeasureSection = attrs.field(factory=MeasureSection)
    energy: EnergySection = attrs.field(factory=EnergySection)
    replaced: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, name: str = "recipe") -> Recipe:
        """Build a recipe from plain data, as read from TOML.

        Raises:
            RecipeError: a key is unknown or missing, or a value is of the wrong type or out of
                range; every mistake is listed.
        """
        complete = _with_defaults({"name": name, **data})
        convert = _converter().structure
        try:
            recipe: Recipe = convert(complete, cls)
        except Exception as error:
            raise RecipeError(explain(error)) from error
        recipe._check_stages()
        return recipe

    def to_dict(self) -> Table:
        """Return plain data that `from_dict` accepts."""
        return attrs.asdict(self, filter=lambda field, value: value is not None and value != ())

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that this recipe runs, in order."""
        return tuple(
            stage
            for stage, wanted in (
                ("search", self.search),
                ("train", self.train),
                ("measure", self.train),
                ("report", True),
            )
            if wanted
        )

    def _check_stages(self) -> None:
        if self.search is None and self.architecture is None:
            raise RecipeError(["nothing to build: give [architecture] with use = ..., or [search]"])
        if self.search is not None and self.architecture is not None:
            raise RecipeError(["[architecture] and [search] exclude each other: remove one"])
        if self.search is None and self.train is None:
            raise RecipeError(["nothing to do: give [train], [search] or both"])


@functools.cache
def _converter() -> Any:
    strict = converter().copy()
    strict.register_structure_hook_func(lambda t: t == Table, _structure_table)
    strict.register_structure_hook_func(lambda t: t == Table | None, _structure_optional_table)
    strict.register_structure_hook_func(lambda t: t == str | Table, _structure_name_or_table)
    return strict


def _structure_table(value: Any, _: Any) -> Table:
    if not isinstance(value, dict):
        raise TypeError(f'{value!r} is not a table; write {{ use = "name" }}')
    return value


def _structure_optional_table(value: Any, _: Any) -> Table | None:
    return None if value is None else _structure_table(value, _)


def _structure_name_or_table(value: Any, _: Any) -> str | Table:
    return value if isinstance(value, str) else _structure_table(value, _)


def _with_defaults(data: Table) -> Table:
    """Add the default recipe's components where the recipe says nothing."""
    default = _load_built_in(DEFAULT)
    for key in ("dataset", "encoder", "neuron", "loss"):
        data.setdefault(key, default[key])
    if isinstance(data.get("search"), dict):
        same_space = "space" not in data["search"]
        data["search"] = {
            **{
                k: default["search"][k] for k in ("space", "strategy", "scorer") if k != "space" or same_space
            },
            **data["search"],
        }
    return data


def built_in_recipes() -> dict[str, str]:
    """Return the built-in recipes: names and first comment lines."""
    found = {}
    for entry in resources.files("snnplug.recipes").iterdir():
        if entry.name.endswith(".toml"):
            first = entry.read_text(encoding="utf-8").split("\n", 1)[0]
            found[entry.name.removesuffix(".toml")] = first.lstrip("# ")
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT, item[0])))


def _load_built_in(name: str) -> Table:
    return tomllib.loads((resources.files("snnplug.recipes") / f"{name}.toml").read_text(encoding="utf-8"))


def read_recipe(source: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        source: path of a TOML file, or the name of a built-in recipe.
        overrides: texts `key=value`, such as `neuron.tau=2.0`.

    Raises:
        RecipeError: there is no such recipe, or it is wrong.
    """
    data, name = _read(source)
    data, replaced = apply_overrides(data, overrides)
    recipe = Recipe.from_dict(data, name=name)
    return attrs.evolve(recipe, replaced=tuple(dict.fromkeys((*recipe.replaced, *replaced))))


def recipe_text(source: str | Path) -> str:
    """Return the text of a recipe file or of a built-in recipe, as it stands."""
    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        return path.read_text(encoding="utf-8")
    return (resources.files("snnplug.recipes") / f"{source}.toml").read_text(encoding="utf-8")


def _read(source: str | Path) -> tuple[Table, str]:
    path = Path(source)
    names = built_in_recipes()
    if str(source) in names:
        return _load_built_in(str(source)), str(source)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        hint = did_you_mean(str(source), names)
        raise RecipeError(
            [
                f"no recipe file {str(source)!r} and no built-in recipe of that name.{hint} "
                f"Built-in: {', '.join(names)}"
            ]
        ) from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise RecipeError([f"cannot read the recipe {str(source)!r}: {error}"]) from error
    try:
        return tomllib.loads(text), path.stem
    except tomllib.TOMLDecodeError as error:
        raise RecipeError([f"{source} is not valid TOML: {error}"]) from error
