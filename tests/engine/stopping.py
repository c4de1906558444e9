"""A search that is stopped once its journal holds so many trials."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from snnplug.contracts import Trial
from snnplug.errors import RunFailed
from snnplug.runs.journal import TrialJournal


@contextmanager
def stopped_after(count: int) -> Iterator[None]:
    """Expect that what runs inside the block fails when it would add one trial more."""
    add = TrialJournal.add

    def stopped(journal: TrialJournal, *scored: Any) -> Trial:
        if len(journal.trials) == count:
            raise RunFailed("stopped here")
        return add(journal, *scored)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrialJournal, "add", stopped)
        with pytest.raises(RunFailed, match="stopped here"):
            yield
