"""The documents are true: their Python runs and prints what they show, and all that they name exists.

A ```python block is run, in the page's own namespace, after the blocks before it. What it prints must stand in a
```text block that follows it next, in which `...` stands for anything. In a ```console block every `make` and
`securecompute` command must exist. A fence of another language must be one that is known not to be code of ours.
"""

import doctest
import io
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from securecompute import Network

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "securecompute", "bench", "cluster")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
SHELLS = ("console", "bash", "sh", "shell")
SHOWN_ONLY = ("mermaid", "toml", "text", "json", "bibtex")
CODE_SPAN = re.compile(r"`([^`\n]+)`")
MODULE = re.compile(r"^securecompute(\.\w+)+$")
PLACE = re.compile(r"^(securecompute|tests|bench|cluster|docs)/[\w./-]*$")
FILE = re.compile(r"^[\w./-]+\.py$")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page on which the text begins."""

    language: str
    text: str
    line: int


def blocks(markdown):
    """The fenced blocks of a page, in order. A fence without language is a fault, as it could be code that never runs.

    An unshut fence takes in the rest of the page.
    """
    found, language, start, taken = [], None, 0, []
    for number, line in enumerate([*markdown.splitlines(), "```"], 1):
        fence = re.match(r"\s*```\s*(\S*)", line)
        if fence and language is None:
            language, start, taken = fence[1], number + 1, []
        elif fence:
            found.append(Block(language, "".join(f"{each}\n" for each in taken), start))
            language = None
        elif language is not None:
            taken.append(line)
    return found


def prose(markdown):
    """A page without its fenced blocks."""
    return re.sub(r"(?ms)^\s*```.*?^\s*```\s*$", "", markdown)


def tidy(text):
    """Without what nobody sees: blanks at the ends of lines, and that some blanks are not to be broken at."""
    lines = text.replace("\N{NO-BREAK SPACE}", " ").strip("\n").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines) or "\n"


def run(markdown, name):
    """Run a page's Python and return complaints: what was not printed as shown."""
    found, namespace, complaints = blocks(markdown), {"__name__": "page"}, []
    for block, following in zip(found, [*found[1:], None], strict=False):
        if block.language != "python":
            continue
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile("\n" * (block.line - 1) + block.text, name, "exec"), namespace)
        shown = following.text if following is not None and following.language == "text" else ""
        want, got = tidy(shown), tidy(printed.getvalue())
        if not doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS):
            complaints.append(f"{name}:{block.line} shows\n{want}but prints\n{got}")
    return complaints


