"""Writes the same weights in every form that google/automl's tools and Keras leave them in.

python write_checkpoints.py VARIABLES.json VALUES.bin FOLDER
VARIABLES: [{"name", "shape"}] of efficientdet-d0; VALUES: their float32 values, one after the other."""

import json
import os
import random
import re
import sys

import h5py
import numpy as np
import tensorflow as tf

variables, values_file, folder = json.load(open(sys.argv[1])), sys.argv[2], sys.argv[3]
flat = np.fromfile(values_file, np.float32)
weights, at = {}, 0
for variable in variables:
    count = int(np.prod(variable["shape"]))
    weights[variable["name"]] = flat[at : at + count].reshape(variable["shape"])
    at += count
assert at == flat.size
BACKBONE = "efficientnet-b0"
is_statistic = lambda name: name.split("/")[-1].startswith("moving_")


def save(name, tensors):
    """What tf.train.Saver does, without 709 variables in a graph."""
    prefix = os.path.join(folder, name)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )
    return prefix


step = {"global_step": np.int64(1200)}
save("plain", {**weights, **step})
# As the TF1 trainer leaves them: raw values, averages of all, momenta of what is trained.
averages = {f"{name}/ExponentialMovingAverage": value for name, value in weights.items()}
raw = {name: value + 1 for name, value in weights.items()}
momenta = {f"{name}/Momentum": np.zeros_like(value) for name, value in weights.items() if not is_statistic(name)}
save("averaged", {**raw, **averages, **momenta, **step})
# The second Keras model of a process.
again = lambda name: re.sub(r"/stem/(conv2d|tpu_batch_normalization)/", r"/stem_1/\1_1/", name)
save("second", {again(name): value for name, value in weights.items()})
# A classifier's checkpoint.
backbone = {name: value for name, value in weights.items() if name.startswith(BACKBONE)}
head = {f"{BACKBONE}/head/dense/kernel": np.zeros((8, 4), np.float32), f"{BACKBONE}/head/dense/bias": np.zeros(4, np.float32)}
save("backbone", {**backbone, **head, **step})
# Another number of classes.
other = {name: value for name, value in weights.items() if "class-predict" not in name}
other["class_net/class-predict/depthwise_kernel"] = weights["class_net/class-predict/depthwise_kernel"]
other["class_net/class-predict/pointwise_kernel"] = np.ones((1, 1, 64, 180), np.float32)
other["class_net/class-predict/bias"] = np.ones(180, np.float32)
save("other-classes", other)
# Two shards.
names = sorted(weights)
halves = [save(f"half-{i}", {name: weights[name] for name in names[i::2]}) for i in (0, 1)]
tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=halves, destination_prefix=os.path.join(folder, "sharded"))


def object_path(name):
    """Where google/automl's Keras model keeps a variable."""
    parts = name.split("/")
    if parts[0] == BACKBONE:
        if parts[1] == "stem":
            return ["backbone", "_stem", "_conv_stem" if parts[2] == "conv2d" else "_bn", parts[-1]]
        block = ["backbone", "_blocks", parts[1].split("_")[1]]
        expands = f"{BACKBONE}/{parts[1]}/tpu_batch_normalization_2/gamma" in weights
        if parts[2] == "se":
            return [*block, "_se", {"conv2d": "_se_reduce", "conv2d_1": "_se_expand"}[parts[3]], parts[-1]]
        if parts[2] == "depthwise_conv2d":
            return [*block, "_depthwise_conv", parts[-1]]
        if parts[2].startswith("conv2d"):
            return [*block, "_expand_conv" if expands and parts[2] == "conv2d" else "_project_conv", parts[-1]]
        order = ["_bn0", "_bn1", "_bn2"] if expands else ["_bn1", "_bn2"]
        number = parts[2].removeprefix("tpu_batch_normalization").lstrip("_") or "0"
        return [*block, order[int(number)], parts[-1]]
    if parts[0] == "resample_p6":
        return ["resample_layers", "0", *parts[1:]]
    if parts[0] == "fpn_cells":
        node = ["fpn_cells", "cells", parts[1].split("_")[1], "fnodes", parts[2].removeprefix("fnode")]
        if parts[3].startswith("resample_"):
            return [*node, "resample_layers", parts[3].split("_")[1], *parts[4:]]
        if parts[3].startswith("op_after_combine"):
            return [*node, "op_after_combine", *["conv_op" if part == "conv" else part for part in parts[4:]]]
        return [*node, *parts[3:]]
    net, layer = parts[0], parts[1]
    if layer.endswith("-predict"):
        return [net, {"class_net": "classes", "box_net": "boxes"}[net], parts[-1]]
    if match := re.fullmatch(r"\w+-(\d+)-bn-(\d+)", layer):
        return [net, "bns", match[1], str(int(match[2]) - 3), parts[-1]]
    return [net, "conv_ops", layer.split("-")[1], parts[-1]]


def as_objects(tree):
    """Nested dictionaries as objects and lists that TensorFlow tracks."""
    if not isinstance(tree, dict):
        return tf.Variable(tree)
    if all(key.isdigit() for key in tree):
        return [as_objects(tree[str(i)]) if str(i) in tree else tf.Module() for i in range(1 + max(map(int, tree)))]
    module = tf.Module()
    for key, child in tree.items():
        setattr(module, key, as_objects(child))
    return module


tree = {"optimizer": {"iter": np.int64(7), "decay": np.float32(0.5)}}
for name, value in weights.items():
    *path, last = object_path(name)
    place = tree
    for key in path:
        place = place.setdefault(key, {})
    place[last] = value
root = as_objects(tree)
tf.train.Checkpoint(root).write(os.path.join(folder, "objects"))

# Keras' HDF5, in an order that nobody would load by.
layer_of = lambda name: name.split("/")[0]
shuffled = list(weights)
random.Random(1).shuffle(shuffled)
with h5py.File(os.path.join(folder, "keras.h5"), "w") as archive:
    archive.attrs["layer_names"] = sorted({layer_of(name) for name in weights})
    for name in shuffled:
        archive.create_dataset(f"{layer_of(name)}/{again(name)}:0", data=weights[name])
# Below model_weights/, as model.save leaves it.
with h5py.File(os.path.join(folder, "whole.h5"), "w") as archive:
    for name in shuffled:
        archive.create_dataset(f"model_weights/{layer_of(name)}/{name}:0", data=weights[name])
