"""tf.image.resize of images filled with (31 * i + 7) mod 256, [height, width, 3]."""
import json

import numpy as np
import tensorflow as tf

cases = []
for height, width, to_height, to_width in [(5, 7, 5, 7), (5, 7, 10, 14), (8, 6, 4, 3), (12, 10, 7, 6), (3, 4, 8, 5)]:
    image = ((31 * np.arange(height * width * 3) + 7) % 256).reshape(height, width, 3).astype(np.float32)
    resized = tf.image.resize(image, (to_height, to_width)).numpy()
    cases.append(
        {"from": [height, width], "to": [to_height, to_width], "values": [round(float(v), 4) for v in resized.ravel()]}
    )
command = "python test/golden/resize_bilinear.py > test/golden/resize-bilinear.json (TensorFlow %s)" % tf.__version__
print(json.dumps({"command": command, "cases": cases}))
