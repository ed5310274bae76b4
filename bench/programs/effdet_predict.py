"""Measured program: the network of PyTorch effdet in fp32, or onnxruntime on effdet's own ONNX export, on a batch in memory.

The request is {"variant", "model", "classes", "size", "batch", "repeats", "threads"}: variant is effdet-fp32, effdet-channels-last
or onnxruntime; a measurement is the median of so many repeats."""

import importlib.metadata
import os
import statistics
import sys
import tempfile
import time

import onnxruntime
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures"))
from answer import answer_lines  # noqa: E402
from effdet_model import build, fill, official_names  # noqa: E402


def session_of(model, images, threads):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "effdet.onnx")
        torch.onnx.export(model, (images,), path, input_names=["images"], opset_version=18, dynamo=True, external_data=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def prepare(request):
    torch.set_num_threads(request["threads"])
    torch.set_grad_enabled(False)
    size = request["size"]
    model, _ = build(request["model"], request["classes"], size)
    fill(model, official_names(model, request["model"]))
    model.eval()
    images = torch.rand(request["batch"], 3, size, size, generator=torch.Generator().manual_seed(1))
    about = {"effdet": importlib.metadata.version("effdet"), "torch": torch.__version__}
    if request["variant"] == "onnxruntime":
        session, feeds = session_of(model, images, request["threads"]), {"images": images.numpy()}
        about["onnxruntime"] = onnxruntime.__version__
        work = lambda: session.run(None, feeds)  # noqa: E731
    else:
        if request["variant"] == "effdet-channels-last":
            model.to(memory_format=torch.channels_last)
            images = images.to(memory_format=torch.channels_last)
        work = lambda: model(images)  # noqa: E731

    def timed():
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) * 1000

    def run():
        return {"ms": statistics.median(timed() for _ in range(request["repeats"]))}

    return about, run


answer_lines(prepare)
