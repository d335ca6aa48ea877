"""
kNN accuracy (k = 20, cosine, sum of votes) of a model folder with `onnx/model.onnx`, beside a quick look at a checkpoint.

    python evaluate.py FOLDER|CHECKPOINT.pt DATA set ...

For watching a training; the figures of the card come from `fungi eval knn`.
"""
import json
import os
import sys

import numpy as np
import torch
from tokenizers import Tokenizer

from student import Shape, Student


def embedder(path):
    if path.endswith(".pt"):
        state = torch.load(path)
        state = state.get("model", state)
        model = Student(Shape(tokens=len(state["words.weight"]))).eval()
        model.load_state_dict(state)
        with torch.no_grad():
            return os.path.dirname(os.path.abspath(path)), lambda ids, mask: model(torch.from_numpy(ids), torch.from_numpy(mask)).detach().numpy()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{path}/onnx/model.onnx", options, providers=["CPUExecutionProvider"])

    def run(ids, mask):
        states = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        mean = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    return path, run


def embed(texts, tokenizer, run):
    encoded = [e.ids for e in tokenizer.encode_batch(texts)]
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
    out = np.zeros((len(texts), Shape().width), np.float32)
    for start in range(0, len(order), 64):
        rows = order[start:start + 64]
        width = len(encoded[rows[-1]])
        ids, mask = np.zeros((len(rows), width), np.int64), np.zeros((len(rows), width), np.int64)
        for i, r in enumerate(rows):
            ids[i, :len(encoded[r])], mask[i, :len(encoded[r])] = encoded[r], 1
        out[rows] = run(ids, mask)
    return out


def main(path, data, *names):
    torch.set_num_threads(1)
    folder, run = embedder(path)
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    for name in names:
        parts = {}
        for part in ("train", "test"):
            with open(f"{data}/{name}/{part}.jsonl", encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
            parts[part] = embed([r["text"] for r in rows], tokenizer, run), np.array([str(r["label"]) for r in rows])
        (pool, labels), (queries, wanted) = parts["train"], parts["test"]
        classes, codes = np.unique(labels, return_inverse=True)
        right = 0
        for start in range(0, len(queries), 1000):
            nearest = np.argpartition(-queries[start:start + 1000] @ pool.T, 20, axis=1)[:, :20]
            votes = np.stack([np.bincount(codes[row], minlength=len(classes)) for row in nearest])
            right += (classes[votes.argmax(1)] == wanted[start:start + 1000]).sum()
        print(f"{name}: {right / len(queries):.4f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
