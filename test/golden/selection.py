"""Golden figures of scikit-learn and SciPy for test/golden/selection.test.ts.

    pip install scikit-learn scipy numpy
    python test/golden/selection.py      # writes selection.json beside this file; seconds

Samples are float32 values in float64, so that both sides start from the same numbers. k-means++ gets a random state that
writes down the uniform numbers it gives: the test replays them, and the same samples must be drawn.
"""

import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import entropy
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

warnings.simplefilter("error", RuntimeWarning)


class Recorder(np.random.RandomState):
    def __init__(self, seed):
        super().__init__(seed)
        self.given = []

    def choice(self, count, p=None):
        """Of samples of equal weight, as RandomState does it."""
        assert np.allclose(p, 1 / count)
        self.given.append(self.random_sample())
        return int(self.given[-1] * count)

    def uniform(self, size):
        values = self.random_sample(size)
        self.given += list(values)
        return values


def float32(x):
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def blobs(rng, rows, width, centres):
    middle = rng.normal(scale=3, size=(centres, width))
    return middle[rng.integers(centres, size=rows)] + rng.normal(size=(rows, width))


def seedings(x):
    for clusters, trials in [(3, 1), (8, 1), (8, None), (25, None)]:
        state = Recorder(clusters)
        _, rows = kmeans_plusplus(x, clusters, random_state=state, n_local_trials=trials)
        yield {
            "clusters": clusters,
            "trials": trials or 2 + int(np.log(clusters)),
            "uniform": state.given,
            "rows": rows.tolist(),
        }


def lloyd(x, start, **options):
    found = KMeans(len(start), init=start, n_init=1, algorithm="lloyd", **options).fit(x)
    return {
        "start": start.tolist(),
        "options": options,
        "labels": found.labels_.tolist(),
        "centres": np.round(found.cluster_centers_, 7).tolist(),
        "inertia": found.inertia_,
    }


def clustering(x, rng):
    start = x[rng.choice(len(x), 6, replace=False)]
    far = start.copy()
    far[2] += 1000
    far[4] -= 1000
    best = [KMeans(6, n_init=10, random_state=seed).fit(x).inertia_ for seed in range(10)]
    single = [KMeans(6, n_init=1, random_state=seed).fit(x).inertia_ for seed in range(100)]
    return {
        "runs": [lloyd(x, start), lloyd(x, start, tol=0), lloyd(x, start, max_iter=2), lloyd(x, far)],
        "best": {"clusters": 6, "lowest": min(best), "highest": max(best)},
        "single": {"mean": np.mean(single), "deviation": np.std(single, ddof=1), "seeds": len(single)},
    }


def committee(rng):
    p = rng.dirichlet([0.4, 0.6, 0.5, 0.3], size=(5, 40))
    p[:, 0] = [0, 1, 0, 0]
    p[:, 1] = np.eye(4)[[0, 1, 2, 3, 3]]
    mean = p.mean(axis=0)
    votes = np.stack([np.bincount(v, minlength=4) for v in p.argmax(axis=2).T])
    return {
        "dims": list(p.shape),
        "probabilities": p.ravel().tolist(),
        "voteEntropy": entropy(votes, axis=1).tolist(),
        "consensusEntropy": entropy(mean, axis=1).tolist(),
        "meanDivergence": entropy(p, mean[None], axis=2).mean(axis=0).tolist(),
    }


def neighbours(x, count):
    # The first neighbour of a sample is the sample itself.
    distances, _ = NearestNeighbors(n_neighbors=count + 1, algorithm="brute").fit(x).kneighbors(x)
    return {"count": count, "means": distances[:, 1:].mean(axis=1).tolist()}


def main():
    rng = np.random.default_rng(0)
    sets = {
        "iris": float32(load_iris().data),
        "wine": float32(load_wine().data),
        "blobs": float32(blobs(rng, 150, 16, 6)),
    }
    golden = {"versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__}, "sets": {}}
    for name, x in sets.items():
        golden["sets"][name] = {
            "dims": list(x.shape),
            "samples": [float(f"{v:.9g}") for v in x.ravel()],
            "seedings": list(seedings(x)),
            "clustering": clustering(x, rng),
            "neighbours": [neighbours(x, 1), neighbours(x, 20)],
            "meanCosine": cosine_similarity(x).mean(axis=1).tolist(),
        }
    golden["committee"] = committee(rng)
    path = pathlib.Path(__file__).with_name("selection.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
