"""Targets, IoU losses and post-processing by google/automl itself, on standard output.

git clone https://github.com/google/automl && git -C automl checkout 6a54c8741e7c
pip install tensorflow-cpu==2.21.0 pyyaml six absl-py
python cases.py automl/efficientdet > cases.json
"""

import json
import os
import random
import re
import sys

import numpy as np
import tensorflow as tf

sys.path[:0] = [sys.argv[1], os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../bench/fixtures")]
import iou_utils  # noqa: E402
from fill_rule import numbers  # noqa: E402
from tf2 import anchors, postprocess  # noqa: E402

RATIOS = {"numbers": [1.0, 2.0, 0.5], "pairs": [[1.0, 1.0], [1.4, 0.7], [0.7, 1.4]]}
LEVELS, SCALES, ANCHOR_SCALE = (3, 7), 3, 4.0


def rounded(values, digits=7):
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, np.float64).ravel()]


# Targets ---------------------------------------------------------------------------------------------------------


def scenes(size, grid):
    """Named lists of boxes [ymin, xmin, ymax, xmax]; half of the coordinates are whole, which makes ties."""
    rng = random.Random(f"{size} {grid.boxes.shape}")
    height, width = size

    def box(smallest=2, largest=90, whole=False):
        ymin, xmin = rng.uniform(0, height - smallest), rng.uniform(0, width - smallest)
        ymax, xmax = ymin + rng.uniform(smallest, largest), xmin + rng.uniform(smallest, largest)
        sides = [ymin, xmin, min(ymax, height), min(xmax, width)]
        return [float(round(side)) if whole else round(side, 3) for side in sides]

    anchor_boxes = grid.boxes.numpy().tolist()
    some = rng.sample(anchor_boxes, 6)
    twin = box(30, 50)
    yield "none", []
    for count in (1, 2, 5, 12):
        yield f"{count} anywhere", [box() for _ in range(count)]
        yield f"{count} on whole pixels", [box(8, 64, whole=True) for _ in range(count)]
    yield "more than a hundred", [box(4, 40) for _ in range(130)]
    yield "too small for any anchor", [box(2, 4) for _ in range(6)]
    yield "anchors themselves", some
    yield "between two anchors", [[(a + b) / 2 for a, b in zip(one, two)] for one, two in zip(some, some[1:])]
    yield "two of one place", [twin, twin]
    yield "two that want one anchor", [[40.0, 40.0, 44.0, 44.0], [41.0, 41.0, 43.0, 43.0], box()]
    yield "one outside", [box(), [9000.0, 9000.0, 9010.0, 9010.0]]
    yield "only outside", [[-500.0, -500.0, -490.0, -480.0]]
    yield "the whole picture", [[0.0, 0.0, float(height), float(width)], box()]


def targets():
    for convention, ratios in RATIOS.items():
        for size in [(128, 128), (100, 140)]:
            grid = anchors.Anchors(*LEVELS, SCALES, ratios, ANCHOR_SCALE, size)
            labeler = anchors.AnchorLabeler(grid, 90)
            for name, boxes in scenes(size, grid):
                boxes = [[float(np.float32(side)) for side in box] for box in boxes]
                labels = [1 + i % 90 for i in range(len(boxes))]
                classes, codes, positives = labeler.label_anchors(
                    tf.reshape(tf.constant(boxes, tf.float32), [-1, 4]),
                    tf.reshape(tf.constant(labels, tf.float32), [-1, 1]),
                )
                classes = np.concatenate([classes[level].numpy().ravel() for level in classes])
                codes = np.concatenate([codes[level].numpy().ravel() for level in codes]).reshape(-1, 4)
                matched = np.flatnonzero(classes >= 0)
                assert not codes[classes < 0].any()
                yield {
                    "name": name,
                    "ratios": convention,
                    "size": list(size),
                    "boxes": boxes,
                    "positives": int(positives),
                    "anchors": matched.tolist(),
                    "classes": classes[matched].tolist(),
                    "codes": rounded(codes[matched].sum(0)),
                }


