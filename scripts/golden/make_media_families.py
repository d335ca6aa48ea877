#!/usr/bin/env python3
"""Golden fixtures of image and audio encoders: of each a tiny one as ONNX file, and what PyTorch autograd says of it.

    pip install torch transformers onnx onnxruntime numpy
    python3 scripts/golden/make_media_families.py test/golden/fixtures/media [family ...]

Weights are drawn so large that nothing is linear. Items are tensors, of whole multiples of 1/32, so that they are kept as bytes. Expected
values are plain autograd in float64, one item at a time. The format is described in test/golden/README.md. Two runs on one machine
write the same bytes.
"""
import copy, inspect, os, sys
from typing import NamedTuple
import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from transformers import (ASTConfig, ASTModel, BeitConfig, BeitModel, CLIPVisionConfig, CLIPVisionModel, DeiTConfig, DeiTModel, Dinov2Config,
                          Dinov2Model, HubertConfig, HubertModel, SiglipVisionConfig, SiglipVisionModel, ViTConfig, ViTModel, Wav2Vec2Config,
                          Wav2Vec2Model, WhisperConfig)
from transformers.models.whisper.modeling_whisper import WhisperEncoder
from fungi_golden import KL_WIDTH, NEGATIVES, SIMCLR_WIDTH, draw_head, gradient, kl, pack, simclr, unit, write_json
from onnx_forms import save

SEED, D, HEADS = 20240505, 16, 2
OPSET = 17
SPREAD = 0.25  # of weights; of a normalisation's weights around 1
ITEMS, GROUPS, VIEWS = 2, 2, 3  # items of KL; groups of views of SimCLR
PROJECTED = 5
STEP = 32  # items are whole multiples of 1/STEP

SIZES = dict(hidden_size=D, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=32)
IMAGE = dict(image_size=16, patch_size=8)
SPEECH = dict(**SIZES, conv_dim=(8, 8), conv_stride=(5, 2), conv_kernel=(10, 3), num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
              vocab_size=10)
STATES = "last_hidden_state"


class Family(NamedTuple):
    model: type
    config: transformers.PretrainedConfig
    target: str
    """The output projection of the last self-attention."""
    input: str
    """The model's only input."""
    shape: tuple
    """Of an item."""
    begins: tuple
    """The part of an item that its first token is made of, but for what attention brings; empty where that is no item's."""
    poolings: tuple
    outputs: tuple = (STATES,)


PIXELS = ("pixel_values", (3, 16, 16))
CLASS = ()  # a class token comes first
FIRST_PATCH = (slice(None), slice(0, 8), slice(0, 8))
POOLED = "pooler_output"

FAMILIES = {
    "vit": Family(ViTModel, ViTConfig(**SIZES, **IMAGE), "layers.1.attention.o_proj", *PIXELS, CLASS, ("first", "mean", "mean:1:")),
    "deit": Family(DeiTModel, DeiTConfig(**SIZES, **IMAGE), "layers.1.attention.o_proj", *PIXELS, CLASS, ("first", "mean:0:2")),  # distilled
    "dinov2": Family(  # with registers it differs in the trunk only
        Dinov2Model, Dinov2Config(**{k: v for k, v in SIZES.items() if k != "intermediate_size"}, mlp_ratio=2, **IMAGE),
        "encoder.layer.1.attention.o_proj", *PIXELS, CLASS, ("first", "mean")),
    "beit": Family(  # its pooler_output is the mean of the patches, normalised
        BeitModel, BeitConfig(**SIZES, **IMAGE, use_relative_position_bias=True, use_absolute_position_embeddings=False),
        "layers.1.attention.o_proj", *PIXELS, CLASS, ("first", "mean:1:")),
    "clip": Family(CLIPVisionModel, CLIPVisionConfig(**SIZES, **IMAGE), "encoder.layers.1.self_attn.out_proj", *PIXELS, CLASS, ("first",),
                   (STATES, POOLED)),
    "siglip": Family(SiglipVisionModel, SiglipVisionConfig(**SIZES, **IMAGE), "encoder.layers.1.self_attn.out_proj", *PIXELS, FIRST_PATCH,
                     ("mean",), (STATES, POOLED)),
    "ast": Family(ASTModel, ASTConfig(**SIZES, patch_size=8, frequency_stride=6, time_stride=6, max_length=20, num_mel_bins=14),
                  "layers.1.attention.o_proj", "input_values", (20, 14), CLASS, ("first", "mean:0:2", "mean:2:")),
    "whisper": Family(
        WhisperEncoder, WhisperConfig(d_model=D, encoder_layers=2, encoder_attention_heads=HEADS, encoder_ffn_dim=32, num_mel_bins=6,
                                      max_source_positions=10, vocab_size=10, bos_token_id=0, eos_token_id=0, pad_token_id=0,
                                      decoder_start_token_id=0),
        "layers.1.self_attn.out_proj", "input_features", (6, 20), (slice(None), slice(0, 4)), ("mean",)),
    "wav2vec2": Family(Wav2Vec2Model, Wav2Vec2Config(**SPEECH), "encoder.layers.1.attention.out_proj", "input_values", (160,),
                       (slice(0, 10),), ("first", "mean")),
    "hubert": Family(HubertModel, HubertConfig(**SPEECH, feat_extract_norm="layer", do_stable_layer_norm=True),
                     "encoder.layers.1.attention.out_proj", "input_values", (160,), (slice(0, 10),), ("mean",)),
}


