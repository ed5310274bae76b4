"""Measured program: effdet loads batches with targets from JPEG files as its train.py does, with torch.utils.data.DataLoader, flip,
scale and crop, and anchors matched in the workers. They are normalised where its PrefetchLoader would, which needs a GPU.

The request is {"folder", "annotations", "classes", "model", "size", "batch", "workers", "warmUp", "measured"}: annotations is a
file in COCO format; warmUp and measured are the batches of one measurement."""

import contextlib
import importlib.metadata
import io
import pathlib
import time

import torch
from effdet import get_efficientdet_config
from effdet.anchors import AnchorLabeler, Anchors
from effdet.data import DetectionDatset
from effdet.data.loader import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, DetectionFastCollate
from effdet.data.parsers import CocoParserCfg, create_parser
from effdet.data.transforms import transforms_coco_train

from answer import answer_lines

BEYOND = 8  # batches after the last measured one, more than the queue holds


def prepare(request):
    config = get_efficientdet_config(f"tf_{request['model'].replace('-', '_')}")
    with contextlib.redirect_stdout(io.StringIO()):
        parser = create_parser("coco", cfg=CocoParserCfg(ann_filename=request["annotations"]))
    dataset = DetectionDatset(pathlib.Path(request["folder"]), parser=parser)
    # Bilinear only, as ours; by default effdet draws between bilinear and bicubic.
    dataset.transform = transforms_coco_train(request["size"], interpolation="bilinear", use_prefetcher=True)
    labeler = AnchorLabeler(Anchors.from_config(config), request["classes"], match_threshold=0.5)
    warm_up, measured, batch = request["warmUp"], request["measured"], request["batch"]
    count = (warm_up + measured + BEYOND) * batch
    loader = torch.utils.data.DataLoader(
        dataset,
        batch_size=batch,
        sampler=torch.utils.data.RandomSampler(dataset, num_samples=count),
        num_workers=request["workers"],
        collate_fn=DetectionFastCollate(anchor_labeler=labeler),
    )
    mean, std = (
        torch.tensor([255 * x for x in values]).view(1, 3, 1, 1) for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )

    def run():
        batches = iter(loader)

        def take(n):
            for _ in range(n):
                images, target = next(batches)
                images.float().sub_(mean).div_(std)
                assert len(target["label_num_positives"]) == batch

        take(warm_up)
        start = time.perf_counter()
        take(measured)
        ms = (time.perf_counter() - start) * 1000
        del batches
        return {"ms": ms}

    about = {"effdet": importlib.metadata.version("effdet"), "torch": torch.__version__}
    about["pillow"] = importlib.metadata.version("pillow")
    return about, run


answer_lines(prepare)
