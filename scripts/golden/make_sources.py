#!/usr/bin/env python3
"""Golden fixtures of the ablations: gradients of every block's attention and MLP output, and of every head, of a tiny BERT.

    pip install torch transformers onnx onnxscript onnxruntime numpy
    python3 scripts/golden/make_sources.py test/golden/fixtures/sources

Expected values are plain autograd in float64, one item at a time, unbatched and unpadded, with the model's exact float32
weights. The format is described in test/golden/README.md. Two runs write the same bytes.
Axes as in make_fungi.py.
"""
import copy, os, sys
import onnx
import torch
import transformers
from transformers import BertConfig, BertModel
from fungi_golden import (KL_WIDTH, NEGATIVES, SIMCLR_WIDTH, draw_head, draw_inputs, gradient, pack, pooled, unit, write_json)
from fungi_golden import kl, simclr
from onnx_forms import export, fused_form, gemm_form

SEED, BLOCKS, D = 20240504, 3, 16
SIZES = dict(vocab_size=40, hidden_size=D, num_hidden_layers=BLOCKS, num_attention_heads=2, intermediate_size=24,
             max_position_embeddings=24, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
KINDS = {"attention-output": "encoder.layer.{}.attention.output.dense", "mlp-output": "encoder.layer.{}.output.dense"}
TEMPERATURE = {"kl": 15.0, "simclr": 0.07}
HEADS = [("kl", "linear", False), ("kl", "none", True), ("kl", "none", False), ("simclr", "linear", True), ("simclr", "none", False)]


def draw_model():
    generator = torch.Generator().manual_seed(SEED)
    model = BertModel(BertConfig(**SIZES, attn_implementation="eager"), add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.25)
            if name.endswith("LayerNorm.weight"):
                parameter.add_(1)
    return model


def twin_of(model, attention, double=False):
    config = copy.deepcopy(model.config)
    twin = BertModel._from_config(config, attn_implementation=attention, add_pooling_layer=False).eval()
    twin.load_state_dict(model.state_dict())
    return twin.double() if double else twin


def hidden_state(model, ids):
    """ids: a list of A ints -> last_hidden_state [A,D]."""
    ids = torch.tensor([ids])
    return model(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids)).last_hidden_state[0]


def expected(model):
    generator = torch.Generator().manual_seed(SEED + 1)
    texts, views = draw_inputs(SEED, SIZES["vocab_size"])
    heads = {"kl": draw_head(KL_WIDTH, D, generator), "simclr": draw_head(SIMCLR_WIDTH, D, generator)}
    draw = lambda width: unit(torch.randn(NEGATIVES, width, generator=generator))
    negatives = {"linear": draw(SIMCLR_WIDTH), "none": draw(D)}
    twin = twin_of(model, "eager", double=True)
    empty = (torch.eye(D).double(), torch.zeros(D).double())

    def losses(loss, pooling, head, normalise):
        layer = empty if head == "none" else tuple(t.double() for t in heads[loss])
        f = lambda ids: pooled(hidden_state(twin, ids), pooling)
        if loss == "simclr":
            ready = (lambda x: unit(x)) if normalise else (lambda x: x)
            return [simclr(ready(torch.stack([f(ids) for ids in group])), layer, negatives[head].double(), "paper", TEMPERATURE[loss])
                    for group in views]
        measure = kl if normalise else kl_as_it_is
        return [measure(f(ids), layer, "paper", TEMPERATURE[loss]) for ids in texts]

    def case(loss, pooling, module, head, normalise):
        layer = twin.get_submodule(module)
        values = losses(loss, pooling, head, normalise)
        gradients = torch.stack([gradient(layer.weight, layer.bias, value) for value in values])
        return {"value": pack(torch.stack(values)), "gradient": pack(gradients, "f32")}

    sources = [{"block": block, "kind": kind, "module": path.format(block)} for block in range(BLOCKS) for kind, path in KINDS.items()]
    return {
        "texts": texts, "views": views,
        "heads": {name: {"weight": pack(w), "bias": pack(b)} for name, (w, b) in heads.items()},
        "negatives": {head: pack(rows) for head, rows in negatives.items()},
        "sources": [{**source, "cases": [
            {"pooling": pooling, "loss": loss, **case(loss, pooling, source["module"], "linear", loss == "kl")}
            for pooling in ("first", "mean") for loss in ("kl", "simclr")]} for source in sources],
        "headCases": [{"pooling": "first", "loss": loss, "head": head, "normalise": normalise,
                       **case(loss, "first", sources[-2]["module"], head, normalise)} for loss, head, normalise in HEADS],
    }


def kl_as_it_is(f, head, mode, temperature):
    """fungi_golden.kl of features that keep their length."""
    assert mode == "paper"
    logp = torch.log_softmax(torch.nn.functional.linear(f, *head) / temperature, -1)
    return (logp.exp() * (logp - logp.new_tensor(1 / len(logp)).log())).sum()


def main(out):
    torch.set_num_threads(1)
    os.makedirs(out, exist_ok=True)
    model = draw_model()
    export(twin_of(model, "eager"), f"{out}/eager.onnx", 17)
    export(twin_of(model, "sdpa"), f"{out}/sdpa.onnx", 17)
    export(twin_of(model, "eager"), f"{out}/dynamo.onnx", 20, dynamo=True)
    gemm_form(f"{out}/eager.onnx", f"{out}/gemm.onnx")
    fused_form(f"{out}/eager.onnx", f"{out}/fused.onnx", model.config)
    provenance = {"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__, "onnx": onnx.__version__}
    write_json(f"{out}/expected.json", {"provenance": provenance, **expected(model)})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
