"""The scripts of living pictures under node: they say and compute what Python does, and a linter likes them."""

import json
import math
import random
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from tests.viz.living_graphs import TEN
from viz import folded, living, networks, page, playgrounds, story
from viz.exploring import SCRIPTS, explore
from viz.notation import number

LINT = Path(__file__).parent / "lint"
PAGES = {"living": SCRIPTS, "playground": playgrounds.SCRIPTS, "folded": folded.SCRIPTS, "network": networks.SCRIPTS}


def whole_script(name):
    """The scripts of a page as they are written."""
    return "\n".join(files("viz").joinpath("scripts", script).read_text(encoding="utf-8") for script in PAGES[name])


@pytest.fixture(scope="module")
def node():
    """A function that runs a script under node and returns what it put into ``said``."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")

    def run(script):
        text = f'"use strict";\n{script}\nprocess.stdout.write(JSON.stringify(said));'
        done = subprocess.run([program, "-"], input=text, capture_output=True, text=True, encoding="utf-8", timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def numbers():
    """Edges of the notation, ties to even among them, and random ones of every size."""
    chance = random.Random(5)
    ties = [0.5 + n for n in (1000, 1001, 2344, 9999)] + [12345.0, 12355.0, 1.00048828125, 100.05, 0.00010005, 2**-30, 99995.0]
    edges = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1e-4,
        9.9995e-5,
        9999.0,
        9999.5,
        1e4,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        math.nan,
    ]
    spread = [chance.uniform(-10, 10) * 10.0 ** chance.randint(-12, 12) for _ in range(2000)]
    return [*edges, *ties, *(-x for x in ties), *spread]


def test_numbers_are_written_as_python_writes_them(node):
    got = node(f"{page.script('numbers.js')}const said={page.literal(numbers())}.map(number);")
    wrong = [(x, text, number(x)) for x, text in zip(numbers(), got, strict=True) if text != number(x)]
    assert not wrong, f"(number, got, expected): {wrong[:5]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", 2), (" -1.5e3 ", -1500), ("−0.5", -0.5), ("inf", "Infinity"), ("−inf", "-Infinity"), ("nan", "NaN"), ("", "undefined"),
     ("two", "undefined"), ("1,5", "undefined"), ("0x10", 16)],
)  # fmt: skip
def test_what_a_reader_may_type(node, text, expected):
    assert node(f"{page.script('numbers.js')}const said=String(typed({json.dumps(text)}));") == str(expected)


def test_how_far_a_drag_moves(node):
    """By a hundredth of the number's power of ten, to round numbers; out of what is no number too."""
    cases = [(2.0, 1), (2.0, -3), (0.0, 1), (-0.5, 10), (123.0, 1), (0.1 + 0.2, 0), (math.nan, 4), (math.inf, -2)]
    got = node(f"{page.script(*SCRIPTS)}const said={page.literal(cases)}.map(([x,n])=>moved(x,n));")
    assert got == [2.01, 1.97, 0.001, -0.49, 124.0, 0.3, 1, -1]


STORY = """
const outputs=new Float64Array(data.size),inputs=Float64Array.from(data.numbers);
compute(inputs,outputs);
data.computed=data.names.map((_,i)=>i).filter((i)=>!data.inputs.includes(i));
const of=(card)=>data.inputs.includes(card)?inputs[data.inputs.indexOf(card)]:outputs[data.computed.indexOf(card)];
const said=data.panels.map((panel)=>Array.from({length:lastPosition(data)+1},(_,position)=>{
const {text,card,edges,gradients}=told(data,panel,of,outputs,position);
return {text,card,edges,gradients:data.names.map((_,i)=>number(gradients[i]??0))};}));
"""


@pytest.mark.parametrize("name", TEN)
def test_every_step_says_what_python_says(node, name):
    """Numbers, formulas, sums and the order, of the forward and of the backward pass."""
    root = TEN[name]()
    graph = living.drawn(root, 150)
    alive = living.living(graph, [living.engine_trace(graph)])
    picture = explore(root)
    steps = node(f"{page.script('numbers.js', 'story.js')}{picture.javascript}const data={page.literal(picture.data)};{STORY}")[0]
    forward, backward = story.forward_lines(alive), story.backward_story(alive)
    assert [step["text"] for step in steps[1 : 1 + len(forward)]] == forward
    pushes = steps[len(forward) + 2 : -1]
    assert [step["text"] for step in pushes] == ["\n".join(told.lines) for told in backward]
    assert [(step["card"], step["edges"]) for step in pushes] == [(told.card, list(told.edges)) for told in backward]
    assert [step["gradients"] for step in pushes] == [
        [number(0.0 if g is None else g) for g in told.gradients] for told in backward
    ]
    assert steps[-1]["gradients"] == [number(g) for g in alive.adjoints(0)]


def test_a_naive_order_is_told_to_be_too_early():
    graph = living.drawn(TEN["diamond"](), 150)
    alive = living.living(graph, [living.engine_trace(graph), living.naive_trace(graph, last_first=True)])
    lines = [line for told in story.backward_story(alive, 1) for line in told.lines]
    assert any(line.startswith("Too early: 1 of 3 contributions have arrived at ") for line in lines)


@pytest.fixture(scope="module")
def eslint(request):
    """ESLint from npm at the version that lint/package.json pins, kept in pytest's cache; skips where it cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    place = request.config.cache.mkdir("eslint")
    for file in LINT.iterdir():
        shutil.copy(file, place)
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--silent"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"npm cannot fetch eslint: {done.stderr.strip()[-200:]}")
    return place


@pytest.mark.parametrize("name", PAGES)
def test_squeezed_scripts_are_the_same_program(eslint, name):
    """Their syntax trees are equal but for the places in the text."""
    tree = "(text)=>JSON.stringify(parse(text,{ecmaVersion:2022}),(key,value)=>['start','end'].includes(key)?undefined:value)"
    whole, squeezed = json.dumps(whole_script(name)), json.dumps(page.script(*PAGES[name]))
    check = f"import {{parse}} from 'espree';const tree={tree};console.log(tree({whole})===tree({squeezed}));"
    done = subprocess.run(["node", "--input-type=module", "-"], input=check, cwd=eslint, capture_output=True, text=True)
    assert done.stdout.strip() == "true", done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_a_linter_likes_the_scripts(eslint, name):
    """As the page has them, one after the other; the last one's function is called by the page. Not every page needs all they share."""
    file, whole = eslint / f"{name}.js", whole_script(name)
    shared = re.findall(r"^(?:function|const) (\w+)|(?<=, )([A-Z]+)(?= = )", whole, re.MULTILINE)
    used = ", ".join(a or b for a, b in shared)
    file.write_text(f"(() => {{\n{whole}\n{name}();\nvoid [{used}];\n}})();\n", encoding="utf-8")
    command = ["npx", "--no-install", "eslint", "--max-warnings", "0", file.name]
    done = subprocess.run(command, cwd=eslint, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("nested", ["`a ${`b  c`}`", "`${f({})} ${[1].map((x) => `${x}  px`)}`", "`\\`${ `  ` }`"])
def test_templates_inside_templates_are_refused(nested):
    with pytest.raises(ValueError, match="templates inside templates"):
        page.squeezed(f"const a = {nested};")


@pytest.mark.parametrize("plain", ["`a  ${b} }`", "`{  ${f({})}`", "`\\${ {  `", "`\\`  `"])
def test_plain_templates_are_kept(plain):
    assert page.squeezed(f"const a = {plain};") == f"const a={plain};"
