"""What a second of audio costs, held against sums that were done by hand."""

from __future__ import annotations

import json

import operations
import pytest

from edge.catalog import default_model, shipped_models
from edge.contract import read_contract
from edge.model import Model

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="needs ai-edge-litert")
flatbuffers = pytest.importorskip("flatbuffers", reason="comes with ai-edge-litert")

FLOAT, INT8 = schema.TensorType.FLOAT32, schema.TensorType.INT8


def a_model(tensors, nodes, *, inputs=(0,), outputs=(-1,), graphs=1):
    """Bytes of a graph: tensors (shape, number, constant), nodes (operator, inputs, outputs, options)."""
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT(), schema.BufferT()], []
    model.buffers[1].data = [0]
    for shape, number, constant in tensors:
        graph.tensors.append(tensor := schema.TensorT())
        tensor.shape, tensor.type, tensor.buffer = list(shape), number, int(constant)
    for index, (kind, read, written, options) in enumerate(nodes):
        model.operatorCodes.append(code := schema.OperatorCodeT())
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        graph.operators.append(node := schema.OperatorT())
        node.opcodeIndex, node.inputs, node.outputs = index, list(read), list(written)
        if options is not None:
            node.builtinOptions, node.builtinOptionsType = options, schema.BuiltinOptions.BatchMatMulOptions
    graph.inputs, graph.outputs = list(inputs), [index % len(tensors) for index in outputs]
    model.subgraphs = [graph] * graphs
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def turned(*, left):
    options = schema.BatchMatMulOptionsT()
    options.adjX = left
    return options


SUMS = {
    # kind, options, what goes in, weights, what comes out, sums by hand
    "a convolution": ("CONV_2D", None, (1, 9, 5, 6), (8, 3, 2, 6), (1, 7, 4, 8), 7 * 4 * 8 * (3 * 2 * 6)),
    "one in two groups": ("CONV_2D", None, (1, 9, 5, 6), (8, 3, 2, 3), (1, 7, 4, 8), 7 * 4 * 8 * (3 * 2 * 3)),
    "one a channel": ("DEPTHWISE_CONV_2D", None, (1, 9, 5, 6), (1, 3, 2, 12), (1, 7, 4, 12), 7 * 4 * 12 * (3 * 2)),
    "a layer": ("FULLY_CONNECTED", None, (5, 7), (3, 7), (5, 3), 5 * 3 * 7),
    "a product": ("BATCH_MATMUL", turned(left=False), (2, 3, 4), (2, 4, 5), (2, 3, 5), 2 * 3 * 5 * 4),
    "one of a turned matrix": ("BATCH_MATMUL", turned(left=True), (2, 4, 3), (2, 4, 5), (2, 3, 5), 2 * 3 * 5 * 4),
}


@pytest.mark.parametrize(("kind", "options", "given", "weights", "result", "by_hand"), SUMS.values(), ids=SUMS)
def test_the_sums_of_an_operator_are_those_done_by_hand(kind, options, given, weights, result, by_hand):
    # The index -1 is a bias that is left out.
    data = a_model(
        [(given, FLOAT, False), (weights, FLOAT, True), (result, FLOAT, False)], [(kind, (0, 1, -1), (2,), options)]
    )
    (work,) = operations.count(data).works
    assert (work.kind, work.part, work.number, work.macs) == (kind, "graph", "float32", by_hand)


@pytest.fixture
def mixed():
    """Float, int8 and float again, as the shipped models are, with numbers small enough to add up."""
    tensors = [((1, 4), FLOAT, False), ((1, 4), FLOAT, False), ((1, 4), INT8, False), ((6, 4), INT8, True)]
    tensors += [((1, 6), INT8, False), ((1, 6), FLOAT, False), ((1, 6), FLOAT, False)]
    nodes = [("LOG", (0,), (1,), None), ("QUANTIZE", (1,), (2,), None), ("FULLY_CONNECTED", (2, 3), (4,), None)]
    nodes += [("DEQUANTIZE", (4,), (5,), None), ("SQRT", (5,), (6,), None)]
    return operations.count(a_model(tensors, nodes))


def test_the_parts_are_what_lies_before_in_and_behind_int8(mixed):
    assert [(work.part, work.kind, work.number) for work in mixed.works] == [
        ("front end", "LOG", "float32"),
        ("network", "QUANTIZE", "int8"),
        ("network", "FULLY_CONNECTED", "int8"),
        ("head", "DEQUANTIZE", "float32"),
        ("head", "SQRT", "float32"),
    ]
    assert (mixed.macs("float32"), mixed.macs("int8")) == (0, 24)
    assert [work.elements for work in mixed.works] == [4, 4, 6, 6, 6]
    assert [work.weight_bytes for work in mixed.works] == [0, 0, 24, 0, 0]
    assert mixed.constant_bytes == 24


