"""Measured program: pycocotools computes the twelve COCO metrics of two files, {"truth", "found"}."""

import contextlib
import importlib.metadata
import io
import time

from answer import answer_lines
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def prepare(request):
    def run():
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(request["truth"])
            evaluation = COCOeval(truth, truth.loadRes(request["found"]), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return {"ms": (time.perf_counter() - start) * 1000, "metrics": [float(x) for x in evaluation.stats]}

    return {"pycocotools": importlib.metadata.version("pycocotools")}, run


answer_lines(prepare)
