#!/usr/bin/env python3
"""Golden fixtures of the gradient engine: tiny encoders as ONNX files, and what PyTorch autograd says of them.

    pip install torch transformers onnx onnxscript onnxruntime safetensors numpy
    python3 scripts/golden/make_fungi.py test/golden/fixtures/fungi

Expected values are plain autograd in float64, one item at a time, unbatched and unpadded, with the model's exact float32
weights. The format is described in test/golden/README.md. Two runs write the same bytes.
Axes: V views of an item, A tokens, D hidden, L head width, N negatives, O x I the target weight, M projected width.
"""
import copy, hashlib, math, os, struct, sys
import numpy as np
import onnx
import onnxruntime
import torch
import transformers
from safetensors.torch import save_file
from transformers import BertConfig, BertModel
from fungi_golden import (KL_WIDTH, NEGATIVES, SIMCLR_WIDTH, TEMPERATURES, draw_head, draw_inputs, gradient, kl, pack, pooled, simclr,
                          unit, write_json)
from onnx_forms import expect_ops, export, fused_form, gemm_form, session_form

SEED = 20240501
TINY = dict(vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=40, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
WIDE = dict(vocab_size=30, hidden_size=768, num_hidden_layers=1, num_attention_heads=12, intermediate_size=16,
            max_position_embeddings=16, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
TARGET = "encoder.layer.{}.attention.output.dense"
PROJECTED = 10


# ------------------------------------------------------------------------------------------------------- the encoder
def hidden_state(model, ids):
    """ids: a list of A ints -> last_hidden_state [A,D]."""
    ids = torch.tensor([ids])
    return model(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids)).last_hidden_state[0]


def target(model):
    return model.get_submodule(TARGET.format(model.config.num_hidden_layers - 1))


def double_twin(model, hidden_act):
    """The same float32 weights in a float64 model, eager attention."""
    config = copy.deepcopy(model.config)
    config.hidden_act = hidden_act
    config._attn_implementation = "eager"
    twin = BertModel(config, add_pooling_layer=model.pooler is not None).eval()
    twin.load_state_dict(model.state_dict())
    return twin.double()


# ------------------------------------------------------------------------------------------------------ tiny: weights
def tiny_model():
    generator = torch.Generator().manual_seed(SEED)
    model = BertModel(BertConfig(**TINY, attn_implementation="eager")).eval()
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
            if name.endswith("LayerNorm.weight"):
                parameter.add_(1)
    return model


def tiny_inputs():
    return draw_inputs(SEED, TINY["vocab_size"])


# ----------------------------------------------------------------------------------------------- tiny: expected values
def tiny_expected(model):
    generator = torch.Generator().manual_seed(SEED + 1)
    texts, views = tiny_inputs()
    heads = {"kl": draw_head(KL_WIDTH, TINY["hidden_size"], generator), "simclr": draw_head(SIMCLR_WIDTH, TINY["hidden_size"], generator)}
    negatives = unit(torch.randn(NEGATIVES, SIMCLR_WIDTH, generator=generator))
    columns = TINY["hidden_size"] * (TINY["hidden_size"] + 1)
    signs = torch.randint(0, 2, (PROJECTED, columns), generator=generator) * 2 - 1
    doubles = {name: tuple(t.double() for t in head) for name, head in heads.items()}

    def evaluate(loss, twin, pooling, mode, temperature):
        if loss == "kl":
            losses = [kl(pooled(hidden_state(twin, ids), pooling), doubles["kl"], mode, temperature) for ids in texts]
        else:
            losses = [simclr(torch.stack([pooled(hidden_state(twin, ids), pooling) for ids in group]), doubles["simclr"],
                             negatives.double(), mode, temperature) for group in views]
        gradients = torch.stack([gradient(target(twin).weight, target(twin).bias, value) for value in losses])
        return torch.stack(losses), gradients, unit(gradients.flatten(1) @ signs.double().T)

    encoders, cases, features = [], [], []
    for act in ("gelu", "gelu_new"):
        twin = double_twin(model, act)
        with torch.no_grad():
            hidden = [hidden_state(twin, ids) for ids in texts]
            view_hidden = [[hidden_state(twin, ids) for ids in group] for group in views]
        encoders.append({
            "hiddenAct": act,
            "lastHiddenState": [pack(h) for h in hidden],
            "pooled": {p: pack(torch.stack([pooled(h, p) for h in hidden])) for p in ("first", "mean")},
            "viewPooled": {p: pack(torch.stack([torch.stack([pooled(h, p) for h in g]) for g in view_hidden])) for p in ("first", "mean")},
        })
        for pooling in ("first", "mean"):
            embedding = unit(torch.stack([pooled(h, pooling) for h in hidden]))
            for mode in ("paper", "reference"):
                blocks = {}
                for loss, temperatures in TEMPERATURES.items():
                    for temperature in temperatures:
                        values, gradients, projected = evaluate(loss, twin, pooling, mode, temperature)
                        default = temperature == temperatures[0]
                        if default:
                            blocks[loss] = projected
                        if act == "gelu" or default and mode == "paper":  # enough for the second activation
                            cases.append({"hiddenAct": act, "pooling": pooling, "loss": loss, "mode": mode, "temperature": temperature,
                                          "value": pack(values), "gradient": pack(gradients, "f32"), "projected": pack(projected)})
                n = len(views)
                features += [
                    {"hiddenAct": act, "pooling": pooling, "mode": mode, "losses": ["kl"],
                     "feature": pack(torch.cat([blocks["kl"], embedding], 1))},
                    {"hiddenAct": act, "pooling": pooling, "mode": mode, "losses": ["kl", "simclr"],
                     "feature": pack(torch.cat([blocks["kl"][:n], blocks["simclr"], embedding[:n]], 1))},
                ]
    return {
        "texts": texts, "views": views,
        "heads": {name: {"weight": pack(w), "bias": pack(b)} for name, (w, b) in heads.items()},
        "negatives": pack(negatives), "projection": pack(signs, "i8"),
        "encoders": encoders, "cases": cases, "features": features,
    }


# --------------------------------------------------------------------------------------------------- tiny: ONNX files
def tiny_onnx(model, out):
    with_act = lambda act, attention="eager": load_like(model, act, attention)
    export(with_act("gelu"), f"{out}/op17-erf.onnx", 17)
    export(with_act("gelu"), f"{out}/op14-erf.onnx", 14)
    export(with_act("gelu_new"), f"{out}/op17-tanh.onnx", 17)
    export(with_act("gelu", "sdpa"), f"{out}/op17-sdpa.onnx", 17)
    export(with_act("gelu"), f"{out}/op20-gelu.onnx", 20, dynamo=True)
    export(with_act("gelu"), f"{out}/pooled.onnx", 17, ("last_hidden_state", "pooler_output", "sentence_embedding"))
    gemm_form(f"{out}/op17-erf.onnx", f"{out}/op17-gemm.onnx")
    fused_form(f"{out}/op17-erf.onnx", f"{out}/op17-fused.onnx", model.config)
    session_form(f"{out}/op17-erf.onnx", f"{out}/op17-session.onnx")
    expect_ops(f"{out}/op17-erf.onnx", has=["LayerNormalization", "Erf"])
    expect_ops(f"{out}/op14-erf.onnx", has=["ReduceMean", "Erf"], lacks=["LayerNormalization"])
    expect_ops(f"{out}/op17-tanh.onnx", has=["Tanh"], lacks=["Erf"])
    expect_ops(f"{out}/op20-gelu.onnx", has=["Gelu"], lacks=["Erf", "Tanh"])
    expect_ops(f"{out}/op17-gemm.onnx", has=["Gemm"])
    expect_ops(f"{out}/op17-fused.onnx", has=["Attention", "SkipLayerNormalization", "BiasGelu"], lacks=["LayerNormalization", "Softmax"])
    expect_ops(f"{out}/op17-session.onnx", has=["FusedMatMul", "BiasGelu", "LayerNormalization"])
    for name in sorted(os.listdir(out)):
        if name.endswith(".onnx"):
            check_onnx(model, f"{out}/{name}", "gelu_new" if "tanh" in name else "gelu")


def load_like(model, act, attention):
    config = copy.deepcopy(model.config)
    config.hidden_act = act
    twin = BertModel._from_config(config, attn_implementation=attention).eval()
    twin.load_state_dict(model.state_dict())
    return twin


def check_onnx(model, path, act):
    """onnxruntime on one padded batch agrees with the float64 model on each text alone."""
    texts, _ = tiny_inputs()
    ids = np.zeros((len(texts), max(map(len, texts))), np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, :len(text)], mask[row, :len(text)] = text, 1
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    got, *rest = session.run(None, {i.name: feeds[i.name] for i in session.get_inputs()})
    twin, worst = double_twin(model, act), 0.0
    with torch.no_grad():
        for row, text in enumerate(texts):
            worst = max(worst, float(np.abs(got[row, :len(text)] - hidden_state(twin, text).numpy()).max()))
    assert worst < 1e-5 and os.path.getsize(path) < 200_000, (path, worst)
    print(f"{os.path.basename(path):18s} {os.path.getsize(path):7d} bytes, max |onnxruntime - float64| = {worst:.1e}, outputs {[o.name for o in session.get_outputs()]}")


# -------------------------------------------------------------------------------------------------- wide: D = L = 768
class Rng:
    """src/core/rng.ts in Python: xoshiro128**, state = first 16 bytes of sha256("seed/part/part")."""

    def __init__(self, *name):
        self.s = list(struct.unpack("<4I", hashlib.sha256("/".join(map(str, name)).encode()).digest()[:16]))

    def uniform(self, shape, bound):
        """float32 of (u * 2 - 1) * bound, row-major."""
        (a, b, c, d), mask, values = self.s, 0xFFFFFFFF, []
        for _ in range(math.prod(shape)):
            r = b * 5 & mask
            r = ((r << 7 | r >> 25) & mask) * 9 & mask
            values.append((r * 2.0**-32 * 2 - 1) * bound)
            t = b << 9 & mask
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= t
            d = (d << 11 | d >> 21) & mask
        self.s = [a, b, c, d]
        return np.array(values, np.float64).astype(np.float32).reshape(shape)


def wide_model():
    model = BertModel(BertConfig(**WIDE, attn_implementation="eager"), add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            draw = Rng(7, "wide", name).uniform(parameter.shape, 0.05)
            parameter.copy_(torch.from_numpy(np.float32(1) + draw if name.endswith("LayerNorm.weight") else draw))
    return model


def wide_expected():
    model = wide_model()
    twin, d = double_twin(model, "gelu"), WIDE["hidden_size"]
    head = tuple(torch.from_numpy(Rng(7, "wide", f"kl.head.{part}").uniform(shape, 1 / math.sqrt(d))).double()
                 for part, shape in (("weight", (d, d)), ("bias", (d,))))
    caught = {}
    target(twin).register_forward_hook(lambda _, args, output: caught.update(x=args[0][0], y=output))

    def factors(ids, pooling, mode, temperature):
        """-> loss, x [A,D], delta [A,D]: the dense autograd gradient is the sum over A of delta outer [x;1]."""
        f = pooled(hidden_state(twin, ids), pooling)
        loss = kl(f, head, mode, temperature)
        weight, bias, delta = torch.autograd.grad(loss, [target(twin).weight, target(twin).bias, caught["y"]])
        dense = torch.cat([weight, bias[:, None]], 1)
        rows = slice(0, 1) if pooling == "first" else slice(None)
        x, delta = caught["x"][rows], delta[0][rows]
        rebuilt = delta.T @ torch.cat([x, torch.ones(len(x), 1)], 1)
        assert ((dense - rebuilt).norm() / dense.norm()).item() < 1e-12
        return f, loss, x, delta

    texts = []
    for ids in ([1, 5, 2], [1, 17, 8, 23, 29, 2], [1, 11, 4, 7, 9, 26, 13, 21, 6, 2]):
        cases = []
        for mode in ("paper", "reference"):
            for temperature in TEMPERATURES["kl"]:
                f, loss, x, delta = factors(ids, "first", mode, temperature)
                cases.append({"mode": mode, "temperature": temperature, "value": pack(loss), "delta": pack(delta[0], "f32")})
        texts.append({"ids": ids, "pooled": pack(f, "f32"), "x": pack(x[0], "f32"), "cases": cases})
    ids = [1, 14, 2]
    _, loss, x, delta = factors(ids, "mean", "paper", 15.0)
    return {
        "config": {"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": model.config.layer_norm_eps, **WIDE},
        "tensors": {name: list(p.shape) for name, p in model.named_parameters()},
        "first": texts,
        "mean": {"ids": ids, "mode": "paper", "temperature": 15.0, "value": pack(loss), "x": pack(x, "f32"), "delta": pack(delta, "f32")},
    }


def main(out):
    torch.set_num_threads(1)
    tiny = f"{out}/tiny-bert"
    os.makedirs(tiny, exist_ok=True)
    os.makedirs(f"{out}/wide", exist_ok=True)
    model = tiny_model()
    provenance = {"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__, "onnx": onnx.__version__}
    save_file({name: t.contiguous() for name, t in model.state_dict().items()}, f"{tiny}/model.safetensors", metadata={"format": "pt"})
    os.chmod(f"{tiny}/model.safetensors", 0o644)
    write_json(f"{tiny}/config.json", {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu",
                                       "layer_norm_eps": model.config.layer_norm_eps, "pad_token_id": 0, **TINY})
    tiny_onnx(model, tiny)
    write_json(f"{tiny}/expected.json", {"provenance": provenance, **tiny_expected(model)})
    write_json(f"{out}/wide/expected.json", {"provenance": provenance, **wide_expected()})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
