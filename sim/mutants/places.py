"""Where an RTL file can be changed, and how: found in slang's syntax tree, not in the text.

Left out is what is no behaviour of the hardware or must be constant: declarations, parameters,
ranges of declarations, conditions of ``generate``, functions that only constants call, the left
sides of assignments, assertions, attributes and what primitives are connected to, and packages,
which are types, constants and what ``hw/generate.py`` writes.  Code behind ``ifdef`` is not in the
tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.paths import ROOT

RTL = ROOT / "hw" / "rtl"
OPERATOR, NEGATED, CONSTANT, RANGE = "operator", "condition negated", "constant", "bit range"
ARMS, ENABLE, RESET = "arms swapped", "enable dropped", "reset value"
DROPPED, UNARY, STATE = "assignment dropped", "unary operator", "state"
KINDS = (OPERATOR, NEGATED, CONSTANT, RANGE, ARMS, ENABLE, RESET, DROPPED, UNARY, STATE)

_OPERATORS = {
    "AddExpression": ("+", ("-",)),
    "SubtractExpression": ("-", ("+",)),
    "BinaryAndExpression": ("&", ("|",)),
    "BinaryOrExpression": ("|", ("&",)),
    "BinaryXorExpression": ("^", ("|",)),
    "EqualityExpression": ("==", ("!=",)),
    "InequalityExpression": ("!=", ("==",)),
    "LessThanExpression": ("<", ("<=", ">=")),
    "LessThanEqualExpression": ("<=", ("<", ">")),
    "GreaterThanExpression": (">", (">=", "<=")),
    "GreaterThanEqualExpression": (">=", (">", "<")),
    "LogicalAndExpression": ("&&", ("||",)),
    "LogicalOrExpression": ("||", ("&&",)),
    "LogicalShiftLeftExpression": ("<<", (">>",)),
    "LogicalShiftRightExpression": (">>", ("<<",)),
    "ArithmeticShiftLeftExpression": ("<<<", (">>>",)),
    "ArithmeticShiftRightExpression": (">>>", (">>",)),
}
_UNARY = {
    "UnaryLogicalNotExpression": "",
    "UnaryBitwiseNotExpression": "",
    "UnaryBitwiseOrExpression": "&",
    "UnaryBitwiseAndExpression": "|",
}
# Not looked into: constants, declarations, and what is no hardware.
_CONSTANT = (
    "ParameterDeclarationStatement",
    "ParameterDeclaration",
    "ParameterPortList",
    "ParameterValueAssignment",
    "VariableDimension",
    "TypedefDeclaration",
    "AttributeInstance",
    "ElabSystemTask",
    "ModuleHeader",
    "FunctionPrototype",
    "EventControlWithExpression",
    "ConcurrentAssertionStatement",
    "ImmediateAssertStatement",
    "InitialBlock",
)
_SIGN_CASTS = ("$signed", "$unsigned")
_LITERAL = re.compile(r"(?:(\d+)'(s?)([bdh]))?([0-9a-fA-F]+)")
_BASES = {"b": 2, "d": 10, "h": 16}
_FORMATS = {"b": "b", "d": "d", "h": "X"}


@dataclass(frozen=True, order=True)
class Mutant:
    """``original``, at byte ``start`` of ``hw/rtl/<file>``, becomes ``mutated``.

    ``statement``: the text is a whole statement, not an expression.
    """

    file: str
    start: int
    kind: str
    original: str
    mutated: str
    module: str
    line: int
    statement: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.original)

    def apply(self, text: str) -> str:
        """The file's text with this change."""
        if text[self.start : self.end] != self.original:
            raise FirebrickError(f"hw/rtl/{self.file}:{self.line}: the file has changed")
        return text[: self.start] + self.mutated + text[self.end :]

    def __str__(self) -> str:
        def short(text: str) -> str:
            return " ".join(text.split())

        changed = short(self.mutated) or "(nothing)"
        return f"{self.file}:{self.line}: {self.kind}: {short(self.original)} -> {changed}"


@dataclass(frozen=True)
class _Context:
    """Where in the design a node is."""

    clocked: bool = False
    in_reset: bool = False


