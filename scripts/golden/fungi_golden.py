"""What the makers of gradient fixtures share: arrays as JSON, the losses, gradients, and inputs drawn from a seed.

Axes as in make_fungi.py: V views of an item, A tokens, D hidden, L head width, N negatives, O x I the target weight.
"""
import base64, json, math
import numpy as np
import torch

KL_WIDTH, SIMCLR_WIDTH, NEGATIVES = 24, 16, 6
TEMPERATURES = {"kl": (15.0, 1.0), "simclr": (0.07, 1.0)}  # the paper's first


# ---------------------------------------------------------------------------------------------------- arrays as JSON
def pack(array, kind="f64"):
    array = np.asarray(array.detach() if torch.is_tensor(array) else array)
    data = np.ascontiguousarray(array, dtype={"f64": "<f8", "f32": "<f4", "i8": "i1"}[kind]).tobytes()
    return {"shape": list(array.shape), kind: base64.b64encode(data).decode()}


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=None, separators=(",", ":"), sort_keys=False)
        file.write("\n")


# ------------------------------------------------------------------------------------------------ losses, per item
def kl(f, head, mode, temperature):
    """f [D] -> scalar: KL(softmax || uniform) (paper, eq. 6) or KL(uniform || softmax) (reference), summed over classes."""
    logits = torch.nn.functional.linear(torch.nn.functional.normalize(f, dim=-1), *head) / temperature
    logp = torch.log_softmax(logits - logits.mean(), -1)
    if mode == "paper":
        return (logp.exp() * logp).sum() + math.log(len(logp))
    return -logp.mean() - math.log(len(logp))


def simclr(f, head, negatives, mode, temperature):
    """f [V,D] of one item's views, negatives [N,L] -> scalar: InfoNCE (paper, eq. 5) averaged over the ordered positive pairs;
    reference divides only the positive similarity by the temperature."""
    z = torch.nn.functional.normalize(torch.nn.functional.linear(f, *head), dim=-1)
    scale, losses = temperature if mode == "paper" else 1.0, []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        rivals = torch.cat([z[others] @ z[i], negatives @ z[i]]) / scale
        losses += [torch.logsumexp(rivals, 0) - z[i] @ z[j] / temperature for j in others]
    return torch.stack(losses).mean()


def pooled(hidden, pooling):
    return hidden[0] if pooling == "first" else hidden.mean(0)


def gradient(weight, bias, loss):
    """-> [O,I+1]: the loss's gradient with respect to a layer's weight and, as the last column, its bias; [O,I] without one."""
    if bias is None:
        return torch.autograd.grad(loss, weight)[0]
    weight, bias = torch.autograd.grad(loss, [weight, bias])
    return torch.cat([weight, bias[:, None]], 1)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


# ------------------------------------------------------------------------------------------------- inputs from a seed
def draw_inputs(seed, vocabulary, begin=(1,), end=(2,), least=4):
    """-> texts: 5 id lists of lengths 3 to 12; views: for each of the first 3, V lists with some ids left out."""
    rng = np.random.default_rng(seed)
    fixed = len(begin) + len(end)
    texts = [[*begin, *rng.integers(least, vocabulary, n - fixed).tolist(), *end] for n in (7, 12, 9, 3, 5)]
    views = []
    for ids in texts[:3]:
        keep = [sorted(rng.choice(np.arange(1, len(ids) - 1), len(ids) - 2 - drop, replace=False).tolist()) for drop in (0, 1, 2, 3)]
        views.append([[ids[i] for i in (0, *k, len(ids) - 1)] for k in keep])
    return texts, views


def draw_head(width, dims, generator):
    """Drawn as torch.nn.Linear draws: weight and bias from U(-1/sqrt(D), 1/sqrt(D)); float32 values."""
    bound = 1 / math.sqrt(dims)
    draw = lambda *shape: (torch.rand(shape, generator=generator) * 2 - 1) * bound
    return draw(width, dims), draw(width)
