#!/usr/bin/env python3
"""Golden fixtures of the encoder families: of each a tiny encoder as ONNX files, and what PyTorch autograd says of it.

    pip install torch transformers onnx onnxruntime numpy
    python3 scripts/golden/make_families.py test/golden/fixtures/families [family ...]

Weights are drawn so large that nothing is linear, and rounded to values that float16 holds: one set of expected values serves the
float32 and the float16 files. Expected values are plain autograd in float64, one item at a time, unbatched and unpadded.
The format is described in test/golden/README.md. Two runs on one machine write the same bytes.
"""
import copy, inspect, os, sys, tempfile
from typing import NamedTuple
import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.onnx_model import OnnxModel
from onnxruntime.transformers.optimizer import optimize_model
from transformers import (AlbertConfig, AlbertModel, BertConfig, BertModel, DebertaV2Config, DebertaV2Model, DistilBertConfig, DistilBertModel,
                          ElectraConfig, ElectraModel, ModernBertConfig, ModernBertModel, MPNetConfig, MPNetModel, RobertaConfig, RobertaModel,
                          T5Config, T5EncoderModel)
from fungi_golden import (KL_WIDTH, NEGATIVES, SIMCLR_WIDTH, TEMPERATURES, draw_head, draw_inputs, gradient, kl, pack, pooled, simclr,
                          unit, write_json)
from onnx_forms import save, save_optimised

SEED, VOCABULARY, D, HEADS = 20240502, 40, 16, 2
OPSET = 17
SPREAD = 0.25  # of weights; of a normalisation's weights around 1
PLAIN_INPUTS = ("input_ids", "attention_mask")
TYPED_INPUTS = (*PLAIN_INPUTS, "token_type_ids")

SIZES = dict(vocab_size=VOCABULARY, hidden_size=D, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=32,
             max_position_embeddings=24)
T5_SIZES = dict(vocab_size=VOCABULARY, d_model=D, num_heads=HEADS, d_ff=32, num_layers=2, relative_attention_num_buckets=8,
                relative_attention_max_distance=16)


class Family(NamedTuple):
    model: type
    config: transformers.PretrainedConfig
    target: str
    """The output projection of the last self-attention."""
    optimiser: str
    """model_type of onnxruntime's transformers optimiser."""
    fp16_io: bool
    """Whether the float16 file's output is float32 (keep_io_types) or float16."""
    inputs: tuple = PLAIN_INPUTS
    pad: int = 0
    begin: tuple = (1,)
    end: tuple = (2,)
    uses: int = 1
    """How often one forward pass uses the target's weight: ALBERT's layers share it. Its gradient is that of the last use."""


FAMILIES = {
    "bert": Family(BertModel, BertConfig(**SIZES), "encoder.layer.1.attention.output.dense", "bert", True, TYPED_INPUTS),
    "distilbert": Family(
        DistilBertModel, DistilBertConfig(vocab_size=VOCABULARY, dim=D, n_layers=2, n_heads=HEADS, hidden_dim=32, max_position_embeddings=24),
        "transformer.layer.1.attention.out_lin", "bert", False),
    "roberta": Family(
        RobertaModel, RobertaConfig(**SIZES, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1, layer_norm_eps=1e-5),
        "encoder.layer.1.attention.output.dense", "bert", True, pad=1, begin=(0,)),
    "mpnet": Family(
        MPNetModel, MPNetConfig(**SIZES, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5),
        "encoder.layer.1.attention.attn.o", "bert", True, pad=1, begin=(0,)),
    "deberta": Family(  # as deberta-v3
        DebertaV2Model, DebertaV2Config(**SIZES, relative_attention=True, position_buckets=4, norm_rel_ebd="layer_norm", share_att_key=True,
                                        pos_att_type=["p2c", "c2p"], type_vocab_size=0, position_biased_input=False, layer_norm_eps=1e-7),
        "encoder.layer.1.attention.output.dense", "bert", False),
    "modernbert": Family(
        ModernBertModel, ModernBertConfig(**SIZES | dict(num_hidden_layers=3), local_attention=4, global_attn_every_n_layers=2, pad_token_id=0,
                                          bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2),
        "layers.2.attn.Wo", "bert", False),
    "t5": Family(
        T5EncoderModel, T5Config(**T5_SIZES, d_kv=8, feed_forward_proj="relu"),
        "encoder.block.1.layer.0.SelfAttention.o", "t5", True, begin=(), end=(1,)),
    "t5-gated": Family(  # heads wider than the model, as flan-t5-small's
        T5EncoderModel, T5Config(**T5_SIZES, d_kv=12, feed_forward_proj="gated-gelu"),
        "encoder.block.1.layer.0.SelfAttention.o", "t5", False, begin=(), end=(1,)),
    "albert": Family(
        AlbertModel, AlbertConfig(**SIZES, embedding_size=8, bos_token_id=1, eos_token_id=2, classifier_dropout_prob=0.0),
        "encoder.albert_layer_groups.0.albert_layers.0.attention.dense", "bert", True, TYPED_INPUTS, uses=2),
    "electra": Family(
        ElectraModel, ElectraConfig(**SIZES, embedding_size=8), "encoder.layer.1.attention.output.dense", "bert", False, TYPED_INPUTS),
}


