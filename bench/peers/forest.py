"""Random forests as users of scikit-learn grow them."""

import pathlib
import time

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from serve import serve, versions

sets = {}
fitted = {}


def classification(rows, width, classes):
    informative = min(width, 15)
    redundant = min(10, width - informative)
    return make_classification(rows, width, n_informative=informative, n_redundant=redundant, n_classes=classes, random_state=0)


def noise(rows, width, classes):
    random = np.random.RandomState(0)
    return random.randn(rows, width), random.randint(0, classes, rows)


def make(folder, jobs):
    """jobs: {name: {kind, rows, width, classes}}. Twice as many rows are drawn: the second half is to be predicted."""
    for name, job in jobs.items():
        x, y = globals()[job["kind"]](2 * job["rows"], job["width"], job["classes"])
        x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.uint32)
        x.tofile(pathlib.Path(folder, f"{name}.samples"))
        y.tofile(pathlib.Path(folder, f"{name}.labels"))
        n = job["rows"]
        sets[name] = (x[:n], y[:n], x[n:], y[n:])
    return {"versions": versions("scikit-learn", "numpy")}


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def fit(name, seed, threads, out_of_bag):
    x, y, _, _ = sets[name]
    forest = RandomForestClassifier(100, random_state=seed, n_jobs=threads, oob_score=out_of_bag)
    seconds, fitted[name] = timed(lambda: forest.fit(x, y))
    return {"seconds": seconds}


def predict(name):
    _, _, x, y = sets[name]
    seconds, probabilities = timed(lambda: fitted[name].predict_proba(x))
    return {"seconds": seconds, "accuracy": float((probabilities.argmax(1) == y).mean())}


serve({"make": make, "fit": fit, "predict": predict})
