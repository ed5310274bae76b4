"""Gradients of torchvision's IoU losses with respect to the predicted boxes, on standard output.
Run: python iou_gradients.py > iou-gradients.json, after pip install torch torchvision.
"""

import json
import random
from importlib.metadata import version

import torch
from torchvision.ops import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss

LOSSES = {"giou": generalized_box_iou_loss, "diou": distance_box_iou_loss, "ciou": complete_box_iou_loss}


def main():
    rng = random.Random("iou gradients")

    def box():
        ymin, xmin = rng.uniform(0, 60), rng.uniform(0, 60)
        return [ymin, xmin, ymin + rng.uniform(1, 60), xmin + rng.uniform(1, 60)]

    predicted, target = torch.tensor([[box(), box()] for _ in range(64)]).unbind(1)
    swap = [1, 0, 3, 2]  # torchvision's boxes begin with x
    gradients = {}
    for name, loss in LOSSES.items():
        boxes = predicted.clone().requires_grad_()
        loss(boxes[:, swap], target[:, swap], reduction="sum").backward()
        gradients[name] = [float(f"{value:.8g}") for value in boxes.grad.flatten().tolist()]
    print(
        json.dumps(
            {
                "about": f"torchvision {version('torchvision')}, torch {version('torch')}. {__doc__.splitlines()[0]}",
                "command": "python iou_gradients.py > iou-gradients.json",
                "predicted": predicted.tolist(),
                "target": target.tolist(),
                "gradients": gradients,
            }
        )
    )


if __name__ == "__main__":
    main()