# IoU losses ------------------------------------------------------------------------------------------------------


def iou_losses():
    rng = random.Random("iou")

    def box():
        ymin, xmin = rng.uniform(0, 60), rng.uniform(0, 60)
        return [ymin, xmin, ymin + rng.uniform(1, 60), xmin + rng.uniform(1, 60)]

    pairs = [(box(), box()) for _ in range(56)]
    pairs += [(one, one) for one, _ in pairs[:2]]
    pairs += [([0, 0, 10, 10], [0, 10, 10, 20]), ([0, 0, 10, 10], [40, 40, 50, 60])]  # touching, apart
    pairs += [([0, 0, 30, 30], [10, 10, 20, 14]), ([10, 10, 20, 14], [0, 0, 30, 30])]  # one inside the other
    pairs += [([5, 5, 5, 9], [0, 0, 10, 10]), ([8, 8, 4, 4], [0, 0, 10, 10])]  # without area, inside out
    predicted, target = (np.asarray([pair[i] for pair in pairs], np.float32) for i in (0, 1))
    return {
        "predicted": predicted.tolist(),
        "target": target.tolist(),
        "losses": {kind: rounded(iou_utils.iou_loss(predicted, target, kind)) for kind in ("iou", "giou", "diou", "ciou")},
    }


# Post-processing -------------------------------------------------------------------------------------------------

DETECT = {"size": 64, "batch": 2, "classes": 5, "max": 40}
MODES = {
    "hard, per class": ("hard", postprocess.postprocess_per_class),
    "gaussian, per class": ("gaussian", postprocess.postprocess_per_class),
    "hard, all classes": ("hard", postprocess.postprocess_global),
    "gaussian, all classes": ("gaussian", postprocess.postprocess_global),
}


def detections():
    size, batch, classes = DETECT["size"], DETECT["batch"], DETECT["classes"]
    sides = [8, 4, 2, 1, 1]
    maps = lambda name, values: [
        tf.constant(
            numbers(f"{name}-{level}", batch * side * side * 9 * values).reshape(batch, side, side, 9 * values), tf.float32
        )
        for level, side in enumerate(sides, 3)
    ]
    logits = [2 * level - 1 for level in maps("logits", classes)]
    deltas = [0.5 * level for level in maps("deltas", 4)]
    for name, (method, process) in MODES.items():
        # Per class: the best 600 of all anchors and classes; else of each anchor the best class.
        inputs = 600 if "per class" in name else 0
        params = {
            "min_level": 3,
            "max_level": 7,
            "num_scales": SCALES,
            "aspect_ratios": RATIOS["numbers"],
            "anchor_scale": ANCHOR_SCALE,
            "image_size": size,
            "num_classes": classes,
            "data_format": "channels_last",
            "nms_configs": {
                "method": method,
                "iou_thresh": None,
                "score_thresh": 0.001,
                "sigma": None,
                "max_nms_inputs": inputs,
                "max_output_size": DETECT["max"],
            },
        }
        boxes, scores, labels, valid = process(params, list(logits), list(deltas))
        yield {
            "name": name,
            "inputs": inputs,
            "clipped": "all" in name,
            "valid": valid.numpy().tolist(),
            "boxes": rounded(boxes),
            "scores": rounded(scores),
            "labels": [int(label) for label in labels.numpy().ravel()],
        }


print(
    re.sub(
        r'(\}|\]), (?=[{"])',
        r"\1,\n",
        json.dumps(
            {
                "about": f"google/automl 6a54c8741e7c on TensorFlow {tf.__version__}. {__doc__.splitlines()[0]}",
                "command": "python cases.py automl/efficientdet > cases.json",
                "ratios": RATIOS,
                "targets": list(targets()),
                "iou": iou_losses(),
                "detect": DETECT,
                "detections": list(detections()),
            }
        ),
    )
)
