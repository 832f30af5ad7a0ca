"""Rules of Vitis HLS that can be held without it, over clang's syntax tree of the emitted C++.

UG1399 (2020.2 to 2025.2), "Canonical Body" and "Limitations of control-driven task-level
parallelism": the body of a DATAFLOW function declares local streams and calls void functions, with
variables as arguments, unconditionally; each stream or array has one writing and one reading
process, the writer first; what comes from outside is used by one process, unless it is scalar.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Index, TranslationUnit, Type, TypeKind

from firebrick.hw.hls.csim import ap_types

EXPRESSION_WRAPPERS = (CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR)
LVALUES = (
    CursorKind.DECL_REF_EXPR,
    CursorKind.MEMBER_REF_EXPR,
    CursorKind.ARRAY_SUBSCRIPT_EXPR,
)
# The only functions that multiply two variables, each with its BIND_OP.
MULTIPLIERS = {"product": "fabric", "dsp_product": "dsp", "fabric_product": "fabric"}


def parse(source: Path, flags: tuple[str, ...] = ("-DFIREBRICK_EXACT_TYPES",)) -> TranslationUnit:
    """The tree of a source of an emitted project; raises ValueError with clang's complaints."""
    search = subprocess.run(
        ["g++", "-E", "-x", "c++", "-v", "/dev/null"], capture_output=True, text=True, check=True
    ).stderr
    begin = search.index("#include <...>") + 1
    folders = search[begin : search.index("End of search list")].splitlines()[1:]
    system = [word for folder in folders for word in ("-isystem", folder.strip())]
    options = ["-std=c++14", *flags, f"-I{source.parent}", "-isystem", str(ap_types()), *system]
    unit = Index.create().parse(str(source), options)
    found = [d for d in unit.diagnostics if d.severity >= 3]
    if found:
        raise ValueError("\n".join(map(str, found)))
    return unit


def functions(unit: TranslationUnit, folder: Path) -> dict[str, Cursor]:
    """Definitions of functions in the files of ``folder``, by name."""
    found = {}
    # Only what lies in the folder's own files: the trees of library headers are large.
    left = list(unit.cursor.get_children())
    while left:
        cursor = left.pop()
        file = cursor.location.file
        if not file or Path(file.name).parent != folder:
            continue
        if cursor.kind in (CursorKind.NAMESPACE, CursorKind.LINKAGE_SPEC):
            left += cursor.get_children()
        elif cursor.kind == CursorKind.FUNCTION_DECL and cursor.is_definition():
            found[cursor.spelling] = cursor
    return found


def with_pragma(found: dict[str, Cursor], pragma: str) -> list[Cursor]:
    """The functions with a line ``#pragma HLS <pragma>``."""
    return [
        cursor
        for cursor in found.values()
        if any(line.split()[:3] == ["#pragma", "HLS", pragma] for line in lines_of(cursor))
    ]


def lines_of(cursor: Cursor) -> list[str]:
    text = Path(cursor.location.file.name).read_text().splitlines()
    return text[cursor.extent.start.line - 1 : cursor.extent.end.line]


def bare(cursor: Cursor) -> Cursor:
    """The expression below conversions and parentheses."""
    while cursor.kind in EXPRESSION_WRAPPERS:
        children = list(cursor.get_children())
        if len(children) != 1:
            break
        (cursor,) = children
    return cursor


def is_stream(kind: Type) -> bool:
    return kind.get_pointee().spelling.startswith("hls::stream") or kind.spelling.startswith(
        "hls::stream"
    )


def holds_scalars(kind: Type) -> bool:
    """Whether a type is a number, an ap_int, or a struct of such all the way down."""
    kind = kind.get_canonical()
    if kind.kind == TypeKind.RECORD:
        if kind.spelling.removeprefix("const ").startswith(("ap_int<", "ap_uint<")):
            return True
        return all(holds_scalars(field.type) for field in kind.get_fields())
    return kind.kind not in (TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY, TypeKind.POINTER)


class Broken(Exception):
    """A rule is broken; the message says which and where."""


