"""
Distils the teacher into the student: WORK/student.pt.

    python train.py MINILM WORK [steps]

Goes on from WORK/checkpoint.pt where there is one; then `steps` may be another number, as long as the rate had not begun to fall.

The target of a text is the teacher's vector in its first 256 principal directions. Token vectors begin as the teacher's vectors of the
tokens, weighted by how rare they are (SIF), so that their mean is a fair sentence vector before the first step. The loss of a batch:
1 - cosine to the target, the squared error of all similarities within the batch, and the divergence of its softmax rows, which weighs
who a text's neighbours are. Half of the batches come from one source, whose texts are close to each other.
"""
import json
import os
import sys
import time

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from student import Shape, Student
from teach import HAS_BFLOAT16, Teacher

SEED = 20260101
STEPS = 11000
TOKENS_A_BATCH = 2560
LARGEST_BATCH = 256
# Mean length of the token vectors at the start. Blocks read normalised states, and add what they learn to all tokens alike, which a mean
# does not level out: beside short token vectors their first steps drown the sentence.
LENGTH = 48.0
RATE = 8e-4
RATE_OF_TOKENS = 1e-2
WARM_UP = 150
# The part of the steps at the end in which the rate falls to 0.
FALL = 0.4
TEMPERATURE = 0.05
# Epochs that a source counts as, beside 1 of the others.
WEIGHTS = {"banking77": 3, "snips": 2, "sms_spam": 2, "questions": 1.5, "wordnet-glosses": 0.5, "botocore": 0.4, "factbook": 0.5, "jargon": 0.5,
           "wordnet-words": 0.5, "passages": 0.4}


def load(work):
    """Token ids of all texts, their teacher vectors [N,384], and the source of each."""
    tokenizer = Tokenizer.from_file(f"{work}/tokenizer.json")
    ids, vectors, sources, names = [], [], [], []
    for name in sorted(n[:-4] for n in os.listdir(f"{work}/teacher") if n.endswith(".npy")):
        with open(f"{work}/texts/{name}.txt", encoding="utf-8") as file:
            texts = file.read().split("\n")[:-1]
        part = np.load(f"{work}/teacher/{name}.npy")
        assert len(part) == len(texts), name
        for start in range(0, len(texts), 10000):
            ids += [np.array(e.ids, np.int16) for e in tokenizer.encode_batch(texts[start:start + 10000])]
        vectors.append(part)
        sources += [len(names)] * len(texts)
        names.append(name)
    return tokenizer, ids, np.concatenate(vectors), np.array(sources), names


def directions(vectors, width):
    """The principal directions of the vectors about the origin, [384, width], and the share of their energy."""
    v = vectors.astype(np.float32)
    values, basis = np.linalg.eigh(v.T @ v)
    return basis[:, ::-1][:, :width].copy(), values[::-1][:width].sum() / values.sum()


