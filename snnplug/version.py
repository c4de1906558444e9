"""The version, where both the package and its discovery can read it without a cycle."""

__all__ = ["REQUIREMENT", "__version__"]

__version__ = "0.1.0"


def _requirement(version: str) -> str:
    """Return what a plugin tested with a version asks for: that minor version and the two after it."""
    major, minor, *_ = map(int, version.split(".")[:2])
    return f"snnplug>={major}.{minor},<{major}.{minor + 3}"


REQUIREMENT = _requirement(__version__)