# ----------------------------------------------------------------------------------------------------------- the models
def draw_model(family):
    """float32, with values that float16 holds."""
    options = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(family.model.__init__).parameters else {}
    config = copy.deepcopy(family.config)
    config._attn_implementation = "eager"
    model = family.model(config, **options).eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            draw = torch.randn(parameter.shape, generator=generator) * SPREAD
            norm = name.endswith("weight") and "norm" in name.split(".")[-2].lower()
            parameter.copy_((draw + 1 if norm else draw).half().float())
    return model


class LastUse(torch.nn.Module):
    """A linear layer whose last use in a forward pass reads weights of its own, equal to the others'."""

    def __init__(self, linear, uses):
        super().__init__()
        self.linear, self.last, self.uses, self.calls = linear, copy.deepcopy(linear), uses, 0

    def forward(self, x):
        self.calls += 1
        return (self.last if self.calls % self.uses == 0 else self.linear)(x)


def double_twin(model, family):
    """-> the same weights in float64, and the target layer of it."""
    twin = copy.deepcopy(model).double()
    layer = LastUse(twin.get_submodule(family.target), family.uses)
    twin.set_submodule(family.target, layer)
    return twin, layer.last


def hidden_state(model, family, ids):
    """ids: a list of A ints -> last_hidden_state [A,D]."""
    ids = torch.tensor([ids])
    feeds = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    return model(**{name: feeds[name] for name in family.inputs}).last_hidden_state[0]


# ------------------------------------------------------------------------------------------------------ expected values
def family_inputs(family):
    return draw_inputs(SEED, VOCABULARY, family.begin, family.end)


def draw_heads():
    generator = torch.Generator().manual_seed(SEED + 1)
    return {"kl": draw_head(KL_WIDTH, D, generator), "simclr": draw_head(SIMCLR_WIDTH, D, generator)}


def draw_negatives(f, family, head):
    """What the head makes of other texts, as in the library: random rows lie so far from all views that at temperature 0.07 the
    derivative vanishes, and with it its digits in float16."""
    rng = np.random.default_rng(SEED + 2)
    texts = [[*family.begin, *rng.integers(4, VOCABULARY, 6).tolist(), *family.end] for _ in range(NEGATIVES)]
    with torch.no_grad():
        return unit(torch.nn.functional.linear(torch.stack([f(ids) for ids in texts]), *head)).float()


def expected(model, family):
    twin, layer = double_twin(model, family)
    texts, views = family_inputs(family)
    heads = draw_heads()
    doubles = {name: tuple(t.double() for t in head) for name, head in heads.items()}
    f = lambda ids, pooling: pooled(hidden_state(twin, family, ids), pooling)
    negatives = {p: draw_negatives(lambda ids: f(ids, p), family, doubles["simclr"]) for p in ("first", "mean")}

    cases = []
    for pooling in ("first", "mean"):
        for loss, temperature in (("kl", TEMPERATURES["kl"][0]), ("kl", TEMPERATURES["kl"][1]), ("simclr", TEMPERATURES["simclr"][0])):
            if loss == "kl":
                losses = [kl(f(ids, pooling), doubles["kl"], "paper", temperature) for ids in texts]
            else:
                losses = [simclr(torch.stack([f(ids, pooling) for ids in group]), doubles["simclr"], negatives[pooling].double(), "paper",
                                 temperature) for group in views]
            gradients = torch.stack([gradient(layer.weight, layer.bias, value) for value in losses])
            cases.append({"pooling": pooling, "loss": loss, "mode": "paper", "temperature": temperature,
                          "value": pack(torch.stack(losses)), "gradient": pack(gradients, "f32")})
    with torch.no_grad():
        pools = {p: pack(torch.stack([f(ids, p) for ids in texts]), "f32") for p in ("first", "mean")}
        view_pools = {p: pack(torch.stack([torch.stack([f(ids, p) for ids in group]) for group in views]), "f32") for p in ("first", "mean")}
    return {
        "provenance": {"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__, "onnx": onnx.__version__,
                       "onnxruntime": onnxruntime.__version__},
        "inputs": family.inputs, "pad": family.pad, "dims": D, "halfOutput": not family.fp16_io,
        "target": {"module": family.target, "outFeatures": layer.out_features, "inFeatures": layer.in_features, "bias": layer.bias is not None},
        "texts": texts, "views": views,
        "heads": {name: {"weight": pack(w, "f32"), "bias": pack(b, "f32")} for name, (w, b) in heads.items()},
        "negatives": {p: pack(rows, "f32") for p, rows in negatives.items()}, "pooled": pools, "viewPooled": view_pools, "cases": cases,
    }