class _Finder:
    """Walks one file's tree."""

    def __init__(self, file: str, text: str) -> None:
        from pyslang.syntax import SyntaxTree

        if not text.isascii():
            raise FirebrickError(f"hw/rtl/{file}: not ASCII: offsets would differ")
        self.file = file
        self.text = text
        self.module = file.removesuffix(".sv")
        self.tree = SyntaxTree.fromText(text, file)
        self.states = [s for s in _nodes(self.tree.root, "EnumType")]
        self.constant_functions = _called_by_constants(self.tree.root)

    # ------------------------------------------------------------------------------ helpers

    def source(self, node: Any) -> str:
        return self.text[_start(node) : _end(node)]

    def mutant(self, node: Any, kind: str, mutated: str, statement: bool = False) -> Mutant:
        start = _start(node)
        line = self.text.count("\n", 0, start) + 1
        original = self.source(node)
        return Mutant(self.file, start, kind, original, mutated, self.module, line, statement)

    # ------------------------------------------------------------------------------ the walk

    def walk(self, node: Any, context: _Context) -> Iterator[Mutant]:
        kind = _kind(node)
        if kind in _CONSTANT or (kind == "DataDeclaration" and not _inside_function(node)):
            return
        visit = getattr(self, f"_{kind}", None)
        if visit is not None:
            yield from visit(node, context)
            return
        yield from self.changes(node, kind, context)
        yield from self.children(node, context)

    def children(self, node: Any, context: _Context) -> Iterator[Mutant]:
        for child in node:
            if _is_node(child):
                yield from self.walk(child, context)

    def changes(self, node: Any, kind: str, context: _Context) -> Iterator[Mutant]:
        """Mutants of the expression ``node`` itself."""
        if kind in _OPERATORS:
            was, others = _OPERATORS[kind]
            left, right = self.source(node.left), self.source(node.right)
            for other in others:
                yield self.mutant(node, OPERATOR, f"({left}) {other} ({right})")
            assert str(node.operatorToken).strip() == was
        elif kind in _UNARY:
            yield self.mutant(node, UNARY, f"{_UNARY[kind]}({self.source(node.operand)})")
        elif kind.endswith("LiteralExpression") or kind == "IntegerVectorExpression":
            what = RESET if context.in_reset else CONSTANT
            for value in self.literals(self.source(node)):
                yield self.mutant(node, what, value)

    @staticmethod
    def literals(text: str) -> list[str]:
        """What a literal may become: one more and one less, as far as its width has them."""
        if text in ("'0", "'1"):
            return ["'1" if text == "'0" else "'0"]
        found = _LITERAL.fullmatch(text)
        if found is None:
            return []
        size, signed, base, digits = found.groups()
        value = int(digits, _BASES[base] if base else 10)
        top = (1 << int(size)) - 1 if size else 1 << 30
        near = [v for v in (value + 1, value - 1) if 0 <= v <= top]
        return [f"{size}'{signed}{base}{v:{_FORMATS[base]}}" if size else str(v) for v in near]

    # ------------------------------------------------------------- nodes with parts to leave out

    def _FunctionDeclaration(self, node: Any, context: _Context) -> Iterator[Mutant]:
        if str(node.prototype.name).strip() not in self.constant_functions:
            yield from self.children(node, context)

    def _IfGenerate(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.block, context)
        if node.elseClause is not None:
            yield from self.walk(node.elseClause, context)

    def _LoopGenerate(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.block, context)

    def _ForLoopStatement(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.statement, context)

    def _StandardCaseItem(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.clause, context)

    def _CastExpression(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.right, context)

    def _MultipleConcatenationExpression(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.concatenation, context)

    def _InvocationExpression(self, node: Any, context: _Context) -> Iterator[Mutant]:
        name = self.source(node.left)
        if not name.startswith("$") or name in _SIGN_CASTS:
            yield from self.walk(node.arguments, context)

    def _NamedPortConnection(self, node: Any, context: _Context) -> Iterator[Mutant]:
        # Outputs have names in _o; what they connect to is assigned to.
        if node.expr is not None and not str(node.name).strip().endswith(("_o", "_no")):
            yield from self.walk(node.expr, context)

    def _HierarchyInstantiation(self, node: Any, context: _Context) -> Iterator[Mutant]:
        # What an unused input of a primitive rests at shows nowhere: its stand-in has no inside.
        if str(node.type).strip().startswith(("fb_", "firebrick_")):
            yield from self.children(node, context)

    def _ScopedName(self, node: Any, context: _Context) -> Iterator[Mutant]:
        # Only what comes last may be an index that a signal decides.
        yield from self.walk(node.right, context)

    def _IdentifierSelectName(self, node: Any, context: _Context) -> Iterator[Mutant]:
        for select in node.selectors:
            inside = select.selector
            if inside is None:
                continue
            kind = _kind(inside)
            if kind == "BitSelect":
                if (text := self.source(inside.expr)).isdecimal():
                    other = int(text) - 1 if int(text) else 1
                    yield self.mutant(inside.expr, RANGE, str(other))
                else:
                    yield from self.walk(inside.expr, context)
                continue
            whole = node
            while _kind(whole.parent) == "ScopedName":
                whole = whole.parent
            before = self.text[_start(whole) : _start(inside)]
            after = self.text[_end(inside) : _end(whole)]
            left, right = self.source(inside.left), self.source(inside.right)
            for step in ("+", "-"):
                if kind == "SimpleRangeSelect" and step == "-" and right == "0":
                    continue
                if kind == "SimpleRangeSelect":
                    moved = f"{_moved(left, step)}:{_moved(right, step)}"
                else:
                    token = str(inside.range).strip()
                    moved = f"{_moved(left, step)}{token}{right}"
                yield self.mutant(whole, RANGE, before + moved + after)

    # ----------------------------------------------------------------------------- statements

    def _AlwaysFFBlock(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.children(node, _Context(clocked=True))

    def _ContinuousAssign(self, node: Any, context: _Context) -> Iterator[Mutant]:
        for assignment in node.assignments:
            if _is_node(assignment) and not self.source(assignment.left).startswith("unused"):
                yield from self.walk(assignment.right, context)

    def _AssignmentExpression(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self.walk(node.right, context)
        yield from self.next_state(node.right)

    def _NonblockingAssignmentExpression(self, node: Any, context: _Context) -> Iterator[Mutant]:
        yield from self._AssignmentExpression(node, context)

    def next_state(self, node: Any) -> Iterator[Mutant]:
        name = self.source(node)
        for enum in self.states:
            members = [str(m.name).strip() for m in enum.members if _is_node(m)]
            if name in members and len(members) > 1:
                other = members[(members.index(name) + 1) % len(members)]
                yield self.mutant(node, STATE, other)

    def _ExpressionStatement(self, node: Any, context: _Context) -> Iterator[Mutant]:
        if context.clocked and _kind(node.expr) == "NonblockingAssignmentExpression":
            yield self.mutant(node, DROPPED, "", statement=True)
        yield from self.children(node, context)

    def _ConditionalStatement(self, node: Any, context: _Context) -> Iterator[Mutant]:
        condition = self.source(node.predicate)
        resets = "rst_n" in condition
        yield self.mutant(node.predicate, NEGATED, f"!({condition})")
        if context.clocked and not resets:
            yield self.mutant(node.predicate, ENABLE, "1'b1")
        yield from self.children(node.predicate, context)
        yield from self.walk(node.statement, _Context(context.clocked, resets))
        if node.elseClause is not None:
            yield from self.walk(node.elseClause, context)

    def _ConditionalExpression(self, node: Any, context: _Context) -> Iterator[Mutant]:
        condition = self.source(node.predicate)
        yield self.mutant(node.predicate, NEGATED, f"!({condition})")
        left, right = self.source(node.left), self.source(node.right)
        yield self.mutant(node, ARMS, f"({condition}) ? ({right}) : ({left})")
        yield from self.children(node, context)


def _kind(node: Any) -> str:
    return str(node.kind).rpartition(".")[2]


def _is_node(node: Any) -> bool:
    return hasattr(node, "sourceRange")


def _start(node: Any) -> int:
    return node.sourceRange.start.offset


def _end(node: Any) -> int:
    return node.sourceRange.end.offset


def _nodes(node: Any, kind: str) -> Iterator[Any]:
    """All nodes of a kind at or below ``node``."""
    if _kind(node) == kind:
        yield node
    for child in node:
        if _is_node(child):
            yield from _nodes(child, kind)


def _inside_function(node: Any) -> bool:
    while node is not None:
        if _kind(node) == "FunctionDeclaration":
            return True
        node = node.parent
    return False


def _called_by_constants(root: Any) -> set[str]:
    """Functions that a constant is made with: they cannot look at a signal."""
    found = set()
    for kind in ("ParameterDeclaration", "VariableDimension"):
        for node in _nodes(root, kind):
            found |= {str(c.left).strip() for c in _nodes(node, "InvocationExpression")}
    return found


def _moved(bound: str, step: str) -> str:
    """A bound of a range, one up or down."""
    if bound.isdecimal():
        return str(int(bound) + (1 if step == "+" else -1))
    return f"({bound}) {step} 1"


@cache
def places(folder: Path = RTL) -> tuple[Mutant, ...]:
    """Every mutant of the RTL files in ``folder``, in the order of the text."""
    found: list[Mutant] = []
    for path in sorted(folder.glob("*.sv")):
        if path.stem.endswith("_pkg"):
            continue
        finder = _Finder(path.name, path.read_text())
        found += finder.walk(finder.tree.root, _Context())
    return tuple(sorted(m for m in set(found) if m.original != m.mutated))


def by_text(file: str, whole: str, original: str, mutated: str, kind: str = OPERATOR) -> Mutant:
    """The mutant that changes ``original`` in ``whole``, which the file holds once; by hand.

    FirebrickError where the file does not hold it.
    """
    text = (RTL / file).read_text()
    if text.count(whole) != 1 or whole.count(original) != 1:
        raise FirebrickError(f"hw/rtl/{file}: {whole!r} with {original!r} is not there once")
    start = text.index(whole) + whole.index(original)
    line = text.count("\n", 0, start) + 1
    return Mutant(file, start, kind, original, mutated, file.removesuffix(".sv"), line)
