"""The source of lifted code, and what is changed in it."""

import ast
import dis
import inspect
from collections.abc import Iterator
from types import CodeType

_CATCHES_ZERO = {"ZeroDivisionError", "ArithmeticError", "Exception", "BaseException"}
_DIVISIONS: dict[type[ast.operator], str] = {ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod"}
_EQUALITIES: dict[type[ast.cmpop], str] = {
    ast.Eq: "__equal__",
    ast.NotEq: "__unequal__",
    ast.In: "__among__",
    ast.NotIn: "__outside__",
}


def prepared(source: str, file: str) -> ast.Module:
    """The code to be run."""
    return ast.fix_missing_locations(_Preparation().visit(ast.parse(source, file)))  # type: ignore[no-any-return]


def _is_type_of(node: ast.expr) -> bool:
    """Whether it is ``type(x)``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1


def prepared_code(code: CodeType) -> CodeType:
    """The code of a function, changed as that of a module is.

    TypeError where the source is not at hand, or is another by now, and there is something to change.
    """
    try:
        lines, _ = inspect.findsource(code)
        text, file = "".join(lines), code.co_filename
        found = zip(_codes(compile(text, file, "exec", dont_inherit=True)), _codes(_compiled(text, file)), strict=True)
        changed = next((changed for plain, changed in found if plain == code), None)
    except (OSError, TypeError, SyntaxError, ValueError):
        changed = None
    if changed is None:
        for part in _codes(code):
            _refuse_what_changes(part)
    return changed or code


def _refuse_what_changes(code: CodeType) -> None:
    """TypeError that names the line if there is in the code what would be changed."""
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        line = (step.positions.lineno if step.positions else None) or line
        is_equality = step.opname == "COMPARE_OP" and any([sign in str(step.argval) for sign in ("==", "!=")])
        is_type = step.opname.startswith("LOAD_GLOBAL") and step.argval in ("type", "ZeroDivisionError", "ArithmeticError")
        if is_equality or is_type or step.opname == "CONTAINS_OP" or step.opname.startswith("MATCH_"):
            raise TypeError(
                f"lift needs the source of {code.co_name}, which cannot be read or is another by now: at {code.co_filename}:{line} it "
                "compares with == or in, looks at a type, matches, or waits for a division by 0. Put it into a module, or restart with "
                "the source as it is"
            )


def _compiled(text: str, file: str) -> CodeType:
    return compile(prepared(text, file), file, "exec", dont_inherit=True)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A piece of code and those inside it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)


class _Preparation(ast.NodeTransformer):
    """What Python says of floats holds for Values.

    Divisions inside a ``try`` that waits for ZeroDivisionError raise it; where ``type(x)`` is compared, a Value counts as a float; Values
    are equal that are so as numbers; what is matched is a bool where it is a comparison.
    """

    def __init__(self) -> None:
        self._depth = 0

    def visit_Try(self, node: ast.Try) -> ast.AST:
        caught = {name for handler in node.handlers for name in _names(handler.type)}
        waits = bool(caught & _CATCHES_ZERO)
        self._depth += waits
        node.body = [self.visit(statement) for statement in node.body]
        self._depth -= waits
        for field in ("handlers", "orelse", "finalbody"):
            setattr(node, field, [self.visit(statement) for statement in getattr(node, field)])
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        for side in [node.left, *node.comparators]:
            if isinstance(side, ast.Call) and _is_type_of(side):
                side.func = ast.copy_location(ast.Name("__kind__", ast.Load()), side.func)
        sides = [node.left, *node.comparators]
        if all([isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops]) and not any(map(_is_none, sides)):
            node.left, *node.comparators = [_call(x, "__itself__", x) for x in sides]
        links = list(zip(node.ops, [node.left, *node.comparators], node.comparators, strict=False))
        if not any([type(op) in _EQUALITIES for op in node.ops]) or not all([_is_plain(x) for x in node.comparators[:-1]]):
            return node
        parts = [_link(node, *link) for link in links]
        return parts[0] if len(parts) == 1 else ast.copy_location(ast.BoolOp(ast.And(), parts), node)

    def visit_Match(self, node: ast.Match) -> ast.AST:
        self.generic_visit(node)
        node.subject = _call(node.subject, "__decided__", node.subject)
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.cls, ast.Name) and node.cls.id == "float":
            node.cls = ast.copy_location(ast.Name("__matched__", ast.Load()), node.cls)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        how = _DIVISIONS.get(type(node.op))
        if not self._depth or how is None:
            return node
        return _call(node, "__divided__", ast.Constant(how), node.left, node.right)


def _call(at: ast.AST, name: str, *arguments: ast.expr) -> ast.expr:
    """A call in the place of something."""
    return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), at)


def _is_plain(x: ast.expr) -> bool:
    """Whether it may be evaluated twice."""
    return isinstance(x, (ast.Name, ast.Constant))


def _link(at: ast.AST, op: ast.cmpop, left: ast.expr, right: ast.expr) -> ast.expr:
    """One comparison of a chain."""
    how = _EQUALITIES.get(type(op))
    compared = ast.Compare(left, [op], [right]) if how is None else _call(at, how, left, right)
    return ast.copy_location(compared, at)


def _is_none(node: ast.expr) -> bool:
    """Whether it is ``None``, which nothing of ours is taken for."""
    return isinstance(node, ast.Constant) and node.value is None


def _names(kind: ast.expr | None) -> list[str]:
    """What an ``except`` catches; a bare one everything."""
    if kind is None:
        return ["BaseException"]
    return [part.id for part in ast.walk(kind) if isinstance(part, ast.Name)]
