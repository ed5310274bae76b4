"""Label quality of generated data sets by cleanlab 2.9.0, on standard output.

python -m venv v && v/bin/pip install cleanlab==2.9.0 && v/bin/python test/golden/objectlab.py > test/golden/objectlab.json
"""
import json, math, random
import numpy as np
from cleanlab.object_detection.rank import (
    compute_badloc_box_scores, compute_overlooked_box_scores, compute_swap_box_scores, get_label_quality_scores)


def generate(seed):
    rng = random.Random(seed)
    classes = 1 + seed % 3
    box = lambda: (lambda x, y, w, h: [x, y, x + w, y + h])(*(round(rng.uniform(a, b), 1) for a, b in [(0, 200), (0, 200), (10, 80), (10, 80)]))
    images = []
    for _ in range(6):
        labels = [(box(), rng.randrange(classes)) for _ in range(rng.randrange(5))]
        # The same box under another name.
        if labels and classes > 1 and rng.random() < 0.3:
            labels.append((labels[0][0], (labels[0][1] + 1) % classes))
        found = []
        for b, c in labels:
            if rng.random() < 0.2:
                continue
            moved = [round(v + rng.uniform(-1, 1) * rng.choice([0, 3, 20]), 1) for v in b]
            moved = [min(moved[0], moved[2]), min(moved[1], moved[3]), max(moved[0], moved[2]) + 1, max(moved[1], moved[3]) + 1]
            found.append((moved, c if rng.random() < 0.7 else rng.randrange(classes), round(rng.choice([0.3, 0.7, 0.96, 0.99]) + rng.uniform(0, 0.009), 4)))
        found += [(box(), rng.randrange(classes), round(rng.uniform(0.4, 1), 4)) for _ in range(rng.randrange(3))]
        images.append((labels, sorted(found, key=lambda f: f[1])))
    return classes, images


clean = lambda scores: [[None if math.isnan(v) else v for v in map(float, s)] for s in scores]
cases = []
for seed in range(25):
    classes, images = generate(seed)
    labels = [dict(bboxes=np.array([b for b, _ in l], float).reshape(-1, 4), labels=np.array([c for _, c in l], int)) for l, _ in images]
    predictions = [[np.array([[*b, s] for b, c, s in f if c == k], float).reshape(-1, 5) for k in range(classes)] for _, f in images]
    each = dict(labels=labels, predictions=predictions)
    cases.append(dict(
        images=[dict(labels=[[*b, c] for b, c in l], predictions=[[*b, c, s] for b, c, s in f]) for l, f in images],
        overlooked=clean(compute_overlooked_box_scores(**each)), swapped=clean(compute_swap_box_scores(**each)),
        badlyLocated=clean(compute_badloc_box_scores(**each)), score=get_label_quality_scores(labels, predictions, verbose=False).tolist()))
print(json.dumps(dict(command=__doc__.strip().splitlines()[-1], cases=cases)))
