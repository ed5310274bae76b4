"""PyTorch effdet, fp32, and onnxruntime on effdet's own ONNX export, one measurement for each line that is asked.

{"do": "open", "model", "classes", "size", "threads"}; {"do": "run", "what", "batch"} answers {"ms"};
what: effdet-fp32, effdet-channels-last, onnxruntime."""

import json
import os
import sys
import tempfile
import time

import onnxruntime
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../test/golden/effdet"))
from effdet_model import build, fill, official_names  # noqa: E402

answers = os.dup(1)
os.dup2(2, 1)  # the exporter talks


def answer(value):
    os.write(answers, (json.dumps(value) + "\n").encode())


class Peer:
    def __init__(self, request):
        torch.set_num_threads(request["threads"])
        self.threads, self.name, self.classes, self.size = (request[k] for k in ("threads", "model", "classes", "size"))
        self.model, _ = build(self.name, self.classes, (self.size))
        fill(self.model, official_names(self.model, self.name))
        self.model.eval()
        self.channels_last, _ = build(self.name, self.classes, self.size)
        self.channels_last.load_state_dict(self.model.state_dict())
        self.channels_last.eval().to(memory_format=torch.channels_last)
        self.sessions = {}

    def images(self, batch):
        return torch.rand(batch, 3, self.size, self.size, generator=torch.Generator().manual_seed(1))

    def session(self, batch):
        if batch not in self.sessions:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "effdet.onnx")
                torch.onnx.export(self.model, (self.images(batch),), path, input_names=["images"], opset_version=18, dynamo=True, external_data=False)
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = self.threads
                self.sessions[batch] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return self.sessions[batch]

    def run(self, what, batch):
        images = self.images(batch)
        if what == "onnxruntime":
            session, feeds = self.session(batch), {"images": images.numpy()}
            start = time.perf_counter()
            session.run(None, feeds)
        else:
            model = self.model
            if what == "effdet-channels-last":
                model, images = self.channels_last, images.to(memory_format=torch.channels_last)
            start = time.perf_counter()
            model(images)
        return (time.perf_counter() - start) * 1000


peer = None
with torch.inference_mode(False), torch.no_grad():
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "open":
            peer = Peer(request)
            answer({"torch": torch.__version__, "onnxruntime": onnxruntime.__version__})
        else:
            answer({"ms": peer.run(request["what"], request["batch"])})
