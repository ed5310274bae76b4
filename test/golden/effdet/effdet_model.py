"""effdet's networks with google/automl's variables: the mapping from one's names to the other's, and the fill rule of
test/model/golden-weights.ts, by which both sides get the same weights without a file."""

import os
import re
import sys

import numpy as np
import torch
from effdet import EfficientDet, get_efficientdet_config
from omegaconf import OmegaConf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from fill_rule import numbers  # noqa: E402

NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def value_of(name, shape):
    """A variable's value in TensorFlow's layout."""
    u = numbers(name, int(np.prod(shape)))
    last = name.split("/")[-1]
    if last == "depthwise_kernel":
        u *= np.sqrt(3 / (shape[0] * shape[1]))
    elif last.endswith("kernel"):
        u *= np.sqrt(3 / (shape[0] * shape[1] * shape[2]))
    elif last == "gamma":
        u = 1 + 0.1 * u
    elif last == "moving_variance":
        u = 1 + 0.5 * u
    elif last.startswith("WSM"):
        u = 0.5 + u
    else:
        u *= 0.1
    return u.astype(np.float32).reshape(shape)


def build(name, num_classes, size, drop_path_rate=0.0):
    """tf_NAME; without stochastic depth, which draws its own numbers, unless a rate is given."""
    config = get_efficientdet_config(f"tf_{name.replace('-', '_')}")
    OmegaConf.set_readonly(config, False)
    config.num_classes = num_classes
    config.image_size = (size, size)
    config.backbone_args = {"drop_path_rate": drop_path_rate}
    # google/automl's: a ratio stands for its square root and the inverse of that, not effdet's 1.4 and 0.7.
    config.aspect_ratios = [1.0, 2.0, 0.5]
    model = EfficientDet(config, pretrained_backbone=False)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.01  # effdet sets it for its own norms, and leaves the backbone's at 0.1
    return model, config


def official_names(model, name):
    """effdet's names -> google/automl's; edge weights [n] stand for n scalars."""
    backbone = name.replace("efficientdet-lite", "efficientnet-lite").replace("efficientdet-d", "efficientnet-b")
    names, state = {}, model.state_dict()
    blocks = sorted({tuple(map(int, key.split(".")[2:4])) for key in state if key.startswith("backbone.blocks.")})
    levels = model.config.num_levels
    for key in state:
        if key.endswith("num_batches_tracked"):
            continue
        found = _backbone(key, backbone, blocks, state) or _pyramid(key, model, levels) or _head(key, model)
        assert found, f"{key}: unknown to the mapping"
        names[key] = found
    return names


def _backbone(key, backbone, blocks, state):
    if key == "backbone.conv_stem.weight":
        return f"{backbone}/stem/conv2d/kernel"
    if match := re.fullmatch(r"backbone\.bn1\.(\w+)", key):
        return f"{backbone}/stem/tpu_batch_normalization/{NORM[match[1]]}"
    match = re.fullmatch(r"backbone\.blocks\.(\d+)\.(\d+)\.(\w+)(?:\.(\w+))?\.(\w+)", key)
    if not match:
        return None
    at = (int(match[1]), int(match[2]))
    prefix = f"{backbone}/blocks_{blocks.index(at)}"
    layer, sub, what = match[3], match[4], match[5]
    expands = f"backbone.blocks.{at[0]}.{at[1]}.conv_pwl.weight" in state
    kind = {"weight": "kernel", "bias": "bias"}
    if layer == "conv_dw":
        return f"{prefix}/depthwise_conv2d/depthwise_kernel"
    if layer == "se":
        return f"{prefix}/se/{'conv2d' if sub == 'conv_reduce' else 'conv2d_1'}/{kind[what]}"
    if layer in ("conv_pw", "conv_pwl"):
        return f"{prefix}/{'conv2d_1' if layer == 'conv_pwl' else 'conv2d'}/kernel"
    index = int(layer[2:]) - 1
    assert expands or index < 2
    return f"{prefix}/tpu_batch_normalization{f'_{index}' if index else ''}/{NORM[what]}"


