"""Golden accuracies, importances and trees of scikit-learn's forests, for test/golden/forest.test.ts.

    pip install scikit-learn numpy
    python test/golden/forest.py      # writes forest.json beside this file; a few minutes

The classic sets as scikit-learn ships them, in its order, as float32. Folds are fixed (StratifiedKFold) and in the file;
each figure is a mean over seeds of the forest, with the standard deviation between seeds. Trees are deterministic
ones: all samples, all features, and the same for ten random states (which shuffle features, hence break ties).
Arrays are base64 of zlib of little-endian bytes.
"""

import base64
import json
import pathlib
import zlib

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

SEEDS = 20
loaders = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}


def encode(array, dtype):
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array, dtype).tobytes(), 9)).decode()


def summary(values):
    return {"mean": round(float(np.mean(values)), 6), "deviation": round(float(np.std(values, ddof=1)), 6)}


def forest(seed, **options):
    return RandomForestClassifier(random_state=seed, n_jobs=1, **options)


def cross_validated(x, y, folds, seed, **options):
    """Share of all samples that forests fitted on the other folds classify rightly."""
    right = 0
    for fold in range(5):
        held = folds == fold
        right += (forest(seed, **options).fit(x[~held], y[~held]).predict(x[held]) == y[held]).sum()
    return right / len(y)


def tree(x, y, **options):
    """Nodes depth first, left before right: feature (-1: leaf), threshold (rounded down to float32), class weights."""
    grown = [DecisionTreeClassifier(random_state=seed, **options).fit(x, y).tree_ for seed in range(10)]
    first = grown[0]
    for other in grown[1:]:
        if not (np.array_equal(first.feature, other.feature) and np.array_equal(first.threshold, other.threshold)):
            return None
    nodes = []
    for n in range(first.node_count):
        leaf = first.children_left[n] < 0
        threshold = np.float32(first.threshold[n])
        if threshold > first.threshold[n]:
            threshold = np.nextafter(threshold, np.float32(-np.inf))
        counts = np.rint(first.value[n, 0] * first.n_node_samples[n]).astype(int).tolist()
        nodes.append({"feature": -1, "counts": counts} if leaf else {"feature": int(first.feature[n]), "threshold": float(threshold)})
    importances = [round(float(v), 9) for v in first.compute_feature_importances()]
    return {"options": options, "nodes": nodes, "importances": importances}


def golden(load):
    x, y = load(return_X_y=True)
    x = x.astype(np.float32)
    folds = np.zeros(len(y), np.uint8)
    for fold, (_, held) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)):
        folds[held] = fold
    variants = [{}, {"criterion": "entropy", "max_depth": 4, "min_samples_leaf": 3}]
    fitted = [forest(seed, oob_score=True).fit(x, y) for seed in range(SEEDS)]
    trees = [
        tree(x, y, criterion=criterion, max_depth=depth, min_samples_leaf=leaf)
        for criterion in ("gini", "entropy")
        for depth, leaf in [(2, 1), (4, 8), (6, 25)]
    ]
    return {
        "rows": len(y),
        "width": x.shape[1],
        "classes": int(y.max()) + 1,
        "samples": encode(x, "<f4"),
        "labels": encode(y, "u1"),
        "folds": encode(folds, "u1"),
        "outOfBag": summary([f.oob_score_ for f in fitted]),
        "importances": [round(float(v), 6) for v in np.mean([f.feature_importances_ for f in fitted], 0)],
        "crossValidated": [{"options": v, **summary([cross_validated(x, y, folds, s, **v) for s in range(SEEDS)])} for v in variants],
        "trees": [t for t in trees if t],
    }


if __name__ == "__main__":
    sets = {}
    for name, load in loaders.items():
        sets[name] = golden(load)
        print(name, sets[name]["outOfBag"], sets[name]["crossValidated"], len(sets[name]["trees"]), "trees")
    out = pathlib.Path(__file__).with_name("forest.json")
    out.write_text(json.dumps({"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__}, "seeds": SEEDS, "sets": sets}) + "\n")