def slug(heading):
    """A heading's anchor, as the platforms that show Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def broken_links(markdown, page):
    """Relative links of a page whose file or heading does not exist."""
    for target in LINK.findall(prose(markdown)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif anchor and slug(anchor) not in {slug(h) for h in re.findall(r"(?m)^#+ (.*)$", file.read_text())}:
            yield f"{target}: there is no such heading"


def unknown_names(markdown):
    """Modules, files and folders of ours that a page names and that do not exist."""
    for span in CODE_SPAN.findall(prose(markdown)):
        word = span.split("::")[0]
        if MODULE.match(word) and not defined(word):
            yield f"`{span}`: there is no such module or name"
        elif PLACE.match(word) and not (ROOT / word).exists():
            yield f"`{span}`: there is no such file"
        elif FILE.match(word) and not PLACE.match(word) and not list((ROOT / "securecompute").rglob(word)):
            yield f"`{span}`: there is no such file in the package"


def defined(dotted):
    """Whether this is a module of the package, or a name written in one. Nothing is imported, as some are heavy."""
    parts = dotted.split(".")
    for k in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:k])
        file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if file.exists():
            return all(re.search(rf"\b{name}\b", file.read_text()) for name in parts[k:])
    return False


def unknown_commands(markdown):
    """`make` targets and `securecompute` commands that a page shows and that do not exist."""
    targets = re.findall(r"(?m)^([a-z][\w-]*):", (ROOT / "Makefile").read_text())
    shells = (block.text for block in blocks(markdown) if block.language in SHELLS)
    lines = [line.removeprefix("$ ").split("#")[0].split() for text in shells for line in text.splitlines()]
    for words in lines:
        asked = [word for word in words[1:] if word[0] != "-" and "=" not in word]
        if words[:1] == ["make"]:
            yield from (f"make {word}: there is no such target" for word in asked if word not in targets)
        elif words[:1] == ["securecompute"] and asked and asked[0] not in commands():
            yield f"securecompute {asked[0]}: there is no such command"


def commands():
    """The commands of the command line."""
    return import_module("securecompute.cli").commands.commands


def named(page):
    return page.relative_to(ROOT).as_posix()


def every_page(test):
    return pytest.mark.parametrize("page", PAGES, ids=named)(test)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder of its own, no processes, and one width: what a page prints does not depend on who runs it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setitem(Network.simulate.__func__.__kwdefaults__, "fabric", "in-process")


@every_page
def test_a_page_prints_what_it_shows(page, elsewhere):
    complaints = run(page.read_text(), named(page))
    assert not complaints, "\n".join(complaints)


@every_page
def test_every_fence_has_a_language_that_is_run_or_known_not_to_be_ours(page):
    languages = {block.language for block in blocks(page.read_text())}
    assert languages <= {"python", *SHELLS, *SHOWN_ONLY}


@every_page
def test_every_relative_link_leads_somewhere(page):
    assert not list(broken_links(page.read_text(), page))


@every_page
def test_every_module_and_file_that_is_named_exists(page):
    assert not list(unknown_names(page.read_text()))


@every_page
def test_every_command_that_is_shown_exists(page):
    assert not list(unknown_commands(page.read_text()))


def test_every_page_of_docs_is_listed_in_its_index():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in LINK.findall(index.read_text())}
    assert not [named(page) for page in PAGES if page.is_relative_to(index.parent) and page not in {index, *linked}]


def fenced(language, text):
    return f"```{language}\n{text}\n```\n"


@pytest.mark.parametrize(
    ("markdown", "complaint"),
    [
        (fenced("python", "print(1)") + fenced("text", "2"), "shows\n2\nbut prints\n1\n"),
        (fenced("python", "print(1)"), "but prints\n1\n"),
        (fenced("python", "x = 1") + fenced("text", "1"), "shows\n1\n"),
        ("a\n\n" + fenced("python", "print(1)"), "page:4 "),
    ],
)
def test_a_page_that_shows_something_else_is_found(markdown, complaint):
    assert complaint in "".join(run(markdown, "page"))


def test_blocks_share_a_namespace_and_dots_stand_for_anything():
    page = fenced("python", "x = 1") + fenced("python", "print(x, 'of 7')") + fenced("text", "1 of ...")
    assert not run(page, "page")


def test_a_block_that_fails_fails_the_page():
    with pytest.raises(ZeroDivisionError):
        run(fenced("python", "1 / 0"), "page")


@pytest.mark.parametrize(
    "markdown",
    [
        "`securecompute.engine.nowhere`",
        "`securecompute.engine.local.nowhere`",
        "`tests/test_nowhere.py`",
        "`engine/nowhere.py`",
        "`securecompute/nowhere/`",
    ],
)
def test_a_name_that_does_not_exist_is_found(markdown):
    assert list(unknown_names(markdown))


@pytest.mark.parametrize(
    "markdown",
    ["`securecompute.engine.local.play`", "`tests/test_docs.py`", "`engine/local.py`", "`local.py`", "`np.add`"],
)
def test_a_name_that_exists_is_no_complaint(markdown):
    assert not list(unknown_names(markdown))


@pytest.mark.parametrize("link", ["[a](nowhere.md)", "[a](SECURITY.md#nowhere)", "![a](docs/nowhere.svg)"])
def test_a_broken_link_is_found(link):
    assert list(broken_links(link, ROOT / "README.md"))


@pytest.mark.parametrize("link", ["[a](SECURITY.md#what-is-promised)", "[a](https://example.org)", "[a](docs/)"])
def test_a_link_that_leads_somewhere_is_no_complaint(link):
    assert not list(broken_links(link, ROOT / "README.md"))


def test_a_target_that_does_not_exist_is_found():
    assert list(unknown_commands(fenced("console", "$ make nowhere")))
    assert not list(unknown_commands(fenced("console", "$ make test lint VAR=1  # comment nowhere")))
