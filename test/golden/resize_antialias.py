"""PIL's BILINEAR resize, which filters against aliasing, of images filled with (31 * i + 7) mod 256, [height, width, 3].

Each channel is resized as 32-bit floats, so that nothing is rounded to grey levels."""
import json

import numpy as np
import PIL
from PIL import Image

cases = []
for height, width, to_height, to_width in [(40, 60, 7, 11), (90, 33, 8, 3), (50, 50, 24, 24), (17, 300, 2, 37)]:
    image = ((31 * np.arange(height * width * 3) + 7) % 256).reshape(height, width, 3).astype(np.float32)
    planes = [
        np.asarray(Image.fromarray(image[..., c]).resize((to_width, to_height), Image.Resampling.BILINEAR))
        for c in range(3)
    ]
    resized = np.stack(planes, axis=-1)
    cases.append(
        {"from": [height, width], "to": [to_height, to_width], "values": [round(float(v), 4) for v in resized.ravel()]}
    )
command = "python test/golden/resize_antialias.py > test/golden/resize-antialias.json (PIL %s)" % PIL.__version__
print(json.dumps({"command": command, "cases": cases}))
