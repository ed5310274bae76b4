"""What Python TensorFlow gets out of a model folder: argv[1]. Prints JSON.

The frozen graph sees the golden input, the SavedModel two images of 50 x 70 pixels made by the same rule.
"""
import json, sys
import numpy as np
import tensorflow as tf

folder, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def ramp(*shape):
    return ((31 * np.arange(np.prod(shape)) + 7) % 255).astype(np.float32).reshape(shape)


graph = tf.compat.v1.GraphDef()
graph.ParseFromString(open(folder + "/frozen_graph.pb", "rb").read())
frozen = {}
with tf.Graph().as_default():
    tf.import_graph_def(graph, name="")
    names = [f"{head}_predict_{level}" for head in ("class", "box") for level in range(3, 8)]
    with tf.compat.v1.Session() as session:
        one = ramp(1, height, width, 3) / 127.5 - 1
        for name, value in zip(names, session.run([n + ":0" for n in names], {"images:0": one})):
            flat = value.reshape(-1)
            frozen[name] = dict(shape=value.shape, first=flat[:6].tolist(), last=flat[-3:].tolist(), absmax=float(np.abs(flat).max()))
        three = session.run("class_predict_7:0", {"images:0": np.concatenate([one] * 3)})

model = tf.saved_model.load(folder)
serving = model.signatures["serving_default"]
found = serving(images=tf.constant(ramp(2, 50, 70, 3)))
print(json.dumps(dict(
    frozen=frozen,
    batch_of_three=three.shape,
    signatures=list(model.signatures),
    variables=len(model.variables),
    saved_model={name: np.asarray(value).tolist() for name, value in found.items()},
)))
