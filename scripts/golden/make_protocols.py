#!/usr/bin/env python3
"""Golden fixtures of the evaluation protocols over feature matrices: scikit-learn's, scipy's and numpy's answers on random data.

    pip install scikit-learn scipy numpy
    python3 scripts/golden/make_protocols.py test/golden/fixtures/protocols

Arrays as in test/golden/README.md. Axes: n rows, P dimensions, C classes or clusters, q queries, k neighbours.

linear.json     minima   {name, start, point, value}: scipy's L-BFGS-B minimum
                quadratic {matrix [x,x], linear [x], minimum [x]}: of ½·xᵀAx − bᵀx
                fits     {name, rows [n,P] f32, labels [n], test [m,P] f32, l2, classes [C], weights [C,P], objective, predicted [m]}
cluster.json    agreement {name, truth [n], clusters [n], accuracy, nmi, ari}
                kmeans    {name, rows [n,P] f32, labels [n], clusters, inertia (the best of 50 runs)}
retrieval.json  {name, n, gnd [q]{easy, hard, junk}, ranks [q][n], easy, medium, hard: {ap [q] (null for NaN), map, mpk [3], prk [q][3]}}
segment.json    iou      {name, classes, ignore, truth [n], predicted [n], perClass [C] (null where absent), mean}
                decode   {queries [q,P] f32, bank [m,P] f32, shares [m,C] f32, k, temperature, decoded [q,C], grid [rows,columns],
                          height, width, upsampled [C,height,width], map [height·width]}
cka.json        {name, a [n,P] f32, b [n,Q] f32, cka}

The revisited Oxford and Paris measures and the patch decoder are written here from their published definitions, with whole arrays
where the library streams. Two runs write the same bytes.
"""
import base64, json, os, sys, warnings
import numpy as np
import scipy
import sklearn
from scipy.optimize import linear_sum_assignment, minimize, rosen, rosen_der
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, jaccard_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

SEED = 20240504


def array(values, kind):
    values = np.ascontiguousarray(values, {"f32": "<f4", "f64": "<f8"}[kind])
    return {"shape": list(values.shape), kind: base64.b64encode(values.tobytes()).decode()}


# --- linear ---------------------------------------------------------------------------------------------------------------------

def minima():
    out = []
    for name, start in (("rosenbrock-2", [-1.2, 1.0]), ("rosenbrock-6", [-1.0, 1.5, 0.3, -0.7, 2.0, 0.0])):
        end = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 0, "gtol": 1e-12})
        out.append({"name": name, "start": start, "point": end.x.tolist(), "value": float(end.fun)})
    return out


def quadratic(rng):
    """Condition number 100."""
    basis, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    matrix, linear = basis @ np.diag(np.logspace(0, 2, 12)) @ basis.T, rng.normal(size=12)
    return {"matrix": array(matrix, "f64"), "linear": array(linear, "f64"), "minimum": array(np.linalg.solve(matrix, linear), "f64")}


def mixture(rng, classes, n, dims, spread):
    centres = rng.normal(size=(classes, dims))
    codes = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    return (centres[codes] + spread * rng.normal(size=(n, dims))).astype(np.float32), codes


