"""Training steps of PyTorch effdet, one measurement for each line that is asked: forward, losses, gradients, clipping, SGD with
momentum.

{"do": "open", "model", "classes", "size", "batch", "threads", "boxes"} answers the versions; boxes are [[ymin, xmin, ymax,
xmax], class from 1] of each picture, in pixels. {"do": "step", "what"} answers {"ms", "loss", "peak_mib"}; what:
effdet-fp32, effdet-channels-last, effdet-bf16, effdet-compile."""

import json
import os
import resource
import sys
import time

import torch
from effdet.anchors import AnchorLabeler, Anchors
from effdet.loss import DetectionLoss

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/golden/effdet"))
from effdet_model import build, fill, official_names  # noqa: E402

answers = os.dup(1)
os.dup2(2, 1)


def answer(value):
    os.write(answers, (json.dumps(value) + "\n").encode())


class Trainee:
    """One network with its optimiser; what it trains on is shared."""

    def __init__(self, what, request, images):
        self.model, config = build(request["model"], request["classes"], request["size"])
        fill(self.model, official_names(self.model, request["model"]))
        self.model.train()
        self.images, self.is_bf16 = images, what == "effdet-bf16"
        if what == "effdet-channels-last":
            self.model.to(memory_format=torch.channels_last)
            self.images = images.to(memory_format=torch.channels_last)
        self.parameters = list(self.model.parameters())
        self.loss = DetectionLoss(config)
        self.optimiser = torch.optim.SGD(self.parameters, lr=1e-3, momentum=0.9, weight_decay=4e-5)
        self.forward = torch.compile(self.model) if what == "effdet-compile" else self.model

    def step(self, targets):
        start = time.perf_counter()
        self.optimiser.zero_grad()
        # As effdet's own train.py: the losses inside, where they turn to single precision by themselves.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.is_bf16):
            loss = self.loss(*self.forward(self.images), *targets)[0]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 10)
        self.optimiser.step()
        value = loss.item()
        return (time.perf_counter() - start) * 1000, value


class Peer:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        self.request, self.trainees = request, {}
        size, batch = request["size"], request["batch"]
        self.images = torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
        _, config = build(request["model"], request["classes"], size)
        labeler = AnchorLabeler(Anchors.from_config(config), request["classes"])
        boxes = [torch.tensor([box for box, _ in request["boxes"]]) for _ in range(batch)]
        classes = [torch.tensor([label for _, label in request["boxes"]]) for _ in range(batch)]
        self.targets = labeler.batch_label_anchors(boxes, classes)

    def step(self, what):
        if what not in self.trainees:
            self.trainees[what] = Trainee(what, self.request, self.images)
        ms, loss = self.trainees[what].step(self.targets)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"ms": ms, "loss": loss, "peak_mib": peak}


peer = None
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "open":
        peer = Peer(request)
        answer({"torch": torch.__version__, "positives": peer.targets[2].tolist()})
    else:
        answer(peer.step(request["what"]))