def test_sums_that_nobody_counts_are_refused_and_not_left_out():
    for kind in ("RFFT2D", "UNIDIRECTIONAL_SEQUENCE_LSTM", "WHILE", "STABLEHLO_DOT_GENERAL"):
        data = a_model([((1, 4), FLOAT, False), ((1, 4), FLOAT, False)], [(kind, (0,), (1,), None)])
        with pytest.raises(operations.CountError, match=f"{kind} is not counted"):
            operations.count(data)


def test_what_has_no_fixed_size_or_several_graphs_is_refused():
    node = ("LOG", (0,), (1,), None)
    with pytest.raises(operations.CountError, match=r"fixed shape .* got FLOAT32 \[-1, 4\]"):
        operations.count(a_model([((-1, 4), FLOAT, False), ((1, 4), FLOAT, False)], [node]))
    with pytest.raises(operations.CountError, match="this has 2"):
        operations.count(a_model([((1, 4), FLOAT, False), ((1, 4), FLOAT, False)], [node], graphs=2))


def macs_of(name):
    works = operations.count(shipped_models()[name].read_bytes()).works
    return {(work.part, work.kind): work.macs for work in works if work.macs}


def test_the_patches_cost_what_their_contract_says():
    """N = 512 is split in 16 times 32, so 17 inner bins; a chunk has 16 frames and 65 spectra for the phase."""
    frames, spectra, bins = 4096 // 256, 4096 // 64 + 1, 17
    inner = (spectra * 512 + frames * 1024) * 2 * bins
    outer = (spectra + frames) * bins * 32 * 32
    mel = frames * (bins * 16) * (200 + 1) + 2 * frames * (bins * 16) * 128
    brief = (4096 // 16) * 64 * 2 * 32
    # Filters step by two frames, of the brief reading by four windows, and read whole steps of seven of either: eight.
    # Eight neighbouring bands of power, four of phase, are read as channels.
    power = 8 * (200 // 8 - 1) * (48 * 8) * (8 * 2 * 8)
    phase = 8 * (128 // 4 - 2) * (64 * 4) * (8 * 3 * 4 * 2)
    rows = 8 * (32 // 8 - 1) * (2 * 4) * (28 * 8) * (8 * 2 * 8)
    assert macs_of("bonafone-patch-v6") == {
        ("front end", "BATCH_MATMUL"): inner + outer,
        # The forgetting of the eight steps of a chunk is a small product of its own.
        ("front end", "FULLY_CONNECTED"): mel + brief + 8 * 8,
        ("network", "CONV_2D"): power + phase + rows,
        # Mean and deviation of four regions of each of the 140 filters.
        ("head", "FULLY_CONNECTED"): 2 * 4 * (48 + 64 + 28),
    }


def test_every_node_of_the_runtime_is_counted():
    model = Model.load(default_model())
    details = model._interpreter._get_ops_details()
    cost = operations.count(model.path.read_bytes())
    assert sum(work.nodes for work in cost.works) == sum(detail["op_name"] != "DELEGATE" for detail in details)


def test_the_least_share_is_cycles_at_the_peak_by_cycles_there_are(mixed):
    board = operations.Board("one", "core", 1000.0, float32_macs_per_cycle=4, int8_macs_per_cycle=8)
    assert operations.least_share(board, mixed, calls_per_s=2.0) == pytest.approx(2.0 * (24 / 8) / 1000.0)


def test_the_table_says_what_the_json_does(capsys):
    names = list(shipped_models())
    assert operations.main([*names, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["model"] for one in found] == names
    assert operations.main(names) == 0
    tables = capsys.readouterr().out.split("\n\nbonafone-")
    for one, table in zip(found, tables, strict=True):
        contract = read_contract(shipped_models()[one["model"]])
        assert one["calls_per_s"] == contract.frontend.sample_rate / contract.chunk_samples
        assert sum(row["macs_per_s"] for row in one["operators"]) == pytest.approx(sum(one["macs_per_s"].values()))
        assert f" {sum(one['macs_per_s'].values()) / 1e6:.3f} " in table
        assert "a bound, no forecast" in table
        for board in one["boards"]:
            (line,) = [line for line in table.splitlines() if line.startswith(board["name"] + "  ")]
            assert line.endswith(f"{100 * board['least_share_of_a_core']:.2f} %")