def token_vectors(minilm, tokenizer, ids, basis):
    """Teacher vectors of single tokens in the principal directions, weighted by SIF, [tokens, width]."""
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    vectors = Teacher(minilm).embed([t.removeprefix("##") for t in tokens]).astype(np.float32)
    vectors -= vectors.mean(0)
    uses = np.bincount(np.concatenate(ids), minlength=len(tokens)) + 1.0
    weight = 1e-3 / (1e-3 + uses / uses.sum())
    start = vectors @ basis * weight[:, None]
    start[[i for i, t in enumerate(tokens) if t in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")]] = 0
    return LENGTH * start / np.linalg.norm(start, axis=1).mean()


def batches(ids, sources, random):
    """Endless batches of row numbers, of about one length each."""
    lengths = np.array([len(i) for i in ids])
    weights = np.array([WEIGHTS.get(name, 1.0) for name in batches.names])[sources]
    while True:
        count = np.floor(weights + random.random(len(weights))).astype(int)
        rows = np.repeat(np.arange(len(ids)), count)
        random.shuffle(rows)
        half = len(rows) // 2
        pools = list(np.array_split(rows[:half], max(1, half // 12000)))
        for source in np.unique(sources):
            own = rows[half:][sources[rows[half:]] == source]
            pools += list(np.array_split(own, max(1, len(own) // 3000)))
        found = []
        for pool in pools:
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            start = 0
            while start < len(pool):
                size = LARGEST_BATCH
                while size > 8 and lengths[pool[min(start + size, len(pool)) - 1]] * size > TOKENS_A_BATCH:
                    size = size * 3 // 4
                if len(pool) - start >= 16:
                    found.append(pool[start:start + size])
                start += size
        random.shuffle(found := np.array(found, dtype=object))
        yield from found


def padded(ids, rows):
    width = max(len(ids[r]) for r in rows)
    out, mask = np.zeros((len(rows), width), np.int64), np.zeros((len(rows), width), np.int64)
    for i, r in enumerate(rows):
        out[i, :len(ids[r])], mask[i, :len(ids[r])] = ids[r], 1
    return torch.from_numpy(out), torch.from_numpy(mask)


def loss_of(student, target, teacher):
    """student, target [B,256] of unit length; teacher [B,384]."""
    cosine = (1 - (student * target).sum(1)).mean()
    ours, theirs = student @ student.T, teacher @ teacher.T
    relation = (ours - theirs).pow(2).mean()
    off = torch.eye(len(ours), dtype=torch.bool)
    rows = F.kl_div((ours / TEMPERATURE).masked_fill(off, -1e4).log_softmax(1), (theirs / TEMPERATURE).masked_fill(off, -1e4).log_softmax(1),
                    log_target=True, reduction="batchmean")
    return cosine + 5 * relation + 0.15 * rows, (cosine.item(), relation.item(), rows.item())


def main(minilm, work, steps=STEPS):
    steps = int(steps)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random = np.random.default_rng(SEED)
    tokenizer, ids, vectors, sources, names = load(work)
    batches.names = names
    basis, energy = directions(vectors, Shape().width)
    np.save(f"{work}/basis.npy", basis)
    model = Student(Shape(tokens=tokenizer.get_vocab_size()))
    if not os.path.exists(f"{work}/start.npy"):
        np.save(f"{work}/start.npy", token_vectors(minilm, tokenizer, ids, basis).astype(np.float32))
    model.words.weight.data = torch.from_numpy(np.load(f"{work}/start.npy"))
    print(f"{len(ids)} texts, {sum(map(len, ids))} tokens; {energy:.4f} of the teacher's energy in {Shape().width} directions", flush=True)
    of_tokens = [model.words.weight, model.places]
    of_blocks = list(model.blocks.parameters())
    optimizer = torch.optim.AdamW([{"params": [p for p in of_blocks if p.dim() == 2], "peak": RATE, "weight_decay": 0.01},
                                   {"params": [p for p in of_blocks if p.dim() != 2], "peak": RATE, "weight_decay": 0.0},
                                   {"params": of_tokens, "peak": RATE_OF_TOKENS, "weight_decay": 0.0}], betas=(0.9, 0.98), fused=True)
    target_basis = torch.from_numpy(basis)
    began, seen, sums, first = time.time(), 0, np.zeros(3), 0
    checkpoint = f"{work}/checkpoint.pt"
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    for step, rows in enumerate(batches(ids, sources, random)):
        if step < first:
            seen += len(rows)
            continue
        part = min(1, (step + 1) / WARM_UP, (steps - step) / (FALL * steps))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * part
        token_ids, mask = padded(ids, rows)
        teacher = torch.from_numpy(vectors[rows].astype(np.float32))
        target = F.normalize(teacher @ target_basis, dim=-1)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=HAS_BFLOAT16):
            out = model(token_ids, mask)
        loss, parts = loss_of(out.float(), target, teacher)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen += len(rows)
        sums += parts
        if (step + 1) % 50 == 0:
            print(json.dumps({"step": step + 1, "texts": seen, "seconds": round(time.time() - began), "similarity": round(1 - sums[0] / 50, 4),
                              "relation": round(sums[1] / 50, 5), "rows": round(sums[2] / 50, 4)}), flush=True)
            sums[:] = 0
        if (step + 1) % 250 == 0:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, checkpoint)
        if step + 1 >= steps:
            torch.save(model.state_dict(), f"{work}/student.pt")
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
