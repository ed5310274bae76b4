"""COCO metrics of the cases on standard input, by pycocotools: a JSON list of twelve numbers for each."""
import contextlib, io, json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

results = []
for case in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = case["groundTruth"]
        truth.createIndex()
        found = COCO()
        boxes = [dict(d, id=i + 1, area=d["bbox"][2] * d["bbox"][3], iscrowd=0) for i, d in enumerate(case["detections"])]
        found.dataset = dict(images=case["groundTruth"]["images"], categories=case["groundTruth"]["categories"], annotations=boxes)
        found.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    results.append([float(x) for x in evaluation.stats])
print(json.dumps(results))
