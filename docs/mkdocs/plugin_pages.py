"""A page of the site for each README in plugins/, without a copy of it in docs/."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

READMES = sorted(Path(__file__).parents[2].glob("plugins/*/README.md"))
LINK = re.compile(r"\]\((?:\.\./)+plugins/([\w-]+)/README\.md")


def on_config(config: MkDocsConfig) -> None:
    """Add the pages to the navigation."""
    assert config.nav is not None
    pages = [{readme.parent.name: f"plugins/{readme.parent.name}.md"} for readme in READMES]
    config.nav.append({"Plugins": pages})


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the READMEs to what is built."""
    for readme in READMES:
        files.append(File.generated(config, f"plugins/{readme.parent.name}.md", abs_src_path=str(readme)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to READMEs, as they are in the repository, into links to their pages."""
    up = "../" * page.file.src_uri.count("/")
    return LINK.sub(rf"]({up}plugins/\1.md", markdown)
