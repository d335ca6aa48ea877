#!/usr/bin/env python3
"""A tiny speech encoder whose ONNX file takes a mask, for tests of clips of differing length.

    python3 scripts/golden/make_masked_speech.py test/golden/fixtures/media/hubert-masked

The HuBERT of make_media_families.py, with `attention_mask` as a second input and layer normalisation, as optimum exports it of the large
models. Fails where PyTorch's states of a clip change with the padding behind it.
"""
import os, sys
import onnx
import torch
from make_media_families import FAMILIES, OPSET, STATES, draw_items, draw_model, number_tensors, STEP
from onnx_forms import save

AXES = {0: "batch_size", 1: "sequence_length"}


class Masked(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, samples, mask):
        return self.model(samples, attention_mask=mask).last_hidden_state


def main(folder):
    family = FAMILIES["hubert"]
    model = Masked(draw_model(family)).eval()
    samples = torch.from_numpy(draw_items(family)[0] / STEP).float()
    mask = torch.ones(samples.shape, dtype=torch.int64)
    mask[0, 90:] = 0
    samples[0, 90:] = 0
    with torch.no_grad():
        alone = model(samples[:1, :90], mask[:1, :90])[0]
        beside = model(samples, mask)[0, : len(alone)]
    assert (alone - beside).abs().max() < 1e-5, (alone - beside).abs().max()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    inputs = ["input_values", "attention_mask"]
    torch.onnx.export(model, (samples, mask), path, dynamo=False, opset_version=OPSET, input_names=inputs, output_names=[STATES],
                      dynamic_axes={**{name: AXES for name in inputs}, STATES: {0: "batch_size", 1: "frames"}})
    proto = onnx.load(path)
    number_tensors(proto.graph, {STATES})
    save(proto, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
