#!/usr/bin/env python3
"""Golden fixtures of the evaluation's metrics and tests: scikit-learn's, scipy's and statsmodels' answers on random labels.

    pip install scikit-learn scipy statsmodels
    python3 scripts/golden/make_metrics.py test/golden/fixtures/metrics

metrics.json

    classes   {name, truth [n], predicted [n], labels [C], counts [C][C], support, precision, recall, f1 [C], macroF1,
              trueClasses, macroF1True (over the labels of the truth), balanced}
    rankings  {name, truth [n], neighbours [n][m] (labels, nearest first: the whole pool), scores [n][m], relevant [n], k,
              hit, share, recall [n], reciprocalRank [n], averagePrecision [n] (of the order given), tied [n] (of the scores),
              worst, best [n] (ties with the irrelevant first, and last)}

significance.json

    mcnemar   [onlyA, onlyB, exact, mid-p, chi-squared corrected, chi-squared plain]
    holm      [{p [m], adjusted [m]}]
    bootstrap {n, onlyA, onlyB, p}: p of the paired bootstrap with all resamples there are, from the exact distribution of the sum

Two runs write the same bytes.
"""
import json, os, sys, warnings
import numpy as np
import scipy, sklearn, statsmodels
from scipy.stats import binom, binomtest
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

SEED = 20240503


def classes(name, truth, predicted):
    labels = sorted(set(truth) | set(predicted))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    own = sorted(set(truth))
    return {
        "name": name, "truth": truth, "predicted": predicted, "labels": labels,
        "counts": metrics.confusion_matrix(truth, predicted, labels=labels).tolist(),
        "support": support.tolist(), "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(),
        "macroF1": float(metrics.f1_score(truth, predicted, average="macro", zero_division=0)),
        "trueClasses": own,
        "macroF1True": float(metrics.f1_score(truth, predicted, average="macro", labels=own, zero_division=0)),
        "balanced": float(metrics.balanced_accuracy_score(truth, predicted)),
    }


def ranking(name, rng, n, m, k, names, levels):
    """`levels`: how many different scores there are; None for all different. The order given breaks ties by row."""
    truth, pool = rng.choice(names, n).tolist(), rng.choice(names[:-1], m)
    out = {"name": name, "truth": truth, "neighbours": [], "scores": [], "relevant": [], "k": k, "hit": [], "share": [], "recall": [],
           "reciprocalRank": [], "averagePrecision": [], "tied": [], "worst": [], "best": []}
    for label in truth:
        scores = rng.permutation(m).astype(float) if levels is None else rng.integers(0, levels, m).astype(float)
        order = np.argsort(-scores, kind="stable")
        labels, scores = pool[order], scores[order]
        own, top, place = (labels == label).astype(int), (np.arange(m) < k).astype(int), -np.arange(m, dtype=float)
        first = np.zeros(m, int)
        first[own.argmax()] = 1
        ap = lambda score: float(metrics.average_precision_score(own, score))
        out["neighbours"].append(labels.tolist())
        out["scores"].append(scores.astype(int).tolist())
        out["relevant"].append(int(own.sum()))
        out["share"].append(float(metrics.precision_score(own, top, zero_division=0)))
        out["hit"].append(int((own & top).any()))
        out["recall"].append(float(metrics.recall_score(own, top, zero_division=0)))
        out["reciprocalRank"].append(float(metrics.label_ranking_average_precision_score([first], [place])) if own.any() else 0.0)
        out["averagePrecision"].append(ap(place))
        out["tied"].append(ap(scores))
        out["worst"].append(ap(scores - 0.5 * own + place / (2 * m)))
        out["best"].append(ap(scores + 0.5 * own + place / (2 * m)))
    return out


def tests(only_a, only_b):
    n = only_a + only_b
    table = [[7, only_a], [only_b, 5]]
    pmf = binom.pmf(np.arange(n + 1), n, 0.5)
    away, observed = np.abs(2 * np.arange(n + 1) - n), abs(only_a - only_b)
    return [only_a, only_b, float(binomtest(only_a, n, 0.5).pvalue), float(pmf[away > observed].sum() + pmf[away == observed].sum() / 2),
            float(mcnemar(table, exact=False, correction=True).pvalue), float(mcnemar(table, exact=False, correction=False).pvalue)]


def ideal_bootstrap(n, only_a, only_b):
    """Distribution of the sum of n draws of -1, 0, +1, as frequent as in the sample; index n is the sum 0."""
    step, total = np.array([only_a, n - only_a - only_b, only_b]) / n, np.array([1.0])
    for _ in range(n):
        total = np.convolve(total, step)
    return {"n": n, "onlyA": only_a, "onlyB": only_b, "p": float(min(1, 2 * min(total[: n + 1].sum(), total[n:].sum())))}


def write(path, fields):
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "sklearn": sklearn.__version__, "statsmodels": statsmodels.__version__}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({**versions, "seed": SEED, **fields}, separators=(",", ":")) + "\n")


def main(out):
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(SEED)
    names = [f"class {c}" for c in "abcdefg"]
    draw = lambda among, n: rng.choice(among, n).tolist()
    near = lambda truth, right: [label if rng.random() < right else rng.choice(names).item() for label in truth]
    truth = draw(names, 120)
    skewed = rng.choice(names, 150, p=np.array([64, 32, 16, 8, 4, 2, 1]) / 127).tolist()
    kinds = [
        classes("mostly right", truth, near(truth, 0.7)),
        classes("at random", draw(names, 60), draw(names, 60)),
        classes("skewed", skewed, near(skewed, 0.6)),
        classes("classes never predicted", draw(names, 60), draw(names[:3], 60)),
        classes("classes nobody has", draw(names[2:5], 60), draw(names, 60)),
        classes("one class, all right", ["a"] * 9, ["a"] * 9),
        classes("one class, some wrong", ["a"] * 9, ["a"] * 5 + ["b"] * 4),
        classes("all wrong", ["a", "b", "c"], ["b", "c", "a"]),
        classes("one item, wrong", ["a"], ["b"]),
    ]
    rankings = [
        ranking("all different", rng, 12, 25, 5, names[:5], None),
        ranking("ties", rng, 12, 25, 5, names[:5], 4),
        ranking("all tied", rng, 4, 10, 3, names[:3], 1),
        ranking("more asked than there are", rng, 4, 6, 10, names[:3], None),
        ranking("one class in the pool", rng, 6, 5, 2, names[:2], None),
    ]
    pairs = [(0, 1), (1, 0), (1, 1), (0, 5), (5, 5), (6, 5), (3, 9), (1, 12), (12, 13), (10, 15), (2, 23), (20, 36), (30, 62), (80, 81),
             (80, 120), (100, 100), (30, 170), (140, 141), (140, 180), (300, 300), (500, 590), (1000, 1400), (9000, 9300)]
    comparisons = [[0.01, 0.04, 0.03], [0.5], [0.04, 0.04, 0.04, 0.001], [1.0, 0.9, 0.0, 0.2], rng.random(12).tolist(), (rng.random(30) ** 4).tolist()]
    os.makedirs(out, exist_ok=True)
    write(f"{out}/metrics.json", {"classes": kinds, "rankings": rankings})
    write(f"{out}/significance.json", {
        "mcnemar": [tests(*pair) for pair in pairs],
        "holm": [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in comparisons],
        "bootstrap": [ideal_bootstrap(*sample) for sample in [(200, 20, 36), (200, 40, 30), (150, 10, 11), (100, 3, 14)]],
    })


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
