#!/usr/bin/env python3
"""Golden fixture of iBOT: of tiny image encoders, given crops and masks, what PyTorch autograd says of the target layer.

    pip install torch transformers onnx onnxruntime numpy
    python3 scripts/golden/make_ibot.py test/golden/fixtures/ibot

The encoders are those of make_media_families.py, whose ONNX files the tests run. The loss is the mean cross-entropy of all pairs of a
class token of the teacher's crops (whole) and of the student's (masked, then local), and of the masked patches of each global crop against
the same ones of the crop when whole; teacher under no_grad, in float64, one item at a time. Masked patches are 0 in all channels. Arrays
as in test/golden/README.md. Two runs on one machine write the same bytes.
"""
import copy, os, sys
import numpy as np
import torch
from torch.nn.functional import linear, log_softmax, normalize, softmax
import transformers
from fungi_golden import draw_head, gradient, pack, write_json
from make_media_families import D, FAMILIES, STATES, STEP, Wrapper, draw_model

SEED, ITEMS, GLOBALS, LOCALS, PATCHES, LATENT = 20240508, 2, 2, 2, 2, 20
SIDE, PATCH, GRID = 16, 8, 2


def draw(rng):
    """-> crops [ITEMS, GLOBALS + LOCALS, 3, SIDE, SIDE], masks [ITEMS, GLOBALS, PATCHES] in ascending order."""
    centres = rng.integers(-40, 41, (ITEMS, 1, 3, SIDE, SIDE))
    crops = centres + rng.integers(-16, 17, (ITEMS, GLOBALS + LOCALS, 3, SIDE, SIDE))
    masks = [[sorted(rng.choice(GRID * GRID, PATCHES, replace=False).tolist()) for _ in range(GLOBALS)] for _ in range(ITEMS)]
    return crops.astype(np.int8), masks


def masked(crop, patches):
    out = crop.copy()
    for patch in patches:
        top, left = patch // GRID * PATCH, patch % GRID * PATCH
        out[:, top:top + PATCH, left:left + PATCH] = 0
    return out


def ibot(run, crops, masks, student, teacher, norm, teacher_temperature, student_temperature):
    """run: crops [V,3,H,W] -> states [V,T,D]; class token first."""
    unit = lambda f: normalize(f, dim=-1) if norm else f
    hidden = np.stack([masked(crop, own) for crop, own in zip(crops, masks)])
    seen = torch.cat([run(hidden), run(crops[GLOBALS:])])
    with torch.no_grad():
        whole = run(crops[:GLOBALS])
        p = softmax(linear(unit(whole), *teacher) / teacher_temperature, dim=-1)
    logq = log_softmax(linear(unit(seen), *student) / student_temperature, dim=-1)
    pairs = [-(pt * qs).sum() for pt in p[:, 0] for qs in logq[:, 0]]
    patches = [-(p[g, 1 + i] * logq[g, 1 + i]).sum() for g in range(GLOBALS) for i in masks[g]]
    return torch.stack(pairs).mean() + torch.stack(patches).mean()


def expected(name):
    family = FAMILIES[name]
    twin = copy.deepcopy(draw_model(family)).double()
    layer = twin.get_submodule(family.target)
    run = lambda crops: dict(zip(family.outputs, Wrapper(twin, family)(torch.from_numpy(crops / STEP))))[STATES]
    crops, masks = draw(np.random.default_rng(SEED))
    generator = torch.Generator().manual_seed(SEED)
    heads = [draw_head(LATENT, D, generator) for _ in range(2)]
    student, teacher = (tuple(t.double() for t in head) for head in heads)
    cases = []
    for independent, norm, temperatures in ((True, True, (0.07, 0.1)), (False, True, (0.07, 0.1)), (True, False, (0.7, 1.0))):
        losses = [ibot(run, own, mask, student, teacher if independent else student, norm, *temperatures) for own, mask in zip(crops, masks)]
        cases.append({"heads": "independent" if independent else "shared", "normalise": norm, "teacherTemperature": temperatures[0],
                      "studentTemperature": temperatures[1], "value": pack(torch.stack([loss.detach() for loss in losses])),
                      "gradient": pack(torch.stack([gradient(layer.weight, layer.bias, loss) for loss in losses]), "f32")})
    names = ("head", "teacher.head")
    # As the encoder is to be asked for them: masked global crops, local ones, global ones.
    views = [[*(masked(c, m) for c, m in zip(own, mask)), *own[GLOBALS:], *own[:GLOBALS]] for own, mask in zip(crops, masks)]
    return {
        "provenance": {"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__},
        "input": family.input, "step": STEP, "globals": GLOBALS, "locals": LOCALS, "patches": PATCHES, "latent": LATENT, "masks": masks,
        "views": pack(np.array(views, np.int8), "i8"),
        "heads": {n: {"weight": pack(w, "f32"), "bias": pack(b, "f32")} for n, (w, b) in zip(names, heads)},
        "cases": cases,
    }


def main(out):
    os.makedirs(out, exist_ok=True)
    for name in ("vit", "dinov2"):
        write_json(f"{out}/{name}.json", expected(name))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
