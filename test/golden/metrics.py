"""Golden metrics of scikit-learn (and SciPy's normal distribution), for test/golden/metrics.test.ts.

    pip install scikit-learn numpy scipy
    python test/golden/metrics.py      # writes metrics.json beside this file

Inputs are float32 values, so that their decimals are exact and short. NaN and infinities are null, "inf" and "-inf".
Undefined metrics are asked for as NaN (zero_division, replace_undefined_by); a metric that scikit-learn refuses, or for which
it warns and makes a number up (AUC of one class, average precision without positives), is left out of the file.
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import norm
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(20261121)


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return value
    if isinstance(value, (np.integer, int)):
        return int(value)
    value = float(value)
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def attempt(function, *arguments, **options):
    """None where the package refuses or warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return function(*arguments, **options)
        except (ValueError, Warning):
            return None


def without_missing(record):
    return {k: v for k, v in record.items() if v is not None}


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True)).astype(np.float32).astype(np.float64)


# --- decisions -------------------------------------------------------------------------------------------------------


def decisions(name, truth, predicted, classes):
    truth, predicted, labels = np.asarray(truth), np.asarray(predicted), np.arange(classes)
    each = {"labels": labels, "average": None, "zero_division": np.nan}
    counts = m.confusion_matrix(truth, predicted, labels=labels)
    # Specificity of a class is the recall of "not this class".
    specificity = [m.recall_score(truth != k, predicted != k, zero_division=np.nan) for k in labels]
    kappa = {w or "none": m.cohen_kappa_score(truth, predicted, labels=labels, weights=w, replace_undefined_by=np.nan)
             for w in (None, "linear", "quadratic")}
    return {
        "name": name, "classes": classes, "labels": truth, "predictions": predicted, "confusion": counts,
        "accuracy": m.accuracy_score(truth, predicted),
        "balancedAccuracy": m.balanced_accuracy_score(truth, predicted),
        "precision": m.precision_score(truth, predicted, **each),
        "recall": m.recall_score(truth, predicted, **each),
        "f1": m.f1_score(truth, predicted, **each),
        "macroF1": m.f1_score(truth, predicted, **{**each, "average": "macro"}),
        "macroPrecision": m.precision_score(truth, predicted, **{**each, "average": "macro"}),
        "specificity": specificity, "kappa": kappa,
    }


def decision_cases():
    for classes, size in [(2, 60), (3, 50), (5, 200)]:
        truth = rng.integers(0, classes, size)
        predicted = np.where(rng.random(size) < 0.6, truth, rng.integers(0, classes, size))
        yield decisions(f"random, {classes} classes", truth, predicted, classes)
    yield decisions("class absent from labels", [0, 0, 1, 1, 3], [0, 2, 1, 3, 3], 4)
    yield decisions("class never predicted", [0, 1, 2, 2], [0, 1, 1, 0], 3)
    yield decisions("class in neither", [0, 1, 1, 0], [0, 1, 0, 0], 3)
    yield decisions("perfect", [0, 1, 2, 0], [0, 1, 2, 0], 3)
    yield decisions("all wrong", [0, 1, 0, 1], [1, 0, 1, 0], 2)
    yield decisions("constant prediction", [0, 1, 0, 1, 1], [1, 1, 1, 1, 1], 2)
    yield decisions("one class only", [1, 1, 1], [1, 0, 1], 2)
    yield decisions("single sample", [1], [1], 2)


# --- scores of two classes -------------------------------------------------------------------------------------------


def ranked(name, labels, scores):
    labels, scores = np.asarray(labels), np.asarray(scores, np.float32).astype(np.float64)
    curve = attempt(m.roc_curve, labels, scores, drop_intermediate=False)
    pr = attempt(m.precision_recall_curve, labels, scores, drop_intermediate=False)
    return without_missing({
        "name": name, "labels": labels, "scores": scores,
        "auc": attempt(m.roc_auc_score, labels, scores),
        "averagePrecision": attempt(m.average_precision_score, labels, scores),
        "roc": curve and dict(zip(("falsePositiveRate", "truePositiveRate", "thresholds"), curve)),
        "precisionRecall": pr and dict(zip(("precision", "recall", "thresholds"), pr)),
    })


def ranked_cases():
    labels = (rng.random(80) < 0.4).astype(int)
    scores = rng.normal(size=80) + labels
    yield ranked("random", labels, scores)
    yield ranked("ties", labels, np.round(scores * 2) / 2)
    yield ranked("two values", labels, scores > 0)
    yield ranked("rare positives", (np.arange(300) % 97 == 5).astype(int), rng.normal(size=300))
    yield ranked("constant", [0, 1, 1, 0, 1], [0.5] * 5)
    yield ranked("perfect", [0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9])
    yield ranked("reversed", [1, 1, 0, 0], [0.1, 0.2, 0.6, 0.9])
    yield ranked("no positives", [0, 0, 0], [0.1, 0.2, 0.6])
    yield ranked("no negatives", [1, 1, 1], [0.1, 0.2, 0.6])
    yield ranked("single sample", [1], [0.7])
    yield ranked("negative zero", [0, 1, 1], [0.0, -0.0, 1.0])


# --- probabilities ---------------------------------------------------------------------------------------------------


def top_label(p, labels, bins, strategy):
    """Calibration error of the highest probability, from calibration_curve's own bins."""
    return binned(p.max(1), (p.argmax(1) == labels).astype(int), bins, strategy)


