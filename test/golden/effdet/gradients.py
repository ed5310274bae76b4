"""The losses and every gradient of effdet's networks, with the weights of the fill rule.
Run: python gradients.py > gradients.json, after pip install torch torchvision effdet.

Of a gradient its length, its largest value and its products with four fixed vectors are kept: two gradients that agree in
all of them differ nowhere by much, in a file a thousandth as large."""

import json
import os
import re
import sys
from importlib.metadata import version

import numpy as np
import torch
from effdet.anchors import AnchorLabeler, Anchors
from effdet.loss import DetectionLoss

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../bench/fixtures"))
from effdet_model import build, fill, numbers, official_names, to_tensorflow  # noqa: E402

# Lite0 with the statistics it remembers: in training the kinks of ReLU6 make gradients differ by hundredths between
# effdet's own single and double precision.
CASES = {"efficientdet-d0": {"size": 128, "training": True}, "efficientdet-lite0": {"size": 96, "training": False}}
BATCH, CLASSES, PROBES = 4, 3, 4
# [ymin, xmin, ymax, xmax] as shares of the side, class from 1
BOXES = [
    [([0.05, 0.06, 0.45, 0.5], 2), ([0.3, 0.3, 0.7, 0.66], 3)],
    [([0.1, 0.4, 0.9, 0.95], 1)],
    [([0.5, 0.05, 0.8, 0.3], 1), ([0.55, 0.1, 0.85, 0.4], 2), ([0.02, 0.6, 0.2, 0.97], 3)],
    [],
]


def case(name, size, training):
    model, config = build(name, CLASSES, size)
    names = official_names(model, name)
    fill(model, names)
    model.train(training)
    images = numbers("images", BATCH * size * size * 3).reshape(BATCH, size, size, 3) * 2
    labeler = AnchorLabeler(Anchors.from_config(config), CLASSES)
    boxes = [torch.tensor([box for box, _ in each], dtype=torch.float32).reshape(-1, 4) * size for each in BOXES]
    classes = [torch.tensor([label for _, label in each], dtype=torch.int64) for each in BOXES]
    class_targets, box_targets, positives = labeler.batch_label_anchors(boxes, classes)
    outputs = model(torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)))
    loss, class_loss, box_loss = DetectionLoss(config)(*outputs, class_targets, box_targets, positives)
    loss.backward()
    gradients, statistics = {}, {}
    for key, parameter in model.named_parameters():
        official = names[key]
        parts = (
            [(each, parameter.grad[i].numpy()) for i, each in enumerate(official)]
            if isinstance(official, list)
            else [(official, to_tensorflow(official, parameter.grad))]
        )
        for official, gradient in parts:
            gradients[official] = summary(gradient)
    for key, buffer in model.named_buffers():
        if key in names:
            statistics[names[key]] = summary(buffer.numpy())
    return {
        "size": size,
        "training": training,
        "positives": positives.tolist(),
        "loss": loss.item(),
        "cls_loss": class_loss.item(),
        "box_loss": box_loss.item() * config.box_loss_weight,
        "gradients": gradients,
        "statistics": statistics,
    }


def summary(values):
    """[length, largest, products with sin((i + 1.37) k)]"""
    flat = np.asarray(values, np.float64).ravel()
    probes = [float(flat @ np.sin(np.arange(flat.size) * (i + 1.37))) for i in range(PROBES)]
    return [float(f"{value:.8g}") for value in [np.linalg.norm(flat), np.abs(flat).max(initial=0), *probes]]


def main():
    golden = {
        "about": f"effdet {version('effdet')}, torch {version('torch')}. {__doc__.splitlines()[0]}",
        "command": "python gradients.py > gradients.json",
        "batch": BATCH,
        "boxes": BOXES,
        "cases": {name: case(name, **options) for name, options in CASES.items()},
    }
    print(re.sub(r'(\}|\]), (?=")', r"\1,\n", json.dumps(golden)))


if __name__ == "__main__":
    main()
