"""Golden fusions of the package ensemble-boxes (weighted_boxes_fusion, by the method's author), for box_fusion.test.ts.

    pip install ensemble-boxes==1.0.9 numpy
    python test/golden/box_fusion.py      # writes box_fusion.json beside this file

Boxes [x1, y1, x2, y2] in [0, 1] by source, a confidence each. Random ones have confidences that differ. Readers' have
confidence 1, where the order of equal boxes decides: cases are kept whose result is the same in every order of the readers.
"""

import itertools
import json
import pathlib
from importlib.metadata import version

import numpy as np
from ensemble_boxes import weighted_boxes_fusion

rng = np.random.default_rng(20261130)


def fuse(boxes, scores, threshold):
    fused, confidences, _ = weighted_boxes_fusion(boxes, scores, [[0] * len(b) for b in boxes], iou_thr=threshold)
    rows = np.column_stack([fused, confidences])
    return np.round(rows[np.lexsort(rows.T[::-1])], 7).tolist()


def around(centre, size, spread):
    x, y = centre + rng.normal(0, spread, 2)
    w, h = size * np.exp(rng.normal(0, 3 * spread, 2))
    return np.round(np.clip([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 0, 1), 3).tolist()


def drawn(sources, lesions, seen, spread):
    """Every source sees each lesion with a probability, and draws it somewhere near."""
    places = [(rng.uniform(0.2, 0.8, 2), rng.uniform(0.1, 0.3, 2)) for _ in range(lesions)]
    return [[around(c, s, spread) for c, s in places if rng.random() < seen] for _ in range(sources)]


def random_case(sources, lesions, threshold):
    boxes = drawn(sources, lesions, 0.8, 0.03)
    count = sum(map(len, boxes))
    ranks = iter(rng.permutation(count))
    scores = [[round(0.05 + 0.9 * (int(next(ranks)) + 1) / count, 4) for _ in b] for b in boxes]
    return {"kind": "detectors", "threshold": threshold, "boxes": boxes, "scores": scores, "fused": fuse(boxes, scores, threshold)}


def readers_case(threshold):
    while True:
        boxes = drawn(3, 2, 0.7, 0.02)
        if not any(boxes):
            continue
        orders = [[boxes[i] for i in order] for order in itertools.permutations(range(3))]
        orders += [[b[::-1] for b in order] for order in orders]
        results = [fuse(b, [[1.0] * len(one) for one in b], threshold) for b in orders]
        if all(np.shape(r) == np.shape(results[0]) and np.allclose(r, results[0], atol=1e-6) for r in results):
            scores = [[1.0] * len(one) for one in boxes]
            return {"kind": "readers", "threshold": threshold, "boxes": boxes, "scores": scores, "fused": results[0]}


cases = [random_case(n, k, t) for n, k, t in [(2, 1, 0.55), (3, 3, 0.4), (3, 4, 0.55), (5, 4, 0.3), (4, 6, 0.7), (6, 5, 0.5)]]
cases += [readers_case(t) for t in (0.4, 0.4, 0.4, 0.55, 0.25)]
header = {"format": 1, "ensemble-boxes": version("ensemble-boxes"), "cases": cases}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(header) + "\n")
