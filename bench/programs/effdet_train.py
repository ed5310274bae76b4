"""Measured program: training steps of PyTorch effdet (forward pass, losses, gradients, clipping, SGD with momentum) on a batch in
memory.

The request is {"variant", "model", "classes", "size", "batch", "threads", "drop_path_rate", "boxes"}: variant is effdet-fp32,
effdet-channels-last, effdet-bf16 or effdet-compile; boxes are [[ymin, xmin, ymax, xmax], class from 1] of each image, in pixels."""

import importlib.metadata
import os
import sys
import time

import torch
from effdet.anchors import AnchorLabeler, Anchors
from effdet.loss import DetectionLoss

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures"))
from answer import Unsupported, answer_lines  # noqa: E402
from effdet_model import build, fill, official_names  # noqa: E402


def targets_of(request, config):
    labeler = AnchorLabeler(Anchors.from_config(config), request["classes"])
    boxes = [torch.tensor([box for box, _ in request["boxes"]])] * request["batch"]
    classes = [torch.tensor([label for _, label in request["boxes"]])] * request["batch"]
    return labeler.batch_label_anchors(boxes, classes)


def multiplies_bfloat16():
    """Whether PyTorch finds instructions for it; otherwise it emulates bfloat16, and a step takes minutes."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def prepare(request):
    torch.set_num_threads(request["threads"])
    variant, size = request["variant"], request["size"]
    if variant == "effdet-bf16" and not multiplies_bfloat16():
        raise Unsupported("PyTorch finds neither AVX512-BF16 nor AMX-BF16, without which it emulates bfloat16")
    model, config = build(request["model"], request["classes"], size, request["drop_path_rate"])
    fill(model, official_names(model, request["model"]))
    model.train()
    images = torch.rand(request["batch"], 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    if variant == "effdet-channels-last":
        model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    parameters = list(model.parameters())
    loss_of = DetectionLoss(config)
    optimiser = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=4e-5)
    forward = torch.compile(model) if variant == "effdet-compile" else model
    targets = targets_of(request, config)

    def run():
        start = time.perf_counter()
        optimiser.zero_grad()
        # As in effdet's own train.py, the losses are inside; they convert to single precision by themselves.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=variant == "effdet-bf16"):
            loss = loss_of(*forward(images), *targets)[0]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 10)
        optimiser.step()
        loss.item()
        return {"ms": (time.perf_counter() - start) * 1000}

    return {"effdet": importlib.metadata.version("effdet"), "torch": torch.__version__}, run


answer_lines(prepare)