# ----------------------------------------------------------------------------------------------------------- ONNX files
class Wrapper(torch.nn.Module):
    def __init__(self, model, inputs):
        super().__init__()
        self.model, self.inputs = model, inputs

    def forward(self, *tensors):
        return self.model(**dict(zip(self.inputs, tensors))).last_hidden_state


def plain_form(model, family, path):
    """As optimum-cli export onnx --task feature-extraction writes it."""
    ids = torch.full((2, 8), 5)
    example = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    axes = {name: {0: "batch", 1: "tokens"} for name in (*family.inputs, "last_hidden_state")}
    torch.onnx.export(Wrapper(model, family.inputs).eval(), tuple(example[name] for name in family.inputs), path, dynamo=False,
                      opset_version=OPSET, input_names=list(family.inputs), output_names=["last_hidden_state"], dynamic_axes=axes)
    proto = onnx.load(path)
    number_tensors(proto.graph)
    save(proto, path)


def number_tensors(graph):
    """Intermediate tensors get numbers, as torch named them before it named them after modules: a third of these files were names."""
    numbers = {name: str(at) for at, name in enumerate(name for node in graph.node for name in node.output if name != "last_hidden_state")}
    for node in graph.node:
        node.input[:] = [numbers.get(name, name) for name in node.input]
        node.output[:] = [numbers.get(name, name) for name in node.output]
        if node.op_type == "Constant":
            node.name = ""
    del graph.value_info[:]


def optimised_form(family, source, path):
    """As optimum-cli's -O2 and -O3 write it."""
    options = FusionOptions(family.optimiser)
    options.enable_embed_layer_norm = False  # optimum's default
    fused = optimize_model(source, family.optimiser, num_heads=HEADS, hidden_size=D, opt_level=1, optimization_options=options)
    save_optimised(fused.model, path)


def half_form(family, source, path):
    """As the hub's model_fp16.onnx: weights and computation in float16."""
    model = OnnxModel(convert_float_to_float16(onnx.load(source), keep_io_types=family.fp16_io))
    model.topological_sort(is_deterministic=True)
    save_optimised(model.model, path)


# --------------------------------------------------------------------------------------------------------- quantised BERT
class Calibration(CalibrationDataReader):
    def __init__(self, family):
        rng = np.random.default_rng(SEED + 3)
        texts = [[*family.begin, *rng.integers(4, VOCABULARY, n).tolist(), *family.end] for n in (4, 7, 10, 5, 8, 3)]
        self.feeds = iter([padded(texts[at:at + 2], family) for at in (0, 2, 4)])

    def get_next(self):
        return next(self.feeds, None)