def binned(confidence, outcome, bins, strategy):
    frequency, mean = calibration_curve(outcome, confidence, n_bins=bins, strategy=strategy)
    edges = np.linspace(0, 1, bins + 1)
    if strategy == "quantile":
        edges = np.percentile(confidence, edges * 100)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=bins)
    counts = counts[counts > 0]
    return {"frequency": frequency, "confidence": mean, "counts": counts,
            "error": (counts * np.abs(frequency - mean)).sum() / counts.sum()}


def probable(name, labels, p):
    labels, p = np.asarray(labels), np.asarray(p, np.float32).astype(np.float64)
    classes = p.shape[1]
    every = np.arange(classes)
    outcome = labels[:, None] == every
    binary = classes == 2
    all_there = len(np.unique(labels)) == classes
    # roc_auc_score wants rows that sum to 1 within 1e-8; order within a column is what counts, so each class by itself.
    auc = [attempt(m.roc_auc_score, outcome[:, k], p[:, k]) for k in every]
    exact = p / p.sum(1, keepdims=True)
    return without_missing({
        "name": name, "classes": classes, "labels": labels, "probabilities": p,
        "logLoss": m.log_loss(labels, p, labels=every),
        "exact": exact,
        "exactBrier": m.brier_score_loss(labels, exact, labels=every),
        "exactOneVsRest": attempt(m.roc_auc_score, labels, exact, multi_class="ovr") if all_there and not binary else None,
        "exactOneVsOne": attempt(m.roc_auc_score, labels, exact, multi_class="ovo") if all_there and not binary else None,
        "auc": [math.nan if a is None else a for a in auc],
        "width": top_label(p, labels, 10, "uniform"),
        "mass": top_label(p, labels, 7, "quantile"),
    })


def probable_cases():
    for classes, size in [(2, 60), (3, 90), (6, 240)]:
        labels = rng.integers(0, classes, size)
        logits = rng.normal(size=(size, classes)) + 1.5 * (labels[:, None] == np.arange(classes))
        yield probable(f"random, {classes} classes", labels, softmax(logits))
        yield probable(f"rounded, {classes} classes", labels, np.round(softmax(logits) * 8) / 8 if classes == 2 else softmax(np.round(logits)))
    yield probable("absent class", [0, 0, 1, 1, 0], softmax(rng.normal(size=(5, 3))))
    yield probable("certain and wrong", [0, 1, 1], [[0, 1], [0, 1], [1, 0]])
    yield probable("perfect", [0, 1, 2], np.eye(3))
    yield probable("constant", [0, 1, 2, 0], np.full((4, 3), 1 / 3))
    yield probable("single sample", [1], [[0.3, 0.7]])


def labelled():
    """Several labels per sample; the last label is absent, the last but one everywhere."""
    truth = (rng.random((70, 5)) < [0.3, 0.5, 0.1, 0, 0]).astype(int)
    truth[:, 3] = 1
    p = (1 / (1 + np.exp(-rng.normal(size=truth.shape) - 2 * truth + 1))).astype(np.float32).astype(np.float64)
    predicted = (p >= 0.5).astype(int)
    each = {"average": None, "zero_division": np.nan}
    return {
        "classes": 5, "labels": truth, "probabilities": p,
        "auc": [math.nan if (a := attempt(m.roc_auc_score, truth[:, k], p[:, k])) is None else a for k in range(5)],
        "f1": m.f1_score(truth, predicted, **each),
        "precision": m.precision_score(truth, predicted, **each),
        "recall": m.recall_score(truth, predicted, **each),
        "exactMatch": m.accuracy_score(truth, predicted),
        "accuracy": 1 - m.hamming_loss(truth, predicted),
        "logLoss": m.log_loss(truth.ravel(), p.ravel(), labels=[0, 1]),
        "brier": m.brier_score_loss(truth.ravel(), p.ravel()),
        "calibrationError": binned(p.ravel(), truth.ravel(), 15, "uniform")["error"],
    }


def masks():
    for name, shares in [("random", (0.3, 0.6)), ("sparse", (0.02, 0.02)), ("empty prediction", (0, 0.5)), ("full", (1, 0.5))]:
        a, b = ((rng.random(400) < share).astype(int) for share in shares)
        yield {"name": name, "predicted": a, "truth": b, "dice": m.f1_score(b, a), "iou": m.jaccard_score(b, a)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # undefined cases are the point
    points = [-37.5, -8.0, -3.0, -1.96, -0.5, 0.0, 1e-9, 0.25, 1.0, 2.999, 3.0, 3.5, 6.0, 12.0, 37.0]
    shares = [1e-300, 1e-12, 0.025, 0.1, 0.3, 0.5, 0.6, 0.975, 0.9995]
    golden = {
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "scipy": scipy.__version__},
        "decisions": list(decision_cases()),
        "ranked": list(ranked_cases()),
        "probable": list(probable_cases()),
        "labelled": labelled(),
        "masks": list(masks()),
        "normal": {"points": points, "upperTail": norm.sf(points), "shares": shares, "quantiles": norm.ppf(shares)},
    }
    versions = golden.pop("versions")
    text = ",\n".join(f'"{name}": {json.dumps(plain(part))}' for name, part in golden.items())
    out = pathlib.Path(__file__).with_name("metrics.json")
    out.write_text('{"versions": ' + json.dumps(versions) + ",\n" + text + "}\n")
    print(out.stat().st_size, "bytes")
