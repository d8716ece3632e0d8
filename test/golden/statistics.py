"""Golden values of SciPy, NumPy and scikit-learn for test/golden/statistics.test.ts.

    pip install scipy scikit-learn numpy      # SciPy 1.15 or later: how wilcoxon treats ties
    python test/golden/statistics.py          # writes statistics.json beside this file

NaN and infinities are null, "inf" and "-inf".
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.special import betainc
from scipy.stats import rankdata, t as student, ttest_rel, wilcoxon
from sklearn.metrics import auc, ndcg_score

warnings.simplefilter("ignore")  # constant differences, zeros only: the numbers are what is compared
rng = np.random.default_rng(20261121)


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, (np.integer, int)):
        return int(value)
    value = float(value)
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def distribution():
    for degrees in (1, 2, 3, 4, 9, 29, 30.5, 200, 5000):
        for t in (-3.0, -0.1, 0.0, 1e-3, 0.5, 1.0, 2.776, 6.0, 40.0, 1e4):
            yield {"degrees": degrees, "t": t, "tail": student.sf(t, degrees)}


def quantiles():
    for degrees in (1, 2, 4, 9, 29, 200):
        for p in (0.0005, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9999):
            yield {"degrees": degrees, "p": p, "quantile": student.ppf(p, degrees)}


def betas():
    for a, b in [(0.5, 0.5), (2, 3), (0.1, 7), (30, 0.5), (400, 500), (1, 1)]:
        for x in (0.0, 1e-6, 0.2, 0.44, 0.5, 0.9, 0.999999, 1.0):
            yield {"a": a, "b": b, "x": x, "value": betainc(a, b, x)}


def pairs(name, first, second):
    first, second = np.asarray(first, float), np.asarray(second, float)
    test = ttest_rel(first, second)
    interval = test.confidence_interval(0.9)
    ranked = wilcoxon(first, second)
    difference = first - second
    return {
        "name": name, "first": first, "second": second,
        "t": test.statistic, "p": test.pvalue, "low": interval.low, "high": interval.high,
        "statistic": ranked.statistic, "wilcoxon": ranked.pvalue, "ranks": rankdata(np.abs(difference)),
    }


def paired_cases():
    for n in (2, 3, 5, 10, 13, 14, 30, 50, 51, 80):
        # Multiples of 1/1024: differences that should tie do.
        shared = np.round(rng.normal(0.8, 0.05, n) * 1024) / 1024
        noise = rng.normal(0.01, 0.03, n)
        yield pairs(f"{n} pairs", shared + noise, shared)
        yield pairs(f"{n} pairs, ties", shared + np.round(noise * 64) / 64 + 1 / 1024, shared)
        yield pairs(f"{n} pairs, ties and zeros", shared + np.round(noise * 32) / 32, shared)
    yield pairs("all better", np.arange(1, 6) / 8 + 1, np.ones(5))
    yield pairs("the same difference", [1.5, 2.5, 3.5, 4.5], [1, 2, 3, 4])
    yield pairs("opposite differences", [1, 2, 3, 4], [2, 1, 4, 3])


def curves():
    for name, n in [("two points", 2), ("ragged", 7), ("long", 60)]:
        x = np.cumsum(rng.integers(1, 40, n)).astype(float)
        y = np.round(1 - 0.4 * np.exp(-x / 150) + rng.normal(0, 0.01, n), 6)
        low, high = x[0] + 0.3 * (x[-1] - x[0]), x[0] + 0.83 * (x[-1] - x[0])
        inside = x[(x > low) & (x < high)]
        cut = np.concatenate([[low], inside, [high]])
        at = np.linspace(x[0], x[-1], 9)
        yield {
            "name": name, "labelled": x, "values": y, "area": auc(x, y) / (x[-1] - x[0]),
            "from": low, "to": high, "partial": auc(cut, np.interp(cut, x, y)) / (high - low),
            "at": at, "interpolated": np.interp(at, x, y),
        }


def rankings():
    for size, p in [(2, 1), (5, 5), (12, 4), (40, 40), (40, 10)]:
        relevance = 1 + 0.5 * np.arange(size)[::-1]
        order = rng.permutation(size)  # order[i]: place in the reference of what is ranked at i
        scores = np.empty(size)
        scores[order] = np.arange(size)[::-1]
        yield {
            "size": size, "p": p, "order": order,
            "linear": ndcg_score([relevance], [scores], k=p),
            "exponential": ndcg_score([2**relevance - 1], [scores], k=p),
        }


golden = {
    "versions": {"scipy": scipy.__version__, "sklearn": sklearn.__version__, "numpy": np.__version__},
    "distribution": list(distribution()),
    "quantiles": list(quantiles()),
    "betas": list(betas()),
    "pairs": list(paired_cases()),
    "curves": list(curves()),
    "rankings": list(rankings()),
}
pathlib.Path(__file__).with_name("statistics.json").write_text(json.dumps(plain(golden)) + "\n")