def _resample(prefix, rest):
    if match := re.fullmatch(r"conv\.conv\.(weight|bias)", rest):
        return f"{prefix}/conv2d/{'kernel' if match[1] == 'weight' else 'bias'}"
    if match := re.fullmatch(r"conv\.bn\.(\w+)", rest):
        return f"{prefix}/bn/{NORM[match[1]]}"
    return None


def _separable(prefix, rest):
    return {
        "conv_dw.weight": f"{prefix}/depthwise_kernel",
        "conv_pw.weight": f"{prefix}/pointwise_kernel",
        "conv_pw.bias": f"{prefix}/bias",
    }.get(rest)


def _pyramid(key, model, levels):
    if match := re.fullmatch(r"fpn\.resample\.(\d+)\.(.+)", key):
        return _resample(f"resample_p{int(match[1]) + 3}", match[2])
    match = re.fullmatch(r"fpn\.cell\.(\d+)\.fnode\.(\d+)\.(.+)", key)
    if not match:
        return None
    cell, node, rest = int(match[1]), int(match[2]), match[3]
    prefix = f"fpn_cells/cell_{cell}/fnode{node}"
    size = levels + node  # features there are when the node begins
    if rest == "combine.edge_weights":
        return [f"{prefix}/WSM{f'_{i}' if i else ''}" for i in range(model.state_dict()[key].numel())]
    if inner := re.fullmatch(r"combine\.resample\.(\d+)\.(.+)", rest):
        offset = int(inner[1])
        offsets = list(model.fpn.cell[cell].fnode[node].combine.inputs_offsets)
        return _resample(f"{prefix}/resample_{offsets.index(offset)}_{offset}_{size}", inner[2])
    after = f"{prefix}/op_after_combine{size}"
    if inner := re.fullmatch(r"after_combine\.conv\.(conv_.+)", rest):
        return _separable(f"{after}/conv", inner[1])
    if inner := re.fullmatch(r"after_combine\.conv\.bn\.(\w+)", rest):
        return f"{after}/bn/{NORM[inner[1]]}"
    return None


def _head(key, model):
    match = re.fullmatch(r"(class|box)_net\.(.+)", key)
    if not match:
        return None
    head, rest = match[1], match[2]
    if inner := re.fullmatch(r"conv_rep\.(\d+)\.(.+)", rest):
        return _separable(f"{head}_net/{head}-{inner[1]}", inner[2])
    if inner := re.fullmatch(r"bn_rep\.(\d+)\.(\d+)\.bn\.(\w+)", rest):
        return f"{head}_net/{head}-{inner[1]}-bn-{int(inner[2]) + 3}/{NORM[inner[3]]}"
    if inner := re.fullmatch(r"predict\.(.+)", rest):
        return _separable(f"{head}_net/{head}-predict", inner[1])
    return None


def to_torch(name, value):
    """TensorFlow's layout -> PyTorch's."""
    if name.endswith("depthwise_kernel"):
        return torch.from_numpy(value.transpose(2, 3, 0, 1).copy())
    if name.endswith("kernel"):
        return torch.from_numpy(value.transpose(3, 2, 0, 1).copy())
    return torch.from_numpy(value)


def to_tensorflow(name, tensor):
    """PyTorch's layout -> TensorFlow's."""
    value = tensor.detach().numpy()
    if name.endswith("depthwise_kernel"):
        return value.transpose(2, 3, 0, 1)
    if name.endswith("kernel"):
        return value.transpose(2, 3, 1, 0)
    return value


def fill(model, names):
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            name = names.get(key)
            if name is None:
                continue
            if isinstance(name, list):
                tensor.copy_(torch.tensor([float(value_of(each, ())) for each in name]))
            else:
                shape = to_tensorflow(name, tensor).shape
                tensor.copy_(to_torch(name, value_of(name, shape)))
