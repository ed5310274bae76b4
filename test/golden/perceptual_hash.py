"""Perceptual hashes of crops of the demo's images by imagehash 4.3.2, on standard output.

python -m venv v && v/bin/pip install imagehash==4.3.2 && v/bin/python test/golden/perceptual_hash.py IMAGES > test/golden/perceptual-hash.json

IMAGES: the folder deepforest/data of the wheel deepforest 2.1.0.
"""
import json, sys
from pathlib import Path
import imagehash
from PIL import Image

IMAGES = ["2019_YELL_2_541000_4977000_image_crop.png", "OSBS_029.png", "SOAP_031.png", "SOAP_061.png"]
SIZES = [(320, 240), (200, 300), (128, 128), (97, 41)]

cases = []
for name in IMAGES:
    image = Image.open(Path(sys.argv[1]) / name).convert("RGB")
    for width, height in SIZES:
        for top in range(0, image.height - height + 1, 2 * height):
            for left in range(0, image.width - width + 1, 3 * width):
                crop = image.crop((left, top, left + width, top + height))
                cases.append(dict(image=name, left=left, top=top, width=width, height=height, hash=str(imagehash.phash(crop))))
print(json.dumps(dict(command=__doc__.strip().splitlines()[2], cases=cases)))
