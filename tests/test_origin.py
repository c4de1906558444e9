from __future__ import annotations

import pytest

from snnplug.registry.origin import licence_of, source_of


@pytest.mark.parametrize(
    ("direct_url", "said"),
    [
        (None, "package index"),
        ('{"url": "file:///a/b", "dir_info": {"editable": true}}', "editable /a/b"),
        ('{"url": "file:///a/b%20c", "dir_info": {}}', "folder /a/b c"),
        ('{"url": "file:///a/b.whl", "archive_info": {"hash": "sha256=1"}}', "file /a/b.whl"),
        ('{"url": "https://x.org/b.whl", "archive_info": {}}', "file https://x.org/b.whl"),
        (
            '{"url": "https://x.org/b.git", "vcs_info": {"vcs": "git", "commit_id": "0123456789abcdef"}}',
            "git+https://x.org/b.git@0123456789ab",
        ),
        ("not json", "unknown"),
        ("[1]", "unknown"),
        ("{}", "unknown"),
    ],
)
def test_source(direct_url, said):
    assert source_of(direct_url, "pip\n") == said


def test_source_of_what_no_installer_has_written():
    assert source_of(None, None) == "unknown"


def test_licence():
    assert licence_of({"license-expression": ["MIT"], "license": ["other"]}) == "MIT"
    assert licence_of({"license": ["The whole text of a licence, " * 9]}) == ""
    bsd = "License :: OSI Approved :: BSD License"
    assert licence_of({"license": ["x" * 99], "classifier": ["Typing :: Typed", bsd]}) == "BSD License"
    assert licence_of({}) == ""