def fit(name, rng, classes, n, dims, spread, l2, length=None):
    """`length`: rows are brought to it, as features of blocks of unit length have it."""
    rows, codes = mixture(rng, classes, n + 60, dims, spread)
    if length is not None:
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True) * length).astype(np.float32)
    train, test = rows[:n].astype(np.float64), rows[n:].astype(np.float64)
    names = [f"class {c}" for c in range(classes)]
    labels = [names[c] for c in codes[:n]]
    # With two classes scikit-learn fits one vector w, here ±w/2: the same model where its penalty is half as large.
    penalty = l2 if classes > 2 else l2 / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it goes on until rounding stops its line search
        model = LogisticRegression(C=1 / (penalty * n), fit_intercept=False, tol=1e-12, max_iter=100_000, solver="newton-cg").fit(train, labels)
    weights = model.coef_ if classes > 2 else np.concatenate([-model.coef_ / 2, model.coef_ / 2])
    scores = train @ weights.T
    loss = scipy.special.logsumexp(scores, axis=1) - scores[np.arange(n), codes[:n]]
    gradient = (scipy.special.softmax(scores, axis=1) - np.eye(classes)[codes[:n]]).T @ train / n + l2 * weights
    assert np.abs(gradient).max() < 1e-9, (name, np.abs(gradient).max())
    return {
        "name": name, "rows": array(rows[:n], "f32"), "labels": labels, "test": array(rows[n:], "f32"), "l2": l2,
        "classes": model.classes_.tolist(), "weights": array(weights, "f64"),
        "objective": float(loss.mean() + l2 / 2 * (weights ** 2).sum()), "predicted": model.predict(test).tolist(),
    }


def linear(rng):
    return {
        "minima": minima(), "quadratic": quadratic(rng),
        "fits": [
            fit("five classes, strong penalty", rng, 5, 120, 8, 1.2, 5e-2),
            fit("five classes, the paper's largest penalty", rng, 5, 120, 8, 1.2, 5e-4),
            fit("seven classes of unit length, the paper's smallest penalty", rng, 7, 150, 12, 0.8, 5e-6, 1.0),
            fit("two classes", rng, 2, 60, 4, 1.5, 1e-3),
            fit("more dimensions than rows", rng, 3, 20, 30, 1.0, 1e-3),
        ],
    }


# --- cluster --------------------------------------------------------------------------------------------------------------------

def agreement(name, truth, clusters):
    table = contingency_matrix(truth, clusters)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "name": name, "truth": [str(label) for label in truth], "clusters": [int(c) for c in clusters],
        "accuracy": float(table[rows, columns].sum() / len(truth)),
        "nmi": float(normalized_mutual_info_score(truth, clusters)), "ari": float(adjusted_rand_score(truth, clusters)),
    }


def kmeans(name, rng, classes, n, dims, spread):
    rows, codes = mixture(rng, classes, n, dims, spread)
    best = KMeans(n_clusters=classes, n_init=50, random_state=0, tol=0, max_iter=1000).fit(rows.astype(np.float64))
    return {"name": name, "rows": array(rows, "f32"), "labels": [f"class {c}" for c in codes], "clusters": classes,
            "inertia": float(best.inertia_)}


def cluster(rng):
    truth = rng.integers(0, 6, 80)
    noisy = np.where(rng.random(80) < 0.3, rng.integers(0, 6, 80), (truth * 5 + 2) % 6)
    return {
        "agreement": [
            agreement("renamed, a third wrong", truth, noisy),
            agreement("chance", truth, rng.integers(0, 6, 80)),
            agreement("perfect but renamed", truth, (truth + 3) % 6),
            agreement("fewer clusters than classes", truth, truth % 3),
            agreement("more clusters than classes", truth, truth * 2 + rng.integers(0, 2, 80)),
            agreement("one cluster", truth, np.zeros(80, int)),
            agreement("every item a cluster", truth, np.arange(80)),
            # Greedy matching takes the largest entry first and is not the best here.
            agreement("greedy is worse", [0] * 10 + [1] * 9, [0] * 6 + [1] * 4 + [0] * 5 + [2] * 4),
        ],
        "kmeans": [
            kmeans("separable", rng, 8, 200, 6, 0.1),
            kmeans("overlapping", rng, 5, 250, 4, 0.9),
        ],
    }


# --- retrieval ------------------------------------------------------------------------------------------------------------------

