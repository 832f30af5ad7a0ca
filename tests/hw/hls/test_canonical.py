"""The emitted C++ keeps what Vitis HLS documents, as far as that shows without the tool."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from firebrick.hw.hls.emit import arguments
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from tests.hw.hls import canonical
from tests.hw.hls.compiled import emitted
from tests.hw.hls.pragmas import complaint

SHAPES = (PYNQ_Z2, EngineShape(8, 8), EngineShape(4, 8), EngineShape(32, 64))
# Multipliers that the FPGA of the boards has.
DSPS = 220


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emitted(PYNQ_Z2, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def found(project: Path) -> dict[str, canonical.Cursor]:
    unit = canonical.parse(project / "src" / "firebrick_kernel.cpp")
    kept = canonical.functions(unit, project / "src")
    kept["unit"] = unit.cursor  # keeps the tree alive
    return kept


def bodies(found: dict[str, canonical.Cursor]) -> dict[str, canonical.Cursor]:
    return {name: cursor for name, cursor in found.items() if name != "unit"}


def test_the_region_is_canonical(found: dict[str, canonical.Cursor]) -> None:
    (region,) = canonical.with_pragma(bodies(found), "DATAFLOW")
    assert region.spelling == "run_row"
    assert canonical.check_dataflow(region) == 9


@pytest.mark.parametrize(
    ("old", "new", "complaint_"),
    [
        ("static void run_row", "static unsigned run_row", "not void"),
        ("  load_row(row, maps_in, read);", "  if (row.squeeze) load_row(row, maps_in, read);",
         "IF_STMT"),
        ("  load_row(row, maps_in, read);",
         "  load_row(row, maps_in, read);\n  load_row(row, maps_in, read);",
         "maps_in is used by"),
        ("systolic_array(row, steps, columns);",
         "unsigned many = row.steps;\n  systolic_array(row, steps, columns);", "many is no stream"),
        ("load_row(row, maps_in, read);", "load_row(row, maps_in + 1, read);", "no variable"),
        ("  load_row(row, maps_in, read);\n",
         "  load_row(row, program, read);\n", "program is used by"),
        ("  systolic_array(row, steps, columns);\n  requantize_row(row, biases, requants, columns, "
         "results);\n",
         "  requantize_row(row, biases, requants, columns, results);\n  systolic_array(row, steps, "
         "columns);\n", "columns is not written by one and then read"),
    ],
)  # fmt: skip
def test_what_is_not_canonical_is_seen(
    project: Path, tmp_path: Path, old: str, new: str, complaint_: str
) -> None:
    for file in (project / "src").iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    source = tmp_path / "firebrick_kernel.cpp"
    text = source.read_text()
    assert text.count(old) == 1
    text = text.replace(old, new)
    if "unsigned run_row" in new:
        last = "  store_row(g, row, base, stored, maps_out);\n"
        text = text.replace(last, f"{last}  return 0;\n")
    source.write_text(text)
    unit = canonical.parse(source)
    (region,) = canonical.with_pragma(canonical.functions(unit, tmp_path), "DATAFLOW")
    with pytest.raises(canonical.Broken, match=re.escape(complaint_)):
        canonical.check_dataflow(region)


def test_no_pointer_may_mean_two_objects(found: dict[str, canonical.Cursor]) -> None:
    assert list(canonical.ambiguous_pointers(bodies(found))) == []


def test_multipliers_are_counted(project: Path, found: dict[str, canonical.Cursor]) -> None:
    """Two variables are multiplied in three functions, each bound to DSPs or to LUTs."""
    many = Counter(canonical.multiplications(bodies(found)))
    assert many == Counter(dict.fromkeys(canonical.MULTIPLIERS, 1))
    for name, kind in canonical.MULTIPLIERS.items():
        lines = canonical.lines_of(found[name])
        assert any(f"BIND_OP variable=result op=mul impl={kind}" in line for line in lines), name
    config = (project / "src" / "config.h").read_text()
    array = (project / "src" / "array.h").read_text()
    assert "kDsps = 220" in config and "if (j < kDspColumns)" in array
    columns = min(PYNQ_Z2.channels // 2, DSPS // PYNQ_Z2.pixels)
    assert columns * PYNQ_Z2.pixels == 210 <= DSPS


def test_every_access_to_memory_is_of_a_burst(found: dict[str, canonical.Cursor]) -> None:
    """UG1399, "Inferring Burst Transfer from/to Global Memory": consecutive beats in one loop."""
    seen = list(canonical.memory_accesses(bodies(found)))
    reads = {"read_words", "load_program", "load_biases", "run_image", "run_program"}
    # The header's and the descriptor's fields are read from local copies of their beats.
    local = {"get", "decode", "check_header"}
    assert {name for name, _ in seen} - local == reads | {"store_row"}
    assert [name for name, burst in seen if not burst and name not in local] == []


def test_what_is_no_burst_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "seen.cpp"
    loop = "for (unsigned i = 0; i < n; ++i) {\n#pragma HLS PIPELINE II=1\n"
    source.write_text(
        "#include <cstdint>\n"
        f"void good(uint64_t *m, unsigned n, unsigned s) {{ {loop} m[s + i] = i; }} }}\n"
        f"void strided(uint64_t *m, unsigned n) {{ {loop} m[2 * i] = i; }} }}\n"
        f"void chosen(uint64_t *m, unsigned n) {{ {loop} if (i != 3) m[i] = i; }} }}\n"
        f"void nested(uint64_t *m, unsigned n) {{ {loop} for (unsigned k = 0; k < n; ++k) "
        "m[k + i] = i; } }\n"
        "void single(uint64_t *m, unsigned n) { m[n] = 1; }\n"
    )
    unit = canonical.parse(source)
    seen = dict(canonical.memory_accesses(canonical.functions(unit, tmp_path)))
    assert seen == dict(good=True, strided=False, chosen=False, nested=False, single=False)


def test_an_ambiguous_pointer_and_a_multiplication_are_seen(tmp_path: Path) -> None:
    source = tmp_path / "seen.cpp"
    source.write_text(
        "struct Pair { int even[4], odd[4]; };\n"
        "int which(const Pair &p, bool c) { const int *q = c ? p.even : p.odd; return *q; }\n"
        "Pair one(const Pair &p, const Pair &q, bool c) { return c ? p : q; }\n"
        "constexpr int kTwo = 2;\n"
        "int fine(int a, int b, bool c) { return (c ? a : b) * kTwo + a * (1 << b); }\n"
        "int times(int a, int b) { return a * b; }\n"
    )
    unit = canonical.parse(source)
    kept = canonical.functions(unit, tmp_path)
    seen = {text.split(",")[0] for text in canonical.ambiguous_pointers(kept)}
    assert seen == {"which", "one"}
    assert list(canonical.multiplications(kept)) == ["times"]


def imperfect(function: canonical.Cursor) -> list[int]:
    """Lines of loops in ``function`` that hold a pipelined loop and something else: they are not
    flattened into one, and the pipeline begins anew each time (UG1399, LOOP_FLATTEN)."""
    found = []
    for loop in function.walk_preorder():
        if loop.kind != canonical.CursorKind.FOR_STMT:
            continue
        *_, body = loop.get_children()
        inside = list(body.get_children())
        loops = [c for c in inside if _labelled(c).kind == canonical.CursorKind.FOR_STMT]
        pipelined = [c for c in loops if "PIPELINE" in " ".join(canonical.lines_of(c))]
        if pipelined and len(inside) > 1:
            found.append(loop.location.line)
    return found


def _labelled(cursor: canonical.Cursor) -> canonical.Cursor:
    """The statement behind a label."""
    if cursor.kind == canonical.CursorKind.LABEL_STMT:
        (cursor,) = cursor.get_children()
    return cursor


def test_a_row_is_one_pipeline_in_each_process(
    found: dict[str, canonical.Cursor], tmp_path: Path
) -> None:
    """Blocks and their channels are flat, or flattened; nothing begins anew with a block."""
    for name in ("issue_row", "systolic_array", "requantize_row", "deliver_row"):
        assert imperfect(found[name]) == [], name
    source = tmp_path / "seen.cpp"
    inner = "inside:\nfor (int c = 0; c < 8; ++c) {\n#pragma HLS PIPELINE II=1\n m[c] = c; }"
    source.write_text(
        f"void good(int *m, int n) {{ for (int b = 0; b < n; ++b) {{ {inner} }} }}\n"
        f"void bad(int *m, int n) {{ for (int b = 0; b < n; ++b) {{ m[9] = b; {inner} }} }}\n"
    )
    unit = canonical.parse(source)
    kept = canonical.functions(unit, tmp_path)
    assert imperfect(kept["good"]) == [] and len(imperfect(kept["bad"])) == 1


def test_a_scalar_output_is_written_once(project: Path) -> None:
    """UG1399, "Multi-Access Pointers": co-simulation sees one value; what has more is a stream."""
    text = "".join(file.read_text() for file in (project / "src").glob("firebrick_kernel.*"))
    for argument in arguments():
        if argument.output:
            writes = re.findall(rf"\*{argument.argument} [^=\n]?= ", text)
            assert len(writes) == (0 if argument.event else 1), argument.argument
            assert (f"hls::stream<uint32_t> &{argument.argument}" in text) == argument.event


# ---------------------------------------------------------------------------------------- pragmas


def test_no_pragma_is_lost_on_a_member(project: Path) -> None:
    """AGGREGATE, DEPENDENCE and BIND_STORAGE name whole variables: what the back end does with a
    member of a static struct is documented for ARRAY_PARTITION alone."""
    count = 0
    for file in (project / "src").iterdir():
        for name, variable in re.findall(r"#pragma HLS (\w+) variable=([\w.]+)", file.read_text()):
            if name in ("AGGREGATE", "DEPENDENCE", "BIND_STORAGE"):
                assert "." not in variable, f"{file.name}: {name} {variable}"
                count += 1
    assert count > 10


def is_constant(text: str) -> bool:
    """A constant expression of literals and the constants of config.h."""
    return bool(re.fullmatch(r"[\dk][\w]*(\s*[*/+-]\s*[\dk][\w]*)*", text))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_pragma_is_one_that_the_tool_knows(shape: EngineShape, tmp_path: Path) -> None:
    count = 0
    for file in sorted((emitted(shape, tmp_path) / "src").iterdir()):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            if "#pragma HLS" in line:
                text = line.split("#pragma HLS ", 1)[1].strip()
                wrong = complaint(text, is_constant)
                assert wrong is None, f"{file.name}:{number}: {text}: {wrong}"
                count += 1
    assert count > 100


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("UNROL", "no pragma"),
        ("PIPELINE II=n", "no constant"),
        ("PIPELINE initiation=1", "no option"),
        ("STREAM depth=4", "variable is missing"),
        ("BIND_OP variable=x op=mul impl=brick", "none of"),
        ("INTERFACE m_axi port=a offset=none", "none of"),
        ("UNROLL factor", "without one"),
        ("DEPENDENCE variable=a distance=1 distance=2 true", "twice"),
    ],
)
def test_a_wrong_pragma_is_seen(text: str, wrong: str) -> None:
    assert wrong in str(complaint(text, is_constant))


def test_every_loop_with_a_varying_bound_says_how_often(
    project: Path, found: dict[str, canonical.Cursor]
) -> None:
    """Else the report's latency is a question mark."""
    for name, function in bodies(found).items():
        text = Path(function.location.file.name).read_text().splitlines()
        for cursor in function.walk_preorder():
            if cursor.kind not in (
                canonical.CursorKind.FOR_STMT,
                canonical.CursorKind.WHILE_STMT,
            ):
                continue
            start = cursor.extent.start.line - 1
            head = " ".join(text[start : start + 2])
            bound = re.search(r"[<>] *([^;]+);", head)
            fixed = bound and re.fullmatch(r"[k\d][\w +*/-]*", bound[1].strip())
            inside = " ".join(text[start : start + 5])
            assert fixed or "LOOP_TRIPCOUNT" in inside or "UNROLL" in inside, f"{name}: {head}"
