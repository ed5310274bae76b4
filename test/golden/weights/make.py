"""Makes the files of this folder: a TensorFlow checkpoint by TensorFlow 2.21 and PyTorch state files as torch.save lays
them out, written with Python's own pickle. Run: python make.py FOLDER"""

import collections
import os
import pickle
import struct
import sys
import types
import zipfile

import numpy as np
import tensorflow as tf

folder = sys.argv[1]


def checkpoint():
    stem = np.arange(3 * 3 * 3 * 2, dtype=np.float32).reshape(3, 3, 3, 2) / 8
    tensors = {
        "efficientnet-b0/stem_1/conv2d_1/kernel": stem,
        "efficientnet-b0/stem_1/tpu_batch_normalization_1/gamma": np.array([1.5, -2], np.float32),
        "fpn_cells/cell_0/fnode0/WSM": np.float32(0.25),
        "fpn_cells/cell_0/fnode0/WSM/ExponentialMovingAverage": np.float32(0.75),
        "fpn_cells/cell_0/fnode0/WSM/Momentum": np.float32(9),
        "class_net/class-predict/bias": np.array([0.5, 1, 1.5], np.float16),
        "box_net/box-predict/bias": tf.constant([0.5, -3], tf.bfloat16),
        "resample_p6/conv2d/bias": np.array([1e-3, 2], np.float64),
        "global_step": np.int64(1200),
    }
    tf.raw_ops.SaveV2(
        prefix=os.path.join(folder, "model.ckpt-1200"),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )


# The names that torch.save pickles.
torch = types.ModuleType("torch")
torch._utils = types.ModuleType("torch._utils")
for name in ("FloatStorage", "HalfStorage", "LongStorage"):
    setattr(torch, name, type(name, (), {"__module__": "torch", "__qualname__": name}))


def _rebuild_tensor_v2(*args):
    raise NotImplementedError


_rebuild_tensor_v2.__module__ = "torch._utils"
_rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
torch._utils._rebuild_tensor_v2 = _rebuild_tensor_v2
sys.modules.update({"torch": torch, "torch._utils": torch._utils})

KINDS = {"float32": torch.FloatStorage, "float16": torch.HalfStorage, "int64": torch.LongStorage}


class Storage:
    def __init__(self, key, data):
        self.key, self.data = key, data


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def __init__(self, file, tail=()):
        super().__init__(file, protocol=2)
        self.tail = tail

    def persistent_id(self, value):
        if isinstance(value, Storage):
            kind = KINDS[value.data.dtype.name]
            return ("storage", kind, value.key, "cpu", value.data.size, *self.tail)
        return None


shared = Storage("0", np.arange(12, dtype=np.float32))
half = Storage("1", np.array([0.5, -2, 65504], np.float16))
count = Storage("2", np.array([7], np.int64))
state = collections.OrderedDict(
    {
        "plain": Tensor(shared, 0, (2, 3), (3, 1)),
        "transposed": Tensor(shared, 0, (3, 2), (1, 3)),
        "shifted": Tensor(shared, 6, (2, 3), (3, 1)),
        "half": Tensor(half, 0, (3,), (1,)),
        "num_batches_tracked": Tensor(count, 0, (), ()),
    }
)


def archive():
    with zipfile.ZipFile(os.path.join(folder, "archive.pth"), "w", zipfile.ZIP_STORED) as file:
        with file.open(zipfile.ZipInfo("archive/data.pkl"), "w") as member:
            Pickler(member).dump({"epoch": 3, "state_dict": state})
        for storage in (shared, half, count):
            file.writestr(zipfile.ZipInfo(f"archive/data/{storage.key}"), storage.data.tobytes())
        file.writestr(zipfile.ZipInfo("archive/version"), b"3\n")


def stream():
    with open(os.path.join(folder, "stream.pth"), "wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(value, file, protocol=2)
        Pickler(file, tail=(None,)).dump(state)
        pickle.dump(["0", "1", "2"], file, protocol=2)
        for storage in (shared, half, count):
            file.write(struct.pack("<q", storage.data.size) + storage.data.tobytes())


def program():
    """What must never be run."""

    class Harm:
        def __reduce__(self):
            return os.system, ("false",)

    with zipfile.ZipFile(os.path.join(folder, "program.pth"), "w", zipfile.ZIP_STORED) as file:
        with file.open(zipfile.ZipInfo("archive/data.pkl"), "w") as member:
            Pickler(member).dump({"state_dict": Harm()})


checkpoint()
archive()
stream()
program()
