"""
Writes the student as a model folder: ONNX with int8 weights, tokenizer, configs.

    python export.py WORK OUT

Weights of the trunk and the token vectors are int8 with one scale for each column (of the token vectors: for each row) and are turned
into float32 when the model is loaded; every computation is float32. What follows the last attention stays float32.
"""
import hashlib
import json
import os
import shutil
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from student import Shape, Student

OPSET = 17
INPUTS = ["input_ids", "attention_mask"]
OUTPUT = "last_hidden_state"


class States(torch.nn.Module):
    def __init__(self, student):
        super().__init__()
        self.student = student

    def forward(self, ids, mask):
        return self.student.states(ids, mask)


def exported(student, path):
    ids = torch.ones(2, 8, dtype=torch.long)
    axes = {name: {0: "batch", 1: "tokens"} for name in [*INPUTS, OUTPUT]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(States(student).eval(), (ids, ids), path, opset_version=OPSET, dynamo=False, input_names=INPUTS,
                          output_names=[OUTPUT], dynamic_axes=axes)
    return onnx.load(path)


def rounded(weight, axis):
    """int8 and scale: one scale for each index of the other axis."""
    scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True), 1e-12) / 127
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def stored_rounded(model, kept):
    """Stores constant weights of products and token vectors as int8; `kept` is how many of the last products stay as they are."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    products = [n for n in graph.node if n.op_type == "MatMul" and n.input[1] in constants]
    nodes, gone = [], set()

    def parts(name, axis):
        quantised, scale = rounded(numpy_helper.to_array(constants[name]), axis)
        graph.initializer.extend([numpy_helper.from_array(quantised, f"{name}_int8"), numpy_helper.from_array(scale, f"{name}_scale")])
        gone.add(name)

    def product(name, integers, scale):
        return [helper.make_node("Cast", [integers], [f"{name}_float"], to=TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}_float", scale], [name])]

    for node in graph.node:
        if node in products[:-kept]:
            name = node.input[1]
            parts(name, 0)
            nodes += product(name, f"{name}_int8", f"{name}_scale")
        elif node.op_type == "Gather" and node.input[0] in constants and len(constants[node.input[0]].dims) == 2 and "words" in node.input[0]:
            name, ids, out = node.input[0], node.input[1], node.output[0]
            parts(name, 1)
            nodes += [helper.make_node("Gather", [f"{name}_int8", ids], [f"{out}_int8"]),
                      helper.make_node("Gather", [f"{name}_scale", ids], [f"{out}_scale"]), *product(out, f"{out}_int8", f"{out}_scale")]
            continue
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    for name in gone:
        graph.initializer.remove(constants[name])
    return model


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def main(work, out):
    state = torch.load(f"{work}/student.pt")
    shape = Shape(tokens=len(state["words.weight"]))
    student = Student(shape)
    student.load_state_dict(state)
    os.makedirs(f"{out}/onnx", exist_ok=True)
    os.makedirs(f"{out}/1_Pooling", exist_ok=True)
    path = f"{out}/onnx/model.onnx"
    model = stored_rounded(exported(student, path), kept=3)
    model.producer_name, model.producer_version = "train-encoder", "1"
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)
    shutil.copy(f"{work}/tokenizer.json", f"{out}/tokenizer.json")
    write_json(f"{out}/config.json", {
        "model_type": "fungi-builtin", "hidden_size": shape.width, "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner, "hidden_act": "gelu", "max_position_embeddings": shape.positions, "vocab_size": shape.tokens,
        "pad_token_id": 0})
    write_json(f"{out}/tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": shape.positions, "pad_token": "[PAD]",
        "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"})
    write_json(f"{out}/modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
    write_json(f"{out}/1_Pooling/config.json", {"word_embedding_dimension": shape.width, "pooling_mode_mean_tokens": True})
    for folder, _, names in sorted(os.walk(out)):
        for name in sorted(names):
            data = open(os.path.join(folder, name), "rb").read()
            print(f"{hashlib.sha256(data).hexdigest()}  {os.path.relpath(os.path.join(folder, name), out)}  {len(data)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