def qdq_form(family, source, path):
    """Statically quantised: activations int8 with a scale for each tensor, weights with one for each column."""
    with tempfile.TemporaryDirectory() as folder:
        quantize_static(source, f"{folder}/model.onnx", Calibration(family), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
        save_optimised(onnx.load(f"{folder}/model.onnx"), path)


def dynamic_form(source, path):
    """As the hub's model_quantized.onnx: MatMulInteger, activations quantised by each run's own range."""
    with tempfile.TemporaryDirectory() as folder:
        quantize_dynamic(source, f"{folder}/model.onnx", weight_type=QuantType.QInt8)
        save_optimised(onnx.load(f"{folder}/model.onnx"), path)


def int8_columns(matrix):
    """[I,O] -> int8 [I,O], scales [O]: powers of two, so that their products are exact."""
    scale = 2.0 ** np.ceil(np.log2(np.abs(matrix).max(0) / 127))
    return np.round(matrix / scale).astype(np.int8), scale.astype(np.float32)


def weight_only_form(source, path):
    """Weights of products are int8 behind a DequantizeLinear; activations stay float32."""
    proto = onnx.load(source)
    graph, nodes = proto.graph, []
    weights = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            name = node.input[1]
            quantised, scale = int8_columns(numpy_helper.to_array(weights[name]))
            graph.initializer.extend(numpy_helper.from_array(array, f"{name}_{part}") for part, array in (
                ("quantized", quantised), ("scale", scale), ("zero_point", np.zeros(scale.shape, np.int8))))
            graph.initializer.remove(weights[name])
            nodes.append(helper.make_node("DequantizeLinear", [f"{name}_{part}" for part in ("quantized", "scale", "zero_point")],
                                          [f"{name}_dequantized"], f"{name}_DequantizeLinear", axis=1))
            node.input[1] = f"{name}_dequantized"
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    save_optimised(proto, path)


def weight_only_model(model):
    """The model that `weight_only_form` stores."""
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for module in twin.modules():
            if isinstance(module, torch.nn.Linear):
                quantised, scale = int8_columns(module.weight.numpy().T)
                module.weight.copy_(torch.from_numpy((quantised * scale).T))
    return twin


# --------------------------------------------------------------------------------------------------------------- checks
def padded(texts, family):
    ids = np.full((len(texts), max(map(len, texts))), family.pad, np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, :len(text)], mask[row, :len(text)] = text, 1
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    return {name: feeds[name] for name in family.inputs}


def check_onnx(model, family, path, tolerance):
    """onnxruntime on padded batches of 1, 3 and 5 agrees with the float64 model on each text alone."""
    options = onnxruntime.SessionOptions()
    # Else onnxruntime makes DequantizeLinear and MatMul one product that rounds activations to int8 as well.
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    assert sorted(i.name for i in session.get_inputs()) == sorted(family.inputs), path
    (texts, _), (twin, _) = family_inputs(family), double_twin(model, family)
    difference, norm = 0.0, 0.0
    for batch in (texts[:1], texts[2:], texts):
        got, = session.run(None, padded(batch, family))
        for row, text in enumerate(batch):
            with torch.no_grad():
                want = hidden_state(twin, family, text).numpy()
            difference += float(((got[row, :len(text)] - want) ** 2).sum())
            norm += float((want ** 2).sum())
    error = (difference / norm) ** 0.5
    ops = sorted({node.op_type for node in onnx.load(path).graph.node if node.domain or "Simplified" in node.op_type})
    print(f"{path.split('families/')[-1]:30s} {os.path.getsize(path):7d} bytes, |onnxruntime - float64| = {error:.1e}, "
          f"{session.get_outputs()[0].type}{', fused: ' if ops else ''}{' '.join(ops)}", flush=True)
    assert error < tolerance, (path, error)


def main(out, names):
    torch.set_num_threads(1)
    for name in names or FAMILIES:
        family, folder = FAMILIES[name], f"{out}/{name}"
        os.makedirs(folder, exist_ok=True)
        model = draw_model(family)
        plain = f"{folder}/plain.onnx"
        plain_form(model, family, plain)
        check_onnx(model, family, plain, 1e-5)
        optimised_form(family, plain, f"{folder}/optimised.onnx")
        check_onnx(model, family, f"{folder}/optimised.onnx", 1e-5)
        half_form(family, plain, f"{folder}/fp16.onnx")
        check_onnx(model, family, f"{folder}/fp16.onnx", 5e-3)
        write_json(f"{folder}/expected.json", expected(model, family))
        if name == "bert":
            qdq_form(family, plain, f"{folder}/qdq.onnx")
            check_onnx(model, family, f"{folder}/qdq.onnx", 0.2)
            dynamic_form(plain, f"{folder}/dynamic.onnx")
            check_onnx(model, family, f"{folder}/dynamic.onnx", 0.2)
            weight_only_form(plain, f"{folder}/weight-only.onnx")
            check_onnx(weight_only_model(model), family, f"{folder}/weight-only.onnx", 1e-5)
            write_json(f"{folder}/weight-only.json", expected(weight_only_model(model), family))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.environ.get("PYTHONHASHSEED") != "0":  # ModernBERT's rotary tables come in the order of a set of strings
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main(sys.argv[1], sys.argv[2:])
