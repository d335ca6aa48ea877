#!/usr/bin/env python3
"""Golden fixture of the image losses: values, and gradients with respect to the features, by PyTorch autograd in float64.

    pip install torch numpy
    python3 scripts/golden/make_losses.py test/golden/fixtures/losses

DINO, DeepCluster and SimCLR between patches, as the paper (section 4.2 and 4.3, tables 6, 18, 22 and 23) and its released code
(github.com/WalterSimoncini/no-train-all-gain, 7ad3b75) define them: heads are torch modules, stop-gradients `detach`, and
DeepCluster's prototypes k-means over a pool. Features and weights are float32 values. Arrays as in test/golden/README.md. Two runs on
one machine write the same bytes.
"""
import os, sys
import numpy as np
import torch
from torch.nn.functional import cross_entropy, linear, log_softmax, normalize, softmax
from fungi_golden import draw_head, pack, simclr, write_json

SEED, ITEMS, D = 20240505, 2, 12
DINO = {"globals": 2, "locals": 4, "latent": 24}
CLUSTER = {"globals": 2, "locals": 3, "latent": 8, "sets": 3, "prototypes": 9}
PATCH = {"tokens": 5, "neighbours": 4, "latent": 8}
POOL, UPDATES = 40, 10


def double(tensors):
    return [t.double() for t in tensors]


def per_item(loss, features):
    """-> values [B], gradients [B,V,D], each item alone."""
    values, gradients = [], []
    for item in features:
        x = item.double().requires_grad_()
        value = loss(x)
        values.append(value.detach())
        gradients.append(torch.autograd.grad(value, x)[0])
    return {"value": pack(torch.stack(values)), "gradient": pack(torch.stack(gradients))}


# ---------------------------------------------------------------------------------------------------------- DINO
def dino(f, student, teacher, norm, teacher_temperature, student_temperature, skip_same_view):
    """f [V,D], global crops first -> scalar; heads (weight [L,D], bias [L]) or None."""
    f = normalize(f, dim=-1) if norm else f
    z = f if student is None else linear(f, *student)
    with torch.no_grad():
        t = f[: DINO["globals"]].detach()
        t = t if teacher is None else linear(t, *teacher)
    p = softmax(t / teacher_temperature, dim=-1)
    logq = log_softmax(z / student_temperature, dim=-1)
    loss = 0
    for ti, tv in enumerate(p):
        for si, sv in enumerate(logq):
            if not (skip_same_view and ti == si):
                loss = loss + (-tv * sv).sum()
    return loss


def dino_cases(generator):
    views = DINO["globals"] + DINO["locals"]
    features = torch.randn((ITEMS, views, D), generator=generator)
    heads = [draw_head(DINO["latent"], D, generator) for _ in range(2)]
    student, teacher = (double(h) for h in heads)
    cases = []
    for form in ("linear", "none"):
        for norm in (True, False):
            for independent in (True, False) if form == "linear" else (True,):
                for skip in (False, True):
                    temperatures = (0.07, 0.1) if norm else (0.7, 1.0)
                    s, t = (student, teacher if independent else student) if form == "linear" else (None, None)
                    cases.append({
                        "head": form,
                        "heads": "independent" if independent else "shared",
                        "normalise": norm,
                        "sameView": not skip,
                        "teacherTemperature": temperatures[0],
                        "studentTemperature": temperatures[1],
                        **per_item(lambda f: dino(f, s, t, norm, *temperatures, skip), features),
                    })
    names = ("head", "teacher.head")
    return {
        **DINO,
        "features": pack(features, "f32"),
        "heads": {n: {"weight": pack(w, "f32"), "bias": pack(b, "f32")} for n, (w, b) in zip(names, heads)},
        "cases": cases,
    }


# --------------------------------------------------------------------------------------------------- DeepCluster
def k_means(points, start):
    """points [n,L], indices [K] -> centres [K,L]: means of the points of greatest inner product, not normalised, empty ones kept."""
    centres = points[start].clone()
    for _ in range(UPDATES):
        nearest = (points @ centres.T).argmax(dim=1)
        for k in range(len(centres)):
            if (nearest == k).any():
                centres[k] = points[nearest == k].mean(dim=0)
    return centres


