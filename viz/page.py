"""How a picture with a script gets out: into notebooks, and into pages that need no other file.

In a notebook the output is an image with the still SVG in its address, shown even where scripts are not trusted, and a script that
puts the living picture in its place where they are. A page holds the same SVG inline. Scripts are files beside this one; they are
handed on without comments and needless spaces. Everything lives in a shadow root: the styles of a notebook and ours do not meet.
"""

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from viz.svg import escaped

_displays = itertools.count(1)

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{margin:12px;font-family:sans-serif}}</style>
<body>
{body}
</body>
</html>
"""

# Every element under the id: a notebook that was run in two sessions may hold the same id twice.
_IN_NOTEBOOK = """\
document.querySelectorAll('[id="{id}"]').forEach((host)=>{{
const stills=[...host.querySelectorAll("img")].map((image)=>document.importNode(new DOMParser().parseFromString(
new TextDecoder().decode(Uint8Array.from(atob(image.src.split(",")[1]),(c)=>c.charCodeAt(0))),"image/svg+xml").documentElement,true));
if(stills.length&&stills.every((still)=>still.nodeName==="svg"))start(host,stills);}});"""
_IN_PAGE = """\
start(document.getElementById("{id}"),[...document.querySelectorAll("#{id} svg")]);"""


def notebook_output(stills: Sequence[str], descriptions: Sequence[str], script: str, words: str = "") -> str:
    """The output of a notebook's cell: the still pictures as images, ``words`` below, and ``script``, which defines
    ``start(host, stills)``."""
    images = "".join(map(image, stills, descriptions))
    identity = f"chalkgrad-{hashlib.sha256(images.encode()).hexdigest()[:8]}-{next(_displays)}"
    return (
        f'<div id="{identity}" style="overflow-x:auto">{images}{words}</div>\n'
        f"<script>(()=>{{{script}{_IN_NOTEBOOK.format(id=identity)}}})();</script>"
    )


def image(still: str, description: str) -> str:
    """A picture as an image with the whole SVG in its address, which notebooks show whether they are trusted or not."""
    address = base64.b64encode(still.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{address}" alt="{escaped(description)}">'


def words(faint: Sequence[str], plain: Sequence[str]) -> str:
    """Lines of text below a picture, in the colours of the page and as wide as that is."""
    said = [*(f"<small>{escaped(line)}</small>" for line in faint), *map(escaped, plain)]
    return "".join(f"<div>{line}</div>" for line in said)


def page(title: str, stills: Sequence[str], script: str, words: str = "") -> str:
    """A whole HTML page with the pictures, ``words`` below and the script in it."""
    return _PAGE.format(title=escaped(title), body=fragment("picture", stills, script, words))


def fragment(identity: str, stills: Sequence[str], script: str, words: str = "") -> str:
    """The pictures, ``words`` below and their script as a part of a page."""
    pictures, start = "\n".join(stills), _IN_PAGE.format(id=identity)
    return f'<div id="{identity}">\n{pictures}{words}</div>\n<script>(()=>{{{script}{start}}})();</script>'


def saved(path: str | Path, what: str, writers: Mapping[str, Callable[[], str | bytes]]) -> Path:
    """Write what the writer for the path's ending gives, and return the path; ValueError for an ending that has none."""
    path = Path(path)
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise ValueError(f"{what} is saved as {', '.join(writers)}; got {path.name!r}")
    content = writer()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@cache
def script(*names: str) -> str:
    """Scripts of this package one after the other, without comments and needless spaces."""
    return squeezed("\n".join(files("viz").joinpath("scripts", name).read_text(encoding="utf-8") for name in names))


# What spaces and slashes mean something in: strings, templates (not nested), patterns; and comments.
_TOKEN = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[(\s])/(?![/*\s])(?:\\.|[^/\n\\])+/)|//[^\n]*|/\*.*?\*/""", re.DOTALL
)
_SPACED = re.compile(r"\s*([-=+*/<>?:,;{}()|&!\[\]])\s*")
# The comma after a last argument, the semicolon after a last statement; a loop has a body in braces.
_NEEDLESS = re.compile(r"[,;](?=})|,(?=\))")


def squeezed(source: str) -> str:
    r"""A script without comments, and without spaces and needless punctuation outside strings, templates and patterns.

    >>> squeezed('const a = "b + c"; // said so\n\n/* and */ f(a,  1,);')
    'const a="b + c";f(a,1);'

    ValueError for a template inside a template.
    """
    kept: list[str] = []

    def put_aside(token: re.Match[str]) -> str:
        if (token["kept"] or "").startswith("`") and _is_open(token["kept"]):
            raise ValueError(f"templates inside templates are not squeezed; write the inner one before {token['kept'][:40]!r}")
        kept.append(token["kept"] or "")
        return f"\0{len(kept) - 1}\0"

    bare = _NEEDLESS.sub("", _SPACED.sub(r"\1", _TOKEN.sub(put_aside, source).strip()))
    return re.sub("\0(\\d+)\0\\s*", lambda place: kept[int(place[1])], bare)


def _is_open(template: str) -> bool:
    """Whether a template, taken to end at its next backtick, ends inside a ``${``: another template begins there."""
    depth = 0
    for brace in re.findall(r"\\.|\$\{|[{}]", template):
        if depth or brace == "${":
            depth += {"{": 1, "}": -1}.get(brace[-1], 0)
    return depth > 0


_HALF = re.compile("[\ud800-\udfff]")


def literal(data: Any) -> str:
    """``data`` as a JavaScript literal that is harmless inside an HTML script; nan and inf are its NaN and Infinity.

    Halves of characters, which UTF-8 cannot hold, become �.
    """
    text = _HALF.sub("\ufffd", json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
