"""What Python says of a model folder, argv[1]: its signatures in protobuf's JSON, and its answers to the batch on stdin."""

import json
import os
import sys

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

message = saved_model_pb2.SavedModel()
with open(os.path.join(sys.argv[1], "saved_model.pb"), "rb") as file:
    message.ParseFromString(file.read())
signatures = {
    name: json.loads(
        json_format.MessageToJson(
            signature, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
        )
    )
    for name, signature in message.meta_graphs[0].signature_def.items()
    if name != "__saved_model_init_op"
}
predict = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
outputs = predict(images=tf.constant(np.array(json.load(sys.stdin), np.float32)))
print(json.dumps({"signatures": signatures, "outputs": {key: value.numpy().tolist() for key, value in outputs.items()}}))