def weight_norm_head(generator):
    """weight_norm(Linear(D, L, bias=False)) with g filled with 1, of drawn directions v -> v, the module's weight [L,D]."""
    layer = torch.nn.Linear(D, CLUSTER["latent"], bias=False)
    with torch.no_grad():
        layer.weight.copy_(draw_head(CLUSTER["latent"], D, generator)[0])
    direction = layer.weight.detach().clone()
    layer = torch.nn.utils.parametrizations.weight_norm(layer)
    with torch.no_grad():
        layer.parametrizations.weight.original0.fill_(1)
    return direction, layer.weight.detach()


def deepcluster(f, weight, prototypes, temperature):
    """f [V,D], global crops first -> scalar: mean cross-entropy over sets and crops; set s is assigned by crop s mod G."""
    z = normalize(linear(f, weight), dim=-1)
    scores, targets = [], []
    for s, centres in enumerate(prototypes):
        scores.append(linear(z, centres) / temperature)
        targets.append((z[s % CLUSTER["globals"]].detach() @ centres.T).argmax().repeat(len(z)))
    return cross_entropy(torch.cat(scores), torch.cat(targets))


def deepcluster_cases(generator):
    direction, weight = weight_norm_head(generator)
    pool = torch.randn((POOL, CLUSTER["globals"], D), generator=generator)
    latents = normalize(linear(pool, weight), dim=-1)
    starts = [torch.randperm(POOL, generator=generator)[: CLUSTER["prototypes"]] for _ in range(CLUSTER["sets"])]
    prototypes = [k_means(latents[:, s % CLUSTER["globals"]].double(), start).float() for s, start in enumerate(starts)]
    features = torch.randn((ITEMS, CLUSTER["globals"] + CLUSTER["locals"], D), generator=generator)
    exact = double(prototypes)
    cases = [
        {"temperature": t, **per_item(lambda f: deepcluster(f, weight.double(), exact, t), features)} for t in (0.1, 1.0)
    ]
    return {
        **CLUSTER,
        "iterations": UPDATES,
        "directions": pack(direction, "f32"),
        "weight": pack(weight, "f32"),
        "latents": pack(latents, "f32"),
        "starts": [start.tolist() for start in starts],
        "prototypes": [pack(centres, "f32") for centres in prototypes],
        "features": pack(features, "f32"),
        "cases": cases,
    }


# ------------------------------------------------------------------------------------------- SimCLR between patches
def patch_simclr(f, head, mode, temperature):
    """f [T+N,D], tokens and then neighbours -> scalar; neighbours go through the same head, without a gradient."""
    with torch.no_grad():
        negatives = normalize(linear(f[PATCH["tokens"]:].detach(), *head), dim=-1)
    return simclr(f[: PATCH["tokens"]], head, negatives, mode, temperature)


def patch_cases(generator):
    features = torch.randn((ITEMS, PATCH["tokens"] + PATCH["neighbours"], D), generator=generator)
    head = draw_head(PATCH["latent"], D, generator)
    exact = double(head)
    cases = [
        {"mode": mode, "temperature": t, **per_item(lambda f: patch_simclr(f, exact, mode, t), features)}
        for mode in ("paper", "reference")
        for t in (0.07, 1.0)
    ]
    return {
        **PATCH,
        "features": pack(features, "f32"),
        "head": {"weight": pack(head[0], "f32"), "bias": pack(head[1], "f32")},
        "cases": cases,
    }


def main(out):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    golden = {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "seed": SEED,
        "dims": D,
        "dino": dino_cases(generator),
        "deepcluster": deepcluster_cases(generator),
        "patchSimclr": patch_cases(generator),
    }
    os.makedirs(out, exist_ok=True)
    write_json(f"{out}/losses.json", golden)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
