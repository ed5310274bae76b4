"""Images as a network sees them, by PIL: decoded, upright, RGB, letterboxed, 0-255; the rest of the canvas is grey 0.

python pil_batch.py HEIGHT WIDTH OUT.bin IMAGE...
Bilinear between pixel centres, like TensorFlow's, up to a factor of 2; beyond, PIL's own resize, which averages."""

import sys

import numpy as np
from PIL import Image, ImageOps

height, width, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
batch = np.zeros((len(sys.argv) - 4, height, width, 3), np.float32)
for canvas, path in zip(batch, sys.argv[4:]):
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    fit = min(height / image.height, width / image.width)
    w, h = int(image.width * fit + 1e-9), int(image.height * fit + 1e-9)
    if max(image.width / w, image.height / h) > 2:
        scaled = image.resize((w, h), Image.Resampling.BILINEAR)
    else:
        scale = (image.width / w, 0, 0, 0, image.height / h, 0)
        scaled = image.transform((w, h), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR)
    canvas[:h, :w] = np.asarray(scaled)
batch.tofile(out)
