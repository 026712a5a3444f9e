"""JavaScript run where people run it: in Node and in a headless Chromium. Numbers go in and come out as bits."""

import base64
import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PLACES = ("node", "chromium")

_RUNNER = """
const doubles = (text) => new Float64Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const answers = [];
for (const { f, inputs, width, size, lanes } of jobs) {
  const numbers = doubles(inputs), count = numbers.length / width;
  const found = new Float64Array(count * size);
  if (lanes) {
    const shared = new Float64Array(lanes.shared), rows = new Float64Array(count * lanes.rows);
    f(doubles(lanes.given), numbers, count, shared, rows);
    answers.push(shared, rows);
    continue;
  }
  for (let i = 0; i < count; i++) f(numbers.subarray(i * width, (i + 1) * width), found.subarray(i * size, (i + 1) * size));
  answers.push(found);
}
const text = answers.map((found) => {
  const bytes = new Uint8Array(found.buffer);
  let letters = "";
  for (let i = 0; i < bytes.length; i++) letters += String.fromCharCode(bytes[i]);
  return btoa(letters);
}).join(" ");
"""


@dataclass(frozen=True)
class Job:
    """A function's source, the points at which to call it [point][input], and how many numbers it answers with.

    With ``rows`` it is a function of samples, which is called once, with these shared numbers.
    """

    source: str
    points: Any
    size: int
    shared: tuple[float, ...] = ()
    rows: int = 0


def run(place: str, jobs: Sequence[Job], folder: Path) -> list[Any]:
    """For each job its answers as an array [point, output]; for functions of samples the shared ones and an array [sample, row]."""
    script = f"const jobs = [{', '.join(map(_entry, jobs))}];\n{_RUNNER}"
    text = _in_node(script) if place == "node" else in_chromium(script, folder)
    found = [np.frombuffer(base64.b64decode(part)) for part in text.split(" ")]
    answers: list[Any] = []
    upcoming = iter(found)
    for job in jobs:
        if job.rows:
            answers.append((next(upcoming), next(upcoming).reshape(-1, job.rows)))
        else:
            answers.append(next(upcoming).reshape(-1, job.size))
    return answers


def _entry(job: Job) -> str:
    points = np.array(job.points, dtype=float)
    facts: dict[str, Any] = {"inputs": _bits(points), "width": points.shape[1], "size": job.size}
    if job.rows:
        facts["lanes"] = {"given": _bits(np.array(job.shared)), "shared": job.size, "rows": job.rows}
    return f"{{f: ({job.source}), ...{json.dumps(facts)}}}"


def _bits(numbers: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, dtype=float).tobytes()).decode()


def _in_node(script: str) -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, "-"], input=f"{script}\nconsole.log(`<${{text}}>`);", capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()[1:-1]


_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--virtual-time-budget=100000", "--dump-dom"),
)


def in_chromium(script: str, folder: Path) -> str:
    """What the script leaves in ``text``, run on a page."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("chromium is not installed")
    page = folder / "page.html"
    shown = "document.body.textContent = text;"  # hidden: to lay out megabytes of text would take most of the time
    page.write_text(f'<!doctype html><meta charset="utf-8"><body hidden><script>{script}\n{shown}</script>', encoding="utf-8")
    command = [browser, *_FLAGS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = re.search(r"<body hidden[^>]*>(.*?)</body>", done.stdout, re.DOTALL)
    assert found and "<script>" not in found[1], done.stderr[-2000:]
    return html.unescape(found[1].strip())