def protocol(gnd, ranks, positive, ignored, ks=(1, 5, 10)):
    """Radenović et al. 2018, §5: the trapezoid under the precision-recall curve of a ranking from which some images are removed."""
    aps, precisions = [], []
    for truth, ranking in zip(gnd, ranks):
        wanted = {i for part in positive for i in truth[part]}
        dropped = {i for part in ignored for i in truth[part]}
        hits = np.array([i in wanted for i in ranking if i not in dropped])
        if not wanted:
            aps.append(np.nan)
            precisions.append([np.nan] * len(ks))
            continue
        found = np.cumsum(hits)
        places = np.flatnonzero(hits)
        before = [1.0 if place == 0 else found[place - 1] / place for place in places]
        after = [found[place] / (place + 1) for place in places]
        aps.append(sum((b + a) / 2 for b, a in zip(before, after)) / len(wanted))
        depths = [min(places[-1] + 1, k) for k in ks]
        precisions.append([hits[:depth].sum() / depth for depth in depths])
    blank = lambda value: None if np.isnan(value) else float(value)
    return {
        "ap": [blank(ap) for ap in aps], "map": float(np.nanmean(aps)), "mpk": np.nanmean(precisions, axis=0).tolist(),
        "prk": [[blank(p) for p in row] for row in precisions],
    }


def revisited(name, rng, n, queries, sizes):
    gnd, ranks = [], []
    for q in range(queries):
        drawn, start = rng.permutation(n), 0
        truth = {}
        for part, most in sizes.items():
            size = int(rng.integers(0, most + 1)) if q else 0 if part == "easy" else 1
            truth[part] = sorted(int(i) for i in drawn[start:start + size])
            start += size
        if not truth["easy"] and not truth["hard"]:
            truth["hard"] = [int(drawn[start])]
        gnd.append(truth)
        liked = np.isin(np.arange(n), truth["easy"] + truth["hard"])
        ranks.append(np.argsort(-(rng.random(n) + 0.4 * liked * rng.random()), kind="stable").tolist())
    return {
        "name": name, "n": n, "gnd": gnd, "ranks": ranks,
        "easy": protocol(gnd, ranks, ["easy"], ["junk", "hard"]),
        "medium": protocol(gnd, ranks, ["easy", "hard"], ["junk"]),
        "hard": protocol(gnd, ranks, ["hard"], ["junk", "easy"]),
    }


def retrieval(rng):
    return [
        revisited("few positives", rng, 40, 12, {"easy": 3, "hard": 3, "junk": 4}),
        revisited("many positives", rng, 60, 8, {"easy": 20, "hard": 15, "junk": 15}),
    ]


# --- segment --------------------------------------------------------------------------------------------------------------------

def iou(name, rng, classes, n, ignore, wrong, present):
    truth = rng.choice(present, n)
    predicted = np.where(rng.random(n) < wrong, rng.choice(present, n), truth)
    if ignore is not None:
        truth = np.where(rng.random(n) < 0.1, ignore, truth)
    kept = truth != ignore if ignore is not None else np.ones(n, bool)
    scores = jaccard_score(truth[kept], predicted[kept], labels=np.arange(classes), average=None, zero_division=0)
    there = np.isin(np.arange(classes), np.concatenate([truth[kept], predicted[kept]]))
    return {
        "name": name, "classes": classes, "ignore": ignore, "truth": truth.tolist(), "predicted": predicted.tolist(),
        "perClass": [float(s) if t else None for s, t in zip(scores, there)], "mean": float(scores[there].mean()),
    }


def interpolate(grid, height, width):
    """Bilinear, centres of pixels at halves, edges repeated: torch's `interpolate(mode="bilinear", align_corners=False)`."""
    rows, columns = grid.shape[:2]
    y = np.clip((np.arange(height) + 0.5) * rows / height - 0.5, 0, rows - 1)
    x = np.clip((np.arange(width) + 0.5) * columns / width - 0.5, 0, columns - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, rows - 1), np.minimum(left + 1, columns - 1)
    fy, fx = (y - top)[:, None, None], (x - left)[None, :, None]
    upper = grid[top][:, left] * (1 - fx) + grid[top][:, right] * fx
    lower = grid[bottom][:, left] * (1 - fx) + grid[bottom][:, right] * fx
    return upper * (1 - fy) + lower * fy