def calls_of(function: Cursor) -> list[Cursor]:
    """The processes of a DATAFLOW function, whose body holds nothing but them and locals."""
    (body,) = [c for c in function.get_children() if c.kind == CursorKind.COMPOUND_STMT]
    calls = []
    for statement in body.get_children():
        where = f"{function.spelling}, line {statement.location.line}"
        if statement.kind == CursorKind.DECL_STMT:
            for variable in statement.get_children():
                if not is_stream(variable.type):
                    raise Broken(f"{where}: {variable.spelling} is no stream")
            continue
        call = bare(statement)
        if call.kind != CursorKind.CALL_EXPR:
            raise Broken(f"{where}: {statement.kind.name} in a DATAFLOW region")
        calls.append(call)
    return calls


def _means(expression: Cursor, variable: Cursor) -> bool:
    target = bare(expression).referenced
    return target is not None and target == variable


def writes(function: Cursor, parameter: Cursor) -> bool:
    """Whether a function writes to a stream that it gets; both would be an error."""
    ways = set()
    for call in function.walk_preorder():
        if call.kind != CursorKind.CALL_EXPR:
            continue
        children = list(call.get_children())
        if children and children[0].kind == CursorKind.MEMBER_REF_EXPR:
            objects = list(children[0].get_children())
            if objects and _means(objects[0], parameter):
                ways.add("write" if call.spelling == "write" else "read")
                continue
        for n, argument in enumerate(call.get_arguments()):
            if argument is not None and _means(argument, parameter):
                callee = call.referenced.get_definition() if call.referenced else None
                inner = list(callee.get_arguments())[n] if callee else None
                if inner is not None and is_stream(inner.type):
                    ways.add("write" if writes(callee, inner) else "read")
    if len(ways) != 1:
        raise Broken(f"{function.spelling}: {parameter.spelling} is used in {sorted(ways)}")
    return ways == {"write"}


def check_dataflow(function: Cursor) -> int:
    """Hold a DATAFLOW function to the canonical form; returns the number of its processes."""
    name = function.spelling
    if function.result_type.kind != TypeKind.VOID:
        raise Broken(f"{name} is not void")
    users: dict[str, list[tuple[str, bool]]] = {}
    kinds: dict[str, Type] = {}
    calls = calls_of(function)
    for call in calls:
        callee = call.referenced.get_definition()
        if callee.result_type.kind != TypeKind.VOID:
            raise Broken(f"{name}: process {callee.spelling} is not void")
        for argument, parameter in zip(call.get_arguments(), callee.get_arguments(), strict=True):
            variable = bare(argument)
            if variable.kind != CursorKind.DECL_REF_EXPR:
                raise Broken(f"{name}: an argument of {callee.spelling} is no variable")
            kind = parameter.type
            if is_stream(kind):
                way = writes(callee, parameter)
            else:
                pointee = kind.get_pointee() if kind.get_pointee().spelling else kind
                constant = pointee.is_const_qualified()
                if kind.kind == TypeKind.LVALUEREFERENCE or kind.kind not in (
                    TypeKind.POINTER,
                    TypeKind.CONSTANTARRAY,
                    TypeKind.DECAYED if hasattr(TypeKind, "DECAYED") else TypeKind.POINTER,
                ):
                    if holds_scalars(pointee):
                        if kind.kind == TypeKind.LVALUEREFERENCE and not constant:
                            raise Broken(f"{name}: {variable.spelling} is a scalar written to")
                        continue
                    if kind.kind == TypeKind.LVALUEREFERENCE:
                        raise Broken(f"{name}: {variable.spelling} has arrays in a struct")
                way = not constant
            users.setdefault(variable.spelling, []).append((callee.spelling, way))
            kinds[variable.spelling] = variable.referenced.type
    locals_ = {
        v.spelling
        for s in next(
            c for c in function.get_children() if c.kind == CursorKind.COMPOUND_STMT
        ).get_children()
        if s.kind == CursorKind.DECL_STMT
        for v in s.get_children()
    }
    for variable, uses in users.items():
        if variable in locals_:
            if [way for _, way in uses] != [True, False]:
                raise Broken(f"{name}: {variable} is not written by one and then read by one")
        elif len(uses) != 1:
            raise Broken(f"{name}: {variable} is used by {[u for u, _ in uses]}")
    for variable in locals_ - set(users):
        raise Broken(f"{name}: nothing uses {variable}")
    return len(calls)


