#!/usr/bin/env python3
"""Golden fixture of linear discriminant analysis with shrinkage: scikit-learn's LinearDiscriminantAnalysis(solver="eigen").

    pip install scikit-learn numpy
    python3 scripts/golden/make_lda.py test/golden/fixtures/lda

`rows` [n,F] are float32, of C classes of unequal size around means far from zero; `codes` [n]. Of each case (a shrinkage, on the first
`n` rows) `coefficients` [C,F], class means times the inverse of the shrunk scatter within classes, and `gram` [n,n], inner products of the
rows less their mean in the space of the class means under that inverse: what is left of a reduction when it is turned. Without shrinkage
scikit-learn's own `transform` gives the same, which the script asserts; with shrinkage it shrinks the scatter between classes too, so that
its directions are others, and the inner products are made of its coefficients. Arrays as in test/golden/README.md. Two runs write the
same bytes.
"""
import base64, json, os, sys
import numpy as np
import sklearn
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

SEED, N, F, C = 12, 90, 24, 5
# Shrinkage, rows: the last has fewer rows than features, and a class of one.
CASES = [(0.0, 90), (0.05, 90), (0.2, 90), (0.95, 90), (0.4, 18)]


def array(values, kind="f64"):
    values = np.ascontiguousarray(values, dtype={"f64": "<f8", "f32": "<f4"}[kind])
    return {"shape": list(values.shape), kind: base64.b64encode(values.tobytes()).decode()}


def main(out):
    rng = np.random.default_rng(SEED)
    codes = np.sort(rng.choice(C, N, p=[0.4, 0.25, 0.2, 0.1, 0.05]))
    codes = codes[rng.permutation(N)]
    codes[:18] = [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 0, 1, 4, 0, 3, 0, 1, 2]
    basis = np.linalg.qr(rng.standard_normal((F, F)))[0]
    means = rng.standard_normal((C, F)) * 0.8
    rows = (rng.standard_normal((N, F)) * np.arange(1, F + 1) ** -0.7) @ basis + means[codes] + rng.uniform(-30, 30, F)
    rows = rows.astype(np.float32)
    cases = []
    for shrinkage, n in CASES:
        x, y = rows[:n].astype(np.float64), codes[:n]
        lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage).fit(x, y)
        centred = x - x.mean(0)
        class_means = np.stack([x[y == c].mean(0) for c in range(C)]) - x.mean(0)
        # What scikit-learn calls coefficients is of class means that are not centred.
        inverse = lda.scalings_ @ lda.scalings_.T
        assert np.allclose(lda.coef_, lda.means_ @ inverse)
        coefficients = class_means @ inverse
        inner = centred @ coefficients.T
        gram = inner @ np.linalg.pinv(class_means @ coefficients.T, rcond=1e-10) @ inner.T
        if shrinkage == 0:
            transformed = lda.transform(x)
            transformed -= transformed.mean(0)
            assert np.allclose(gram, transformed @ transformed.T)
        cases.append({"shrinkage": shrinkage, "n": n, "coefficients": array(coefficients), "gram": array(gram)})
    golden = {
        "sklearn": sklearn.__version__,
        "numpy": np.__version__,
        "seed": SEED,
        "rows": array(rows, "f32"),
        "codes": codes.tolist(),
        "cases": cases,
    }
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/lda.json", "w", encoding="utf-8") as file:
        file.write(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
