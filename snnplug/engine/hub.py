"""A hub of models: folders go there and come from there by its own client, `huggingface_hub`.

The client knows where the hub is (`HF_ENDPOINT`), who the user is (`hf auth login`, `HF_TOKEN`), and where it
keeps what it has downloaded (`HF_HOME`); nothing of that is ours.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.progress import Reporter
from snnplug.errors import DataError, UsageError, one_line
from snnplug.runs.shared_names import CONFIG, EXPORTS, FILES
from snnplug.version import __version__

__all__ = ["Address", "check_login", "download", "is_address", "upload"]

_SCHEME = "hf://"
_PART = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?"
_REPO = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)


@attrs.frozen
class Address:
    """A repository on the hub.

    Attributes:
        repo: `ORG/NAME`.
        revision: branch, tag or commit; None for the main branch.
    """

    repo: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address of `ORG/NAME` or `hf://ORG/NAME`, with or without `@REVISION`.

        Raises:
            UsageError: it is none.
        """
        repo, at, revision = text.removeprefix(_SCHEME).partition("@")
        if not _REPO.fullmatch(repo) or "--" in repo or ".." in repo or max(map(len, repo.split("/"))) > 96:
            raise UsageError(
                f"{text} is no repository of a hub: expected ORG/NAME, or hf://ORG/NAME@REVISION; letters, "
                "digits, and . _ - between them"
            )
        if at and (not _REVISION.fullmatch(revision) or ".." in revision):
            raise UsageError(f"{text}: {revision!r} is no branch, tag or commit")
        return cls(repo, revision or None)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.repo}{f'@{self.revision}' if self.revision else ''}"


def is_address(source: object) -> bool:
    """Whether a text names a repository of the hub, and not a directory."""
    return isinstance(source, str) and source.startswith(_SCHEME)


def download(address: Address, report: Reporter) -> Path:
    """Return the folder into which the client has put a shared run: only files that are read, by their names.

    Raises:
        UsageError: there is no such repository, it holds no shared run, the hub cannot be reached, or the
            client is not installed.
    """
    client = _client()
    report.tell("download", f"download {address}", address=str(address))
    with _told(f"cannot load {address}", address), _bars(report.draws):
        found = client.snapshot_download(
            address.repo,
            revision=address.revision,
            allow_patterns=list(FILES),
            library_name="snnplug",
            library_version=__version__,
        )
    folder = Path(found)
    if not (folder / CONFIG).is_file():
        raise DataError(f"{address} holds no run of snnplug: it has no {CONFIG}")
    return folder


def check_login(address: Address) -> None:
    """Refuse, before any work is done, who is not logged in.

    Raises:
        UsageError: nobody is, the hub cannot be reached, or the client is not installed.
    """
    client = _client()
    with _told(f"cannot push to {address}", address, pushing=True):
        client.HfApi(library_name="snnplug", library_version=__version__).whoami()


def upload(
    folder: Path,
    address: Address,
    report: Reporter,
    *,
    private: bool | None = None,
    message: str = "",
) -> str:
    """Make the files of a folder those of a repository, in one commit, and return its web address.

    A repository or a branch that is not there is made. Files of an earlier push that are no more are removed.

    Args:
        folder: a shared run.
        address: where to; its revision is a branch.
        report: says how far it is.
        private: a new repository is only for its owner; None for what the owner's account says.
        message: of the commit.

    Raises:
        UsageError: the user is not logged in or may not write there, the hub cannot be reached, or the client
            is not installed.
    """
    client = _client()
    api = client.HfApi(library_name="snnplug", library_version=__version__)
    repo, branch = address.repo, address.revision
    with _told(f"cannot push to {address}", address, pushing=True), _bars(False):
        api.create_repo(repo, private=private, exist_ok=True)
        if branch is not None:
            api.create_branch(repo, branch=branch, exist_ok=True)
        files = {
            str(file.relative_to(folder).as_posix()): file for file in folder.rglob("*") if file.is_file()
        }
        operations: list[Any] = []
        with report.bar("upload", len(files)) as bar:
            for name, file in sorted(files.items()):
                addition = client.CommitOperationAdd(path_in_repo=name, path_or_fileobj=file)
                api.preupload_lfs_files(repo, [addition], revision=branch)
                operations.append(addition)
                bar.advance(name)
        there = api.list_repo_files(repo, revision=branch)
        gone = [name for name in there if _is_ours(name) and name not in files]
        operations += [client.CommitOperationDelete(path_in_repo=name) for name in gone]
        done = api.create_commit(repo, operations, commit_message=message or _MESSAGE, revision=branch)
    return str(getattr(done, "repo_url", "") or f"{address}")


_MESSAGE = "A run of snnplug"


def _is_ours(name: str) -> bool:
    return name in FILES or name.startswith(f"{EXPORTS}/")


def _client() -> Any:
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise UsageError(
            'a hub needs its client, huggingface_hub, which is not installed: pip install "snnplug[hub]"'
        ) from error
    return huggingface_hub


@contextlib.contextmanager
def _bars(shown: bool) -> Iterator[None]:
    """Let the client draw bars of its own, or not."""
    utils: Any = importlib.import_module("huggingface_hub.utils")
    if shown or utils.are_progress_bars_disabled():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()


@contextlib.contextmanager
def _told(what: str, address: Address, *, pushing: bool = False) -> Iterator[None]:
    """Say in one line what went wrong at the hub, and what to do."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:  # the client has classes of its own, and those of what it reaches the hub by
        raise UsageError(f"{what}: {_cause(error, address, pushing)}") from error


def _cause(error: Exception, address: Address, pushing: bool) -> str:
    from huggingface_hub import errors

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # what happened while a file was sent
    status = getattr(getattr(error, "response", None), "status_code", None)
    org = address.repo.partition("/")[0]
    if isinstance(error, errors.LocalTokenNotFoundError) or (pushing and status == 401):
        return "you are not logged in, or your token is not valid; run: hf auth login (or set HF_TOKEN)"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"it has no branch, tag or commit {address.revision}"
    if isinstance(error, errors.GatedRepoError):
        return "its owner lets in only who has asked; ask on its page, and log in with: hf auth login"
    if pushing and status in (403, 404):
        return (
            f"there is no {org}, or you may not write there; hf auth whoami says who you are, and which "
            "organisations you are in"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            "there is no such repository, or it is private; look at the name, or log in with: hf auth login"
        )
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing is asked of the hub; unset it"
    if isinstance(error, errors.LocalEntryNotFoundError | ConnectionError | TimeoutError) or _is_network(
        error
    ):
        return "the hub cannot be reached; look at the network, HF_ENDPOINT and HF_HUB_OFFLINE, and try again"
    if status is not None:
        return f"the hub answered {status}: {' '.join(str(error).split())[:200]}"
    return one_line(error)[:300]


def _is_network(error: Exception) -> bool:
    """Whether an error is one of the libraries that the client talks to the hub by."""
    named = [cls for cls in type(error).__mro__ if cls.__module__.partition(".")[0] in ("httpx", "httpx2")]
    return any(cls.__name__ == "TransportError" for cls in named)
