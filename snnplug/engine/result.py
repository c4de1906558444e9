"""A run as an object: what its directory holds, and its network, ready to call."""

from __future__ import annotations

import csv
import functools
import html
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs

from snnplug.contracts import Activity
from snnplug.engine.hub import Address, download, is_address
from snnplug.engine.progress import Reporter
from snnplug.engine.provenance import changed_since, recorded_origin
from snnplug.errors import RunDirectoryError
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry
from snnplug.runs.opening import directory_at, open_directory
from snnplug.runs.reading import Records, read_resolved
from snnplug.runs.records import Epoch, Summary, TrialRecord

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnplug.engine.prediction import Prediction, Predictor
    from snnplug.engine.streaming import Stream
    from snnplug.recipe.section import Table
    from snnplug.runs.export_records import ExportRecord
    from snnplug.runs.lint_records import LintRecord

__all__ = ["Run", "load"]

T = TypeVar("T")


@attrs.frozen(kw_only=True, slots=False, repr=False)
class Run:
    """A run. It may be unfinished: what is not there yet is empty or None.

    What stands in a damaged file raises `RunDirectoryError` when it is asked for; the rest can be had.

    Attributes:
        directory: where everything is.
        records: all that its files say, typed.
        registry: where the names of the recipe are looked up; None for all that is installed.
        source: where a shared run was loaded from, such as `hf://ORG/NAME`; empty for a directory.
    """

    directory: Path
    records: Records
    registry: Registry | None = attrs.field(default=None, eq=False)
    source: str = attrs.field(default="", eq=False)
    _predictors: dict[str, Predictor] = attrs.field(factory=dict, eq=False)

    @functools.cached_property
    def recipe(self) -> Recipe:
        """The recipe with qualified names."""
        return Recipe.from_dict(self.records.resolved.recipe)

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """What summary.json holds, empty before the run is finished."""
        content = directory_at(self.directory).read_json("summary.json")
        return content if content is not None else {}

    @property
    def result(self) -> Summary | None:
        """The same, typed."""
        return self.records.summary

    @property
    def metrics(self) -> tuple[Epoch, ...]:
        """The epochs of all trainings.

        Raises:
            RunDirectoryError: the file is damaged, or it is a shared run, which has none.
        """
        if self.is_shared:
            raise RunDirectoryError(
                f"{self.name} is a shared run, and its epochs are not among what is shared; its report.html "
                "draws them"
            )
        return self._whole("metrics.jsonl", self.records.epochs) or ()

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """The candidates of the search."""
        return self._whole("trials.json", self.records.trials) or ()

    @property
    def rungs(self) -> tuple[TrialRecord, ...]:
        """What was scored at the rungs of the search above the first, each with its `rung`."""
        return self._whole("rungs.json", self.records.rungs) or ()

    @property
    def activity(self) -> Activity | None:
        """What the trained network did on test data."""
        return self._whole("activity.json", self.records.activity)

    def _whole(self, name: str, record: T) -> T:
        """Return the record of a file.

        Raises:
            RunDirectoryError: the file is damaged, or gone from a finished run.
        """
        if name in self.records.problems:
            raise RunDirectoryError(self.records.problems[name])
        return record

    @property
    def name(self) -> str:
        """Name of the directory, or where a shared run was loaded from."""
        return self.source or self.directory.resolve().name

    @property
    def is_shared(self) -> bool:
        """Whether this is a shared run: its result and its network, without its training."""
        return not directory_at(self.directory).writable

    def model(self, device: str = "cpu") -> nn.Module:
        """Return the trained network in evaluation mode: input `[T, B, C, H, W]` to outputs `[T, B, K]`.

        `encode` gives its input, `readout` the class scores of its outputs; `predict` does all three.

        Args:
            device: where it is to be, such as "cuda".

        Raises:
            RunDirectoryError: nothing was trained, or a file is damaged.
            UsageError: a plugin that the network needs is not installed.
        """
        return self.predictor(device).model

    def encode(self, images: Tensor) -> Tensor:
        """Return images `[B, C, H, W]` in [0, 1], or events `[B, T, C, H, W]`, as the network's input."""
        return self.predictor().encode(images)

    def readout(self, outputs: Tensor) -> Tensor:
        """Return the class scores `[B, K]` that the loss of the run reads from outputs `[T, B, K]`."""
        return self.predictor().parts.readout(outputs)

    def predict(self, images: Any, *, device: str = "cpu", batch_size: int = 128) -> Prediction:
        """Classify images.

        Args:
            images: one `[C, H, W]`, a batch `[B, C, H, W]`, values in [0, 1]; for event data one
                `[T, C, H, W]` or a batch `[B, T, C, H, W]`; or a data loader, or any other iterable
                of batches or of `(batch, labels)`.
            device: where to compute.
            batch_size: samples at a time.

        Returns:
            Labels, probabilities and numbers of spikes, one a sample.

        Raises:
            RunDirectoryError, UsageError: as for `model`.
            DataError: the images are not of the shape that the network was trained on.
        """
        return self.predictor(device).predict(images, batch_size)

    def stream(self, *, device: str = "cpu", sure: float = 0.9, encoded: bool = False) -> Stream:
        """Return the network as it runs step by step: frames in, a decision after each, in constant memory.

        Args:
            device: where to compute.
            sure: confidence from which a decision counts as sure.
            encoded: frames come as the network takes them, not as the data has them.

        Raises:
            RunDirectoryError, UsageError: as for `model`.
            ContractError: the network needs whole sequences, or the encoder whole samples.
        """
        from snnplug.engine.streaming import Stream

        names = self.records.resolved.class_names
        return Stream(self.predictor(device), sure=sure, encoded=encoded, names=names)

    def lint(self, chips: Sequence[str | Table], *, quantize: bool = False) -> LintRecord:
        """Ask chips whether the trained network fits them; the run's `lint.json` and report show it.

        Args:
            chips: names, or tables as a recipe writes them.
            quantize: also round the weights to each chip's bits, and classify the test data with both.

        Raises:
            RunDirectoryError, UsageError: as for `model`.
            ComponentError: a chip fails.
        """
        from snnplug.engine.lint import lint_run

        registry = self.registry or Registry.from_installed(quiet=True)
        return lint_run(self.directory, chips, registry, quantize=quantize)[0]

    def export(
        self,
        to: str | Table,
        out: str | Path | None = None,
        *,
        readers: Sequence[str] = (),
        samples: int = 8,
        verify: bool = True,
    ) -> ExportRecord:
        """Write the trained network to a file that others read, and read it back in each of them.

        Args:
            to: name of an exporter, or a table as a recipe writes it.
            out: the file; by default `exports/model.*` in the run directory.
            readers: `NAME`, or `NAME=PYTHON` for the Python of another environment; empty for all that are
                installed.
            samples: how many of the test set it is verified on.
            verify: read it back.

        Raises:
            RunDirectoryError, UsageError: as for `model`.
            ExportError: the format cannot say what the network does.
            ComponentError: the exporter fails.
        """
        from snnplug.engine.export import export_run

        return export_run(
            self.directory,
            to,
            self.registry or Registry.from_installed(quiet=True),
            out=None if out is None else Path(out),
            readers=readers,
            samples=samples,
            verify=verify,
        )

    def predictor(self, device: str = "cpu") -> Predictor:
        """Return the network with its encoder and readout; see `model`."""
        from snnplug.engine.device import usual_settings
        from snnplug.engine.prediction import make_predictor

        if device not in self._predictors:
            registry = self.registry or Registry.from_installed(quiet=True)
            if self.is_shared:
                _warn_of_versions(self.records, registry, self.name)
            with usual_settings():
                self._predictors[device] = make_predictor(self.records, registry, device)
        return self._predictors[device]

    def push(
        self,
        repo: str,
        *,
        private: bool | None = None,
        message: str = "",
        license: str = "",
        folder: str | Path | None = None,
        dry_run: bool = False,
        quiet: bool = True,
    ) -> str:
        """Share the run on a hub of models, with the network, the figures, the recipe and a model card.

        What goes out says nothing of this machine or its user; see docs/sharing.md.

        Args:
            repo: `ORG/NAME`, or `ORG/NAME@BRANCH`; made where it is not there.
            private: a new repository is its owner's alone; None for what the owner's account says.
            message: of the commit.
            license: identifier of the licence for the model card, such as "apache-2.0".
            folder: where the files are written and kept; by default in a temporary folder.
            dry_run: write the folder only, and return its path.
            quiet: print nothing.

        Returns:
            The web address of the repository.

        Raises:
            RunDirectoryError: the run is not finished, was shared itself, or has trained nothing.
            UsageError: it cannot be built from names of installed plugins, the user is not logged in or may
                not write there, the hub cannot be reached, or its client is not installed.
        """
        from snnplug.engine.push import push

        registry = self.registry or Registry.from_installed(quiet=True)
        return push(
            self.directory,
            repo,
            registry,
            private=private,
            message=message,
            license=license,
            folder=None if folder is None else Path(folder),
            dry_run=dry_run,
            quiet=quiet,
        )

    def rows(self, what: Literal["metrics", "trials"]) -> list[dict[str, Any]]:
        """Return epochs or trials as flat rows: values of trials have columns `values.name`."""
        records: Iterable[Any] = self.metrics if what == "metrics" else self.trials
        return [dict(_flat(attrs.asdict(record))) for record in records]

    def csv(self, what: Literal["metrics", "trials"]) -> str:
        """Return epochs or trials as the text of a CSV file."""
        rows = self.rows(what)
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def metrics_frame(self) -> Any:
        """Return the epochs as a pandas DataFrame; needs pandas."""
        return _frame(self.rows("metrics"), "metrics")

    def trials_frame(self) -> Any:
        """Return the candidates as a pandas DataFrame; needs pandas."""
        return _frame(self.rows("trials"), "trials")

    def __repr__(self) -> str:
        result = self.result
        if result is None:
            return f"<Run {self.name}: not finished>"
        said = [", ".join(result.stages)]
        if result.accuracy is not None and result.accuracy.test is not None:
            said.append(f"test accuracy {result.accuracy.test:.4f}")
        if result.search is not None and result.search.score is not None:
            said.append(f"best score {result.search.score:.4g}")
        return f"<Run {self.name}: {'; '.join(said)}>"

    def _repr_html_(self) -> str:
        try:
            text = directory_at(self.directory).read_text("report.html")
        except RunDirectoryError as error:
            return html.escape(f"{self!r}: {error}")
        if text is None:
            return html.escape(repr(self))
        page = html.escape(text, quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 640px; border: 0"></iframe>'


def load(directory: str | Path, *, registry: Registry | None = None, quiet: bool = True) -> Run:
    """Return a run of a run directory, finished or not, or a shared one.

    A shared run is built by the names of installed plugins: nothing that comes with it is run as code.

    Args:
        directory: of a run; it may have been moved, also to another machine. Or `hf://ORG/NAME`, with or
            without `@REVISION`, of a run that was shared on a hub; or the folder that it was written to.
        registry: where names are looked up; by default every installed plugin, when it is first needed.
        quiet: print nothing while it is downloaded.

    Raises:
        RunDirectoryError: it is not a run, or is of a version that this one does not read.
        UsageError: the hub has no such repository or cannot be reached, or its client is not installed.
    """
    source = ""
    if is_address(directory):
        source = str(directory)
        directory = download(Address.parse(source), Reporter(quiet=quiet))
    opened = open_directory(Path(directory))
    read_resolved(opened)
    records = Records.read(opened.path)
    if "summary.json" in records.problems:
        raise RunDirectoryError(records.problems["summary.json"])
    return Run(directory=opened.path, records=records, registry=registry, source=source)


def _warn_of_versions(records: Records, registry: Registry, name: str) -> None:
    """Warn where snnplug, torch or a plugin is of another version than a shared run was made with."""
    origin = recorded_origin(records.resolved)
    known = {plugin: v for plugin, v in origin.versions.items() if plugin in (*origin.contents, "torch")}
    lines = changed_since(attrs.evolve(origin, versions=known, contents={}), registry)
    if lines:
        warnings.warn(
            f"{name} was made with other versions: {', '.join(lines)}; what it answers may differ",
            stacklevel=4,
        )


def _flat(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, Mapping) and key == "values":
            yield from ((f"{key}.{name}", number) for name, number in value.items())
        else:
            yield key, value


def _frame(rows: list[dict[str, Any]], what: str) -> Any:
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise RunDirectoryError(
            f"a data frame needs pandas, which is not installed: pip install pandas; or write a CSV file: "
            f"snnplug export-table DIR {what}"
        ) from error
    return pandas.DataFrame(rows)