def ambiguous_pointers(found: dict[str, Cursor]) -> Iterator[str]:
    """Choices between two objects in memory, of which a pointer to one of them may remain."""
    for function in found.values():
        for cursor in function.walk_preorder():
            if cursor.kind == CursorKind.CONDITIONAL_OPERATOR:
                _, one, two = cursor.get_children()
                kind = cursor.type.get_canonical().kind
                objects = kind in (TypeKind.RECORD, TypeKind.CONSTANTARRAY)
                both = one.kind in LVALUES and two.kind in LVALUES
                if kind == TypeKind.POINTER or (objects and both):
                    yield f"{function.spelling}, line {cursor.location.line}"


def multiplications(found: dict[str, Cursor]) -> Iterator[str]:
    """Functions that multiply two values of which neither is a constant or a power of two."""
    for function in found.values():
        for cursor in function.walk_preorder():
            if cursor.kind == CursorKind.CALL_EXPR and cursor.spelling == "operator*":
                # Of two ap_ints.
                one, two = cursor.get_arguments()
            elif cursor.kind == CursorKind.BINARY_OPERATOR:
                one, two = cursor.get_children()
            else:
                continue
            between = [
                token.spelling
                for token in cursor.get_tokens()
                if one.extent.end.offset <= token.extent.start.offset < two.extent.start.offset
            ]
            if "*" in between and not any(map(_is_simple, (one, two))):
                yield function.spelling


def _is_simple(cursor: Cursor) -> bool:
    """A constant, or one shifted to the left."""
    tokens = [t.spelling for t in cursor.get_tokens()]
    if tokens[:3] == ["(", "1", "<<"]:
        return True
    leaves = [c for c in cursor.walk_preorder() if c.kind == CursorKind.DECL_REF_EXPR]
    constants = all(
        leaf.referenced.kind == CursorKind.VAR_DECL and leaf.spelling.startswith("k")
        for leaf in leaves
    )
    calls = any(c.kind == CursorKind.CALL_EXPR for c in cursor.walk_preorder())
    return constants and not calls


def memory_accesses(found: dict[str, Cursor]) -> Iterator[tuple[str, bool]]:
    """Functions that read or write a memory port, each time with whether that is a burst: one beat
    a step of an innermost pipelined loop, in their order, whatever else the loop decides."""
    for function in found.values():
        yield from ((function.spelling, burst) for burst in _accesses(function, None, False))


def _accesses(cursor: Cursor, loop: Cursor | None, decided: bool) -> Iterator[bool]:
    if cursor.kind in (CursorKind.FOR_STMT, CursorKind.WHILE_STMT):
        loop, decided = cursor, False
    elif cursor.kind in (CursorKind.IF_STMT, CursorKind.CONDITIONAL_OPERATOR):
        decided = True
    if cursor.kind == CursorKind.ARRAY_SUBSCRIPT_EXPR:
        base, index = cursor.get_children()
        target = bare(base).referenced
        pointer = target is not None and target.type.kind == TypeKind.POINTER
        if pointer and "uint64_t" in target.type.spelling:
            yield not decided and loop is not None and _in_order(loop, index)
    for child in cursor.get_children():
        yield from _accesses(child, loop, decided)


def _in_order(loop: Cursor, index: Cursor) -> bool:
    """Whether ``index`` is a loop's variable, or something that stays and the variable."""
    if not any("PIPELINE II=1" in line for line in lines_of(loop)):
        return False
    nested = [c for c in loop.walk_preorder() if c.kind == CursorKind.FOR_STMT]
    unrolled = sum("UNROLL" in line for line in lines_of(loop))
    tokens = [token.spelling for token in index.get_tokens()]
    head = [token.spelling for token in loop.get_tokens()][:20]
    steps_by_one = "++" in head and head[head.index("++") + 1] == "i"
    return len(nested) - 1 <= unrolled and steps_by_one and tokens[-1] == "i" and "*" not in tokens
