#!/usr/bin/env python3
"""Tiny random BERT checkpoints and the hidden states PyTorch computes from them: the fixture of the bert-graph tests.

    pip install torch transformers safetensors
    python3 scripts/golden/make_bert_graph.py [test/golden/fixtures/bert-graph]
    python3 scripts/golden/make_bert_graph.py --model FOLDER OUT.safetensors    # the same for a real model, by hand

Each folder holds config.json, model.safetensors (float32) and expected.safetensors: input_ids, attention_mask, token_type_ids
[4, 9] int64, padded with zeros, and hidden [4, 9, D], float64, each text computed alone and unpadded; 0 where padding is.
Variants: `plain` (names without prefix, gelu), `google` (prefix "bert.", LayerNorm.gamma/beta as converted from TensorFlow,
gelu_new, a head that is not the encoder's). Weights are random, drawn here; two runs write the same bytes.
"""
import json, os, sys
import torch
import transformers
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

TINY = dict(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
            max_position_embeddings=24, type_vocab_size=2)
LENGTHS = [9, 5, 2, 7]


def expected(model, vocabulary):
    """The model's hidden states for random texts, each alone, in float64."""
    model = model.double().eval()
    width, longest = model.config.hidden_size, max(LENGTHS)
    ids, mask, types = (torch.zeros(len(LENGTHS), longest, dtype=torch.int64) for _ in range(3))
    hidden = torch.zeros(len(LENGTHS), longest, width, dtype=torch.float64)
    for i, n in enumerate(LENGTHS):
        ids[i, :n] = torch.randint(1, vocabulary, (n,))
        types[i, n // 2:n] = i % 2
        mask[i, :n] = 1
        with torch.inference_mode():
            hidden[i, :n] = model(input_ids=ids[i:i + 1, :n], token_type_ids=types[i:i + 1, :n]).last_hidden_state[0]
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "hidden": hidden}


def make(folder, activation, seed, rename=None, extra=()):
    torch.manual_seed(seed)
    config = BertConfig(**TINY, hidden_act=activation, attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False)
    for parameter in model.parameters():  # wider than the initialiser's 0.02, or nearly everything would be linear
        torch.nn.init.normal_(parameter, 1.0 if parameter.dim() == 1 and torch.all(parameter == 1) else 0.0, 0.3)
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/config.json", "w") as file:
        json.dump({"model_type": "bert", **TINY, "hidden_act": activation, "layer_norm_eps": config.layer_norm_eps}, file, indent=1)
    state = {(rename(k) if rename else k): v.detach().clone() for k, v in model.state_dict().items()}
    state.update({name: torch.randn(shape) for name, shape in extra})
    save_file(state, f"{folder}/model.safetensors", {"format": "pt"})
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
    save_file(expected(model, TINY["vocab_size"]), f"{folder}/expected.safetensors",
              {"made_by": f"scripts/golden/make_bert_graph.py, {versions}"})


def google(name):
    return "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


if sys.argv[1:2] == ["--model"]:
    torch.manual_seed(1)
    real = BertModel.from_pretrained(sys.argv[2], attn_implementation="eager", add_pooling_layer=False)
    save_file(expected(real, real.config.vocab_size), sys.argv[3])
else:
    out = sys.argv[1] if len(sys.argv) > 1 else "test/golden/fixtures/bert-graph"
    make(f"{out}/plain", "gelu", 11)
    make(f"{out}/google", "gelu_new", 12, google, [("cls.predictions.bias", (40,))])
