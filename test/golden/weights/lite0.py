"""Prints numbers of the packaged Lite0 state file, read with Python's own pickle: per tensor the first and last four
values in the order [height, width, in, out]; depthwise kernels [height, width, channels, 1].
Run: python lite0.py FILE.pth > lite0.json"""

import json
import pickle
import struct
import sys
from collections import OrderedDict
from itertools import product


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        known = {"OrderedDict": OrderedDict, "_rebuild_tensor_v2": lambda *args: args}
        return known.get(name, name)

    def persistent_load(self, identifier):
        return identifier


with open(sys.argv[1], "rb") as file:
    _, _, _, state, keys = (Reader(file).load() for _ in range(5))
    sizes = {storage[2]: 8 if storage[1] == "LongStorage" else 4 for storage, *_ in state.values()}
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(count * sizes[key])


def values(name):
    storage, offset, shape, strides, *_ = state[name]
    axes = [2, 3, 0, 1] if "depthwise" in name else [2, 3, 1, 0] if len(shape) == 4 else [0]
    places = (offset + sum(i * strides[a] for i, a in zip(at, axes)) for at in product(*(range(shape[a]) for a in axes)))
    return [struct.unpack_from("<f", storages[storage[2]], 4 * place)[0] for place in places]


names = {
    "stem/conv2d/kernel": "_conv_stem.weight",
    "stem/tpu_batch_normalization/moving_variance": "_bn0.running_var",
    "blocks_0/depthwise_conv2d/depthwise_kernel": "_blocks.0._depthwise_conv.weight",
    "blocks_0/conv2d/kernel": "_blocks.0._project_conv.weight",
    "blocks_0/tpu_batch_normalization_1/gamma": "_blocks.0._bn2.weight",
    "blocks_9/conv2d/kernel": "_blocks.9._expand_conv.weight",
    "blocks_9/tpu_batch_normalization_1/beta": "_blocks.9._bn1.bias",
    "blocks_15/conv2d_1/kernel": "_blocks.15._project_conv.weight",
    "blocks_15/tpu_batch_normalization_2/moving_mean": "_blocks.15._bn2.running_mean",
}
read = {ours: values(theirs) for ours, theirs in names.items()}
print(json.dumps({name: {"first": v[:4], "last": v[-4:]} for name, v in read.items()}, indent=1))
