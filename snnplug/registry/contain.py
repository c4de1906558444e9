"""The one place through which the engine calls a plugin's code.

    with calling(component, "a number"):
        score = scorer(candidate)

Whatever comes out of the block becomes a `ComponentError`: one line that names kind, plugin, name and
version, what was expected and what came, with the traceback as its `details`. Who did it is read from the
frames: a scorer that runs a network whose neuron fails is not to blame. What snnplug raises on purpose
passes, a `UsageError` of a component too, and so does Ctrl-C. A value of the wrong kind is refused in the
same words by `refuse`.
"""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import Any, NoReturn

from snnplug.errors import ComponentError, SnnplugError, UsageError, in_one_line, one_line
from snnplug.registry.interrupts import from_a_signal
from snnplug.registry.kinds import KINDS

__all__ = [
    "calling",
    "contract_of",
    "describe",
    "is_finite",
    "is_text",
    "passes",
    "refuse",
    "title",
    "with_article",
    "words_of",
]

Among = Callable[[], Iterable[Any]]
_LONGEST = 300  # characters of what a component says
_ELSEWHERE = "Original Traceback (most recent call last)"  # as torch's data loader brings it


def passes(error: BaseException) -> bool:
    """Whether an exception is none of a component's doing, or is meant for the user already."""
    if isinstance(error, UsageError | ComponentError) or from_a_signal(error):
        return True
    return isinstance(error, SnnplugError) and _is_ours(error)


def _is_ours(error: SnnplugError) -> bool:
    """Whether snnplug itself raised it, here or in another process."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return not frames or str(frames[-1].f_globals.get("__name__")).partition(".")[0] == "snnplug"


class calling:  # noqa: N801 - read as a word: with calling(...)
    """Call a plugin's code inside the block.

    It keeps nothing between uses, so that one made before a loop serves all its passes.

    Args:
        component: whose code is called; None where it may be anybody's, and what is nobody's passes.
        expected: what the call is expected to do or to give.
        among: returns the components that may be found in the frames; by default those nested in this one.
    """

    __slots__ = ("among", "component", "expected")

    def __init__(self, component: Any, expected: str = "", among: Among | None = None) -> None:
        self.component, self.expected = component, expected
        self.among: Among = among or (component.walk if component is not None else tuple)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not passes(error):
            self.blame(error)

    def blame(self, error: BaseException) -> None:
        """Raise the `ComponentError` that an exception becomes.

        Raises:
            ComponentError: unless it comes from no component's code, and none was named.
        """
        culprit = _culprit(error, self.component, self.among)
        if culprit is None:
            return
        expected = self.expected if culprit is self.component and self.expected else contract_of(culprit)
        details = "".join(traceback.format_exception(error))
        said = f"{title(culprit)} raised {_shortened(words_of(error))}; expected {expected}"
        raise ComponentError(said, details, culprit.plugin) from error


def refuse(component: Any, expected: str, given: Any) -> NoReturn:
    """Raise the error of a component that gave something else than was expected of it.

    Raises:
        ComponentError: always.
    """
    said = f"{title(component)} gave {describe(given)}; expected {expected}"
    raise ComponentError(said, plugin=component.plugin)


def title(component: Any) -> str:
    """Return kind, qualified name and version."""
    kind = component.kind.replace("_", " ")
    return f"{kind} {component.qualified} {component.version}".rstrip()


def contract_of(component: Any) -> str:
    """Return in a few words what a component of its kind does."""
    contract = KINDS[component.kind].contract.replace("`", "").rstrip(".")
    return contract[:1].lower() + contract[1:]


def is_finite(value: Any) -> bool:
    """Whether a value is a number of Python's own that is neither infinite nor NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_text(value: Any) -> bool:
    """Whether a value is a text that a file can hold."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def describe(value: Any) -> str:
    """Return what a value is, in a few words, whatever it does when it is looked at."""
    name = type(value).__name__
    try:
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            kind = str(value.dtype).removeprefix("torch.")
            place = getattr(value, "device", "")
            on = f" on {place}" if str(place) not in ("", "cpu") else ""
            return f"a {kind} {name.lower()} of shape {list(value.shape)}{on}"
        if value is None or isinstance(value, bool | int | float | complex | str):
            return _shortened(in_one_line(repr(value)))
        return with_article(name) + (
            f" of {len(value)}" if isinstance(value, tuple | list | dict | set) else ""
        )
    except BaseException as error:  # a foreign object may fail even to say what it is
        if from_a_signal(error):
            raise
        return f"a {name}"


def with_article(noun: str) -> str:
    """Return `a noun`, or `an item`."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def words_of(error: BaseException) -> str:
    """Return an exception's type and text in one line; of one of another process those that it had there."""
    text = one_line(error)
    if _ELSEWHERE not in text:
        return text
    lines = str(error).splitlines()
    code = [number for number, line in enumerate(lines) if line.startswith("  ")]
    return in_one_line(" ".join(lines[code[-1] + 1 :])) if code else text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _culprit(error: BaseException, component: Any, among: Among) -> Any:
    """Return the component whose code an exception comes from, the innermost of several."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][::-1]
    components = [] if component is None else [component]
    components += [other for other in among() if other is not component]
    targets = [(other, _loaded(other)) for other in components]
    for belongs in (_is_its_own, _is_of_its_class, _is_of_its_module, _is_of_its_package):
        for frame in frames:
            for other, target in targets:
                if target is not None and belongs(frame, target):
                    return other
    return component


def _loaded(component: Any) -> Any:
    try:
        return component.load()
    except SnnplugError:
        return None


def _is_its_own(frame: FrameType, target: Any) -> bool:
    if inspect.isclass(target):
        return type(frame.f_locals.get("self")) is target
    name = getattr(target, "__qualname__", "")
    inside = frame.f_code.co_qualname
    return _is_of_its_module(frame, target) and (inside == name or inside.startswith(f"{name}.<locals>."))


def _is_of_its_class(frame: FrameType, target: Any) -> bool:
    return inspect.isclass(target) and isinstance(frame.f_locals.get("self"), target)


def _is_of_its_module(frame: FrameType, target: Any) -> bool:
    return frame.f_globals.get("__name__") == getattr(target, "__module__", "")


def _is_of_its_package(frame: FrameType, target: Any) -> bool:
    package = str(getattr(target, "__module__", "")).partition(".")[0]
    module = str(frame.f_globals.get("__name__", ""))
    return package not in ("snnplug", "") and module.partition(".")[0] == package