# ----------------------------------------------------------------------------------------------------------- the models
def draw_model(family):
    has_pooler = "add_pooling_layer" in inspect.signature(family.model.__init__).parameters
    config = copy.deepcopy(family.config)
    config._attn_implementation = "eager"
    config.layerdrop = 0.0
    model = family.model(config, **({"add_pooling_layer": False} if has_pooler else {})).eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            draw = torch.randn(parameter.shape, generator=generator) * SPREAD
            norm = name.endswith("weight") and "norm" in name.split(".")[-2].lower()
            parameter.copy_(draw + 1 if norm else draw)
    return model


class Wrapper(torch.nn.Module):
    def __init__(self, model, family):
        super().__init__()
        self.model, self.family = model, family

    def forward(self, tensor):
        out = self.model(**{self.family.input: tensor})
        return tuple(getattr(out, name) for name in self.family.outputs)


# ------------------------------------------------------------------------------------------------------ expected values
def draw_items(family):
    """-> items [ITEMS, ...], views [GROUPS, VIEWS, ...], rivals [NEGATIVES, ...], all whole multiples of 1/STEP. All items begin alike:
    what the first tokens of two differ in then is what they see of the others."""
    rng = np.random.default_rng(SEED)
    draw = lambda *lead: rng.integers(-40, 41, (*lead, *family.shape))
    items, centres, rivals = draw(ITEMS), draw(GROUPS, 1), draw(NEGATIVES)
    views = centres + rng.integers(-16, 17, (GROUPS, VIEWS, *family.shape))
    if family.begins:
        for one in items:
            one[family.begins] = items[0][family.begins]
    return items.astype(np.int8), views.astype(np.int8), rivals.astype(np.int8)


def pooled(out, pooling):
    """out [A,D] or [D] -> [D]. mean:FROM:TO is the mean of the tokens FROM up to before TO, or to the last."""
    if out.dim() == 1:
        return out
    if pooling == "first":
        return out[0]
    _, *ends = pooling.split(":")
    return out[slice(*(int(end) if end else None for end in ends))].mean(0) if ends else out.mean(0)


def draw_heads():
    generator = torch.Generator().manual_seed(SEED + 1)
    return {"kl": draw_head(KL_WIDTH, D, generator), "simclr": draw_head(SIMCLR_WIDTH, D, generator)}


def expected(model, family):
    twin = copy.deepcopy(model).double()
    layer = twin.get_submodule(family.target)
    items, views, rivals = draw_items(family)
    heads = draw_heads()
    doubles = {name: tuple(t.double() for t in head) for name, head in heads.items()}
    projection = np.random.default_rng(SEED + 2).choice([-1, 1], (PROJECTED, layer.out_features * (layer.in_features + 1)))
    run = lambda item: dict(zip(family.outputs, (out[0] for out in Wrapper(twin, family)(torch.from_numpy(item[None] / STEP)))))

    cases, negatives = [], {}
    ways = [(STATES, pooling) for pooling in family.poolings] + [(name, "first") for name in family.outputs if name != STATES]
    for output, pooling in ways:
        f = lambda item: pooled(run(item)[output], pooling)
        with torch.no_grad():
            rows = unit(torch.nn.functional.linear(torch.stack([f(item) for item in rivals]), *doubles["simclr"])).float()
        for loss, temperature in (("kl", 15.0), ("simclr", 0.07)):
            if loss == "kl":
                losses = [kl(f(item), doubles["kl"], "paper", temperature) for item in items]
            else:
                losses = [simclr(torch.stack([f(item) for item in group]), doubles["simclr"], rows.double(), "paper", temperature)
                          for group in views]
            gradients = torch.stack([gradient(layer.weight, layer.bias, value) for value in losses])
            blocks = unit(gradients.flatten(1) @ torch.from_numpy(projection).double().T)
            with torch.no_grad():
                embeddings = torch.stack([f(item) for item in (items if loss == "kl" else views.reshape(-1, *family.shape))])
            cases.append({"output": output, "pooling": pooling, "loss": loss, "temperature": temperature, "value": pack(torch.stack(losses)),
                          "pooled": pack(embeddings, "f32"), "gradient": pack(gradients, "f32"), "projected": pack(blocks, "f32"),
                          **({"negatives": pack(rows, "f32")} if loss == "simclr" else {})})
    with torch.no_grad():
        states = torch.stack([run(item)[STATES] for item in items])
    return {
        "provenance": {"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__, "onnx": onnx.__version__,
                       "onnxruntime": onnxruntime.__version__},
        "input": family.input, "step": STEP, "dims": D, "tokens": states.shape[1],
        "target": {"module": family.target, "outFeatures": layer.out_features, "inFeatures": layer.in_features, "bias": layer.bias is not None},
        "items": pack(items, "i8"), "views": pack(views, "i8"), "states": pack(states, "f32"),
        "heads": {name: {"weight": pack(w, "f32"), "bias": pack(b, "f32")} for name, (w, b) in heads.items()},
        "projection": pack(projection, "i8"), "cases": cases,
    }


