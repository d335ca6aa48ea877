#!/usr/bin/env python3
"""PyTorch beside us, driven by against-pytorch.ts: reads a task a line on standard input, answers with milliseconds.

    python3 bench/pytorch.py MODEL TEXTS.jsonl [simclr-texts]

Tasks: embed <batch> (length-sorted, sdpa, inference mode); kl, simclr: the released scripts' method: padded batches in file order,
the gradient of each sample's loss with respect to the target weight through hooks, every view encoded, dense +-1 projection left out.
"""
import json, math, random, sys, time
import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoTokenizer

torch.set_num_threads(2)
path, file = sys.argv[1:3]
few = int(sys.argv[3]) if len(sys.argv) > 3 else 64
texts = [json.loads(line)["text"] for line in open(file, encoding="utf-8")]
tokenizer = AutoTokenizer.from_pretrained(path)
model = AutoModel.from_pretrained(path, attn_implementation="sdpa").eval()
mean = any("mean" in k and v is True for k, v in (json.load(open(f"{path}/1_Pooling/config.json")).items() if __import__("os").path.exists(f"{path}/1_Pooling/config.json") else {}))
target = model.encoder.layer[-1].attention.output.dense
D = model.config.hidden_size
head, wide = torch.nn.Linear(D, 768).requires_grad_(False), torch.nn.Linear(D, 256).requires_grad_(False)
negatives = F.normalize(torch.randn(512, 256), dim=1)


def pooled(t, hidden):
    if not mean:
        return hidden[:, 0]
    mask = t["attention_mask"][..., None].float()
    return (hidden * mask).sum(1) / mask.sum(1)


order = sorted(texts, key=lambda s: len(tokenizer.tokenize(s)), reverse=True)  # not timed


def embed(batch):
    with torch.inference_mode():
        for i in range(0, len(order), batch):
            t = tokenizer(order[i:i + batch], padding=True, truncation=True, return_tensors="pt")
            pooled(t, model(**t).last_hidden_state)


def gradients(groups, loss, batch):
    """Per-sample gradients by hooks: the target's input and output gradient, then one einsum a sample."""
    model.requires_grad_(False)
    target.requires_grad_(True)
    caught = {}
    h1 = target.register_forward_hook(lambda m, i, o: caught.update(x=i[0]))
    h2 = target.register_full_backward_hook(lambda m, gi, go: caught.update(d=go[0]))
    for i in range(0, len(groups), batch):
        chunk = groups[i:i + batch]
        t = tokenizer([s for g in chunk for s in g], padding=True, truncation=True, return_tensors="pt")
        z = pooled(t, model(**t).last_hidden_state).view(len(chunk), len(chunk[0]), -1)
        loss(z).backward()
        v = len(chunk[0])
        x, d = (caught[k].reshape(len(chunk), -1, caught[k].shape[-1]) for k in ("x", "d"))
        torch.einsum("bto,bti->boi", d, x)
        target.zero_grad()
    h1.remove()
    h2.remove()


def kl_loss(z):
    logp = F.log_softmax(head(F.normalize(z[:, 0], dim=-1)) / 15, -1)
    return (logp.exp() * logp).sum()


def simclr_loss(z):
    total = 0
    for v in F.normalize(wide(z), dim=-1):
        s = v @ v.T / 0.07
        own = torch.eye(len(v), dtype=torch.bool)
        every = torch.logsumexp(torch.cat([s.masked_fill(own, -1e4), v @ negatives.T / 0.07], 1), 1)
        total = total + (every - s.masked_fill(own, 0).sum(1) / (len(v) - 1)).mean()
    return total


def delete(text, rng):
    kept = [w for w in text.split() if rng.random() >= 0.1]
    return " ".join(kept) or text


rng = random.Random(0)
tasks = {
    "embed": lambda batch: embed(int(batch)),
    "kl": lambda batch: gradients([[t] for t in texts], kl_loss, int(batch)),
    "simclr": lambda batch: (gradients([[t] for t in texts[:few]], kl_loss, 64), gradients([[delete(t, rng) for _ in range(12)] for t in texts[:few]], simclr_loss, int(batch))),
}
print("ready", flush=True)
for line in sys.stdin:
    name, batch = line.split()
    began = time.perf_counter()
    tasks[name](batch)
    print((time.perf_counter() - began) * 1000, flush=True)