def decode(rng, rows, columns, height, width, bank, dims, classes, k, temperature):
    queries = rng.normal(size=(rows * columns, dims)).astype(np.float32)
    keys = (rng.normal(size=(bank, dims)) * rng.uniform(0.2, 5, (bank, 1))).astype(np.float32)
    shares = rng.dirichlet(np.full(classes, 0.3), bank).astype(np.float32)
    unit = lambda v: v.astype(np.float64) / np.linalg.norm(v.astype(np.float64), axis=1, keepdims=True)
    similarity = unit(queries) @ unit(keys).T
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    weights = scipy.special.softmax(np.take_along_axis(similarity, nearest, axis=1) / temperature, axis=1)
    decoded = np.einsum("qk,qkc->qc", weights, shares[nearest].astype(np.float64))
    upsampled = interpolate(decoded.reshape(rows, columns, classes), height, width)
    return {
        "queries": array(queries, "f32"), "bank": array(keys, "f32"), "shares": array(shares, "f32"), "k": k, "temperature": temperature,
        "decoded": array(decoded, "f64"), "grid": [rows, columns], "height": height, "width": width,
        "upsampled": array(upsampled.transpose(2, 0, 1), "f64"), "map": upsampled.argmax(axis=2).ravel().tolist(),
    }


def segment(rng):
    return {
        "iou": [
            iou("all classes", rng, 6, 400, None, 0.4, np.arange(6)),
            iou("an ignore label", rng, 6, 400, 255, 0.4, np.arange(6)),
            iou("absent classes", rng, 8, 300, 255, 0.3, np.array([0, 2, 3, 7])),
            iou("perfect", rng, 4, 100, None, 0.0, np.arange(4)),
        ],
        "decode": [
            decode(rng, 4, 5, 18, 20, 120, 8, 5, 30, 0.02),
            decode(rng, 3, 2, 12, 14, 60, 6, 3, 7, 0.1),
        ],
    }


# --- cka ------------------------------------------------------------------------------------------------------------------------

def linear_cka(a, b):
    """Kornblith et al. 2019, equations 3 and 4: HSIC of the two Gram matrices, centred by H."""
    n = len(a)
    centre = np.eye(n) - 1 / n
    hsic = lambda k, l: np.trace(k @ centre @ l @ centre) / (n - 1) ** 2
    k, l = a @ a.T, b @ b.T
    return float(hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l)))


def cka(rng):
    out = []
    for name, n, p, q, shared in (("wide", 12, 40, 30, 0.5), ("tall", 60, 5, 7, 0.5), ("one wide, one narrow", 20, 50, 3, 0.8),
                                  ("unrelated", 200, 4, 6, 0.0), ("far from the origin", 30, 6, 6, 0.5)):
        common = rng.normal(size=(n, min(p, q)))
        a, b = rng.normal(size=(n, p)), rng.normal(size=(n, q))
        a[:, :common.shape[1]] += 3 * shared * common
        b[:, :common.shape[1]] += 3 * shared * common
        if name == "far from the origin":
            a, b = a + 100, b - 50
        a, b = a.astype(np.float32), b.astype(np.float32)
        out.append({"name": name, "a": array(a, "f32"), "b": array(b, "f32"), "cka": linear_cka(a.astype(np.float64), b.astype(np.float64))})
    return out


def main(folder):
    os.makedirs(folder, exist_ok=True)
    about = {"numpy": np.__version__, "scipy": scipy.__version__, "sklearn": sklearn.__version__, "seed": SEED}
    parts = {"linear": linear, "cluster": cluster, "retrieval": retrieval, "segment": segment, "cka": cka}
    for i, (name, make) in enumerate(parts.items()):
        rng = np.random.default_rng([SEED, i])
        with open(os.path.join(folder, f"{name}.json"), "w") as file:
            json.dump({"made_by": about, "cases": make(rng)}, file, separators=(",", ":"))
            file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