# ----------------------------------------------------------------------------------------------------------- ONNX files
def export(model, family, path, free):
    """As optimum-cli export onnx --task feature-extraction writes it.

    free: the input's axes of any size, by name; optimum names them all, though position embeddings fix those of an image"""
    example = torch.from_numpy(draw_items(family)[0][:1 if not free else 2] / STEP).float()
    axes = {family.input: free, **({name: {0: "batch_size"} for name in family.outputs} if free else {})}
    torch.onnx.export(Wrapper(model, family).eval(), (example,), path, dynamo=False, opset_version=OPSET, input_names=[family.input],
                      output_names=list(family.outputs), dynamic_axes=axes)
    proto = onnx.load(path)
    number_tensors(proto.graph, set(family.outputs))
    save(proto, path)


def number_tensors(graph, kept):
    """Intermediate tensors get numbers: a third of these files were names."""
    numbers = {name: str(at) for at, name in enumerate(name for node in graph.node for name in node.output if name not in kept)}
    for node in graph.node:
        node.input[:] = [numbers.get(name, name) for name in node.input]
        node.output[:] = [numbers.get(name, name) for name in node.output]
        if node.op_type == "Constant":
            node.name = ""
    del graph.value_info[:]


def check_onnx(model, family, path, batches):
    """onnxruntime agrees with the float64 model on each item alone."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    items, _, _ = draw_items(family)
    twin = Wrapper(copy.deepcopy(model).double(), family)
    difference, norm = 0.0, 0.0
    for batch in (items[:1], items)[:batches]:
        got = session.run(list(family.outputs), {family.input: (batch / STEP).astype(np.float32)})
        for row, item in enumerate(batch):
            with torch.no_grad():
                want = twin(torch.from_numpy(item[None] / STEP))
            for a, b in zip(got, want):
                difference += float(((a[row] - b[0].numpy()) ** 2).sum())
                norm += float((b ** 2).sum())
    error = (difference / norm) ** 0.5
    shown = [(i.name, i.shape) for i in session.get_inputs()]
    print(f"{path.split('media/')[-1]:24s} {os.path.getsize(path):7d} bytes, |onnxruntime - float64| = {error:.1e}, {shown}", flush=True)
    assert error < 1e-5, (path, error)


def main(out, names):
    torch.set_num_threads(1)
    for name in names or FAMILIES:
        family, folder = FAMILIES[name], f"{out}/{name}"
        os.makedirs(folder, exist_ok=True)
        model = draw_model(family)
        axes = dict(enumerate(("num_channels", "height", "width") if family.input == "pixel_values" else ("first", "second"), 1))
        free = {0: "batch_size", **{axis: label for axis, label in axes.items() if axis <= len(family.shape)}}
        export(model, family, f"{folder}/model.onnx", free)
        check_onnx(model, family, f"{folder}/model.onnx", 2)
        if name == "dinov2":
            export(model, family, f"{folder}/fixed.onnx", {0: "batch_size"})
            check_onnx(model, family, f"{folder}/fixed.onnx", 2)
        if name in ("vit", "whisper"):
            export(model, family, f"{folder}/single.onnx", {})
            check_onnx(model, family, f"{folder}/single.onnx", 1)
        write_json(f"{folder}/expected.json", expected(model, family))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
