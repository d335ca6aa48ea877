#!/usr/bin/env python3
"""Golden fixture of principal component analysis: NumPy's full symmetric eigensolver on the float64 covariance.

    pip install numpy
    python3 scripts/golden/make_pca.py test/golden/fixtures/pca

`rows` [n,F] are float32, with a falling spectrum and means far from zero; n - 1 in the denominator; each component has its
largest-magnitude entry positive. Arrays as in test/golden/README.md. Two runs write the same bytes.
"""
import base64, json, os, sys
import numpy as np

SEED, N, F, P = 11, 90, 40, 6


def array(values, kind="f64"):
    values = np.ascontiguousarray(values, dtype={"f64": "<f8", "f32": "<f4"}[kind])
    return {"shape": list(values.shape), kind: base64.b64encode(values.tobytes()).decode()}


def main(out):
    rng = np.random.default_rng(SEED)
    basis = np.linalg.qr(rng.standard_normal((F, F)))[0]
    rows = (rng.standard_normal((N, F)) * np.arange(1, F + 1) ** -1.0) @ basis + rng.uniform(-300, 300, F)
    rows = rows.astype(np.float32)
    x = rows.astype(np.float64)
    mean = x.mean(0)
    covariance = (x - mean).T @ (x - mean) / (N - 1)
    values, vectors = np.linalg.eigh(covariance)
    components = vectors[:, ::-1][:, :P].T
    components *= np.sign(components[np.arange(P), np.abs(components).argmax(1)])[:, None]
    golden = {
        "numpy": np.__version__,
        "seed": SEED,
        "rows": array(rows, "f32"),
        "mean": array(mean),
        "components": array(components),
        "variance": array(values[::-1][:P]),
        "totalVariance": float(values.sum()),
        "transformed": array((x - mean) @ components.T),
    }
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/pca.json", "w", encoding="utf-8") as file:
        file.write(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
