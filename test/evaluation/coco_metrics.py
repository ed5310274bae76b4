"""COCO metrics of the cases on standard input, by pycocotools, as a JSON list."""
import contextlib, io, json, sys
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def load(images, categories, annotations):
    coco = COCO()
    coco.dataset = dict(images=images, categories=categories, annotations=annotations)
    coco.createIndex()
    return coco


def mean(values):
    values = values[values > -1]
    return float(np.mean(values)) if values.size else -1.0


def per_class(evaluation, k):
    precision, recall = evaluation.eval["precision"][:, :, k, 0, 2], evaluation.eval["recall"][:, k, 0, 2]
    curves = [precision[t].tolist() for t in (0, 5)] if precision[0, 0] > -1 else []
    return dict(numbers=[mean(precision), mean(precision[0]), mean(precision[5]), mean(recall)], curves=curves)


results = []
for case in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = case["truth"]
        # What loadRes adds; it refuses an empty list.
        found = [dict(d, id=i + 1, area=d["bbox"][2] * d["bbox"][3], iscrowd=0) for i, d in enumerate(case["found"])]
        evaluation = COCOeval(load(**truth), load(truth["images"], truth["categories"], found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    classes = [per_class(evaluation, k) for k in range(len(truth["categories"]))]
    results.append(dict(stats=[float(x) for x in evaluation.stats], perClass=classes))
print(json.dumps(results))
