"""The forms in which exporters write one and the same BERT encoder as ONNX."""
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


class Wrapper(torch.nn.Module):
    def __init__(self, model, pooled_outputs=False):
        super().__init__()
        self.model, self.pooled_outputs = model, pooled_outputs

    def forward(self, input_ids, attention_mask, token_type_ids):
        out = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        if not self.pooled_outputs:
            return out.last_hidden_state
        mask = attention_mask[..., None].to(out.last_hidden_state.dtype)
        mean = (out.last_hidden_state * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return out.last_hidden_state, out.pooler_output, torch.nn.functional.normalize(mean, p=2, dim=1)


def export(model, path, opset, outputs=("last_hidden_state",), dynamo=False):
    ids = torch.ones(2, 8, dtype=torch.long)
    example = (ids, ids.clone(), torch.zeros_like(ids))
    options = dict(opset_version=opset, input_names=INPUTS, output_names=list(outputs))
    if dynamo:
        axes = {0: torch.export.Dim("batch", min=1, max=1024), 1: torch.export.Dim("tokens", min=2, max=model.config.max_position_embeddings)}
        torch.onnx.export(Wrapper(model).eval(), example, path, dynamo=True, external_data=False, dynamic_shapes=[axes] * 3, **options)
    else:
        axes = {name: {0: "batch", 1: "tokens"} for name in (*INPUTS, "last_hidden_state")}
        axes |= {name: {0: "batch"} for name in outputs if name != "last_hidden_state"}
        torch.onnx.export(Wrapper(model, len(outputs) > 1).eval(), example, path, dynamo=False, dynamic_axes=axes, **options)
    save(onnx.load(path), path)


def save(proto, path):
    """Without what an exporter leaves of the machine it ran on: doc strings, stack traces, shape guesses. SimplifiedLayerNormalization
    is onnxruntime's, but in ONNX's own domain, so that ONNX's checker refuses the graph."""
    def strip(graph):
        graph.doc_string = ""
        del graph.metadata_props[:]
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    strip(attribute.g)
        for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            value.doc_string = ""
            del value.metadata_props[:]
    proto.doc_string = ""
    del proto.metadata_props[:]
    strip(proto.graph)
    if all(node.op_type != "SimplifiedLayerNormalization" for node in proto.graph.node):
        onnx.checker.check_model(proto, full_check=True)
    with open(path, "wb") as file:
        file.write(proto.SerializeToString(deterministic=True))


def gemm_form(source, path):
    """MatMul(x, W) + Add(b), as BERT's Linear layers export, becomes Reshape -> Gemm on [batch*tokens, I] -> Reshape,
    as Conv1D layers export; the weight stays [I,O] or, every other time, is [O,I] with transB."""
    proto = onnx.load(source)
    graph = proto.graph
    weights = {t.name: t for t in graph.initializer}
    users = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    constant = lambda name, values: graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name)) or name
    for name, values in (("flat_start", [0]), ("flat_end", [-1])):
        constant(name, values)
    nodes, swallowed = [], set()
    for node in graph.node:
        if id(node) in swallowed:
            continue
        if node.op_type != "MatMul" or node.input[1] not in weights:
            nodes.append(node)
            continue
        add, = users[node.output[0]]
        bias, = [name for name in add.input if name in weights]
        swallowed.add(id(add))
        array = numpy_helper.to_array(weights[node.input[1]])
        n, transposed = len(swallowed), len(swallowed) % 2
        p = f"flat_{n}"
        if transposed:
            graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array.T), f"{p}_weight"))
        constant(f"{p}_in", [-1, array.shape[0]]), constant(f"{p}_width", [array.shape[1]])
        nodes += [
            helper.make_node("Shape", [node.input[0]], [f"{p}_shape"], f"{p}/Shape"),
            helper.make_node("Slice", [f"{p}_shape", "flat_start", "flat_end"], [f"{p}_lead"], f"{p}/Slice"),
            helper.make_node("Concat", [f"{p}_lead", f"{p}_width"], [f"{p}_out"], f"{p}/Concat", axis=0),
            helper.make_node("Reshape", [node.input[0], f"{p}_in"], [f"{p}_x"], f"{p}/Reshape"),
            helper.make_node("Gemm", [f"{p}_x", f"{p}_weight" if transposed else node.input[1], bias], [f"{p}_y"], f"{p}/Gemm", transB=transposed),
            helper.make_node("Reshape", [f"{p}_y", f"{p}_out"], [add.output[0]], f"{p}/Reshape_1"),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [t for t in graph.initializer if t.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    save(proto, path)


def fused_form(source, path, config):
    """As optimum-cli's -O2 and -O3 write it: attention, residual with normalisation, and activation are one node each."""
    from onnxruntime.transformers.optimizer import optimize_model
    fused = optimize_model(source, "bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size, opt_level=1)
    save_optimised(fused.model, path)


def session_form(source, path):
    """As onnxruntime saves what it runs on a CPU (SessionOptions.optimized_model_filepath), less what is for one kind of CPU."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = path
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    save_optimised(onnx.load(path), path)


def save_optimised(proto, path):
    """Only the operator sets that are used: the optimisers list all they know."""
    used = {node.domain for node in proto.graph.node} | {""}
    kept = [opset for opset in proto.opset_import if opset.domain in used]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    del proto.graph.value_info[:]
    save(proto, path)


def expect_ops(path, has=(), lacks=()):
    ops = {node.op_type for node in onnx.load(path).graph.node}
    assert all(op in ops for op in has) and not any(op in ops for op in lacks), (path, sorted(ops))
