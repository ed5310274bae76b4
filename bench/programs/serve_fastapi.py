"""Serves a model with FastAPI and Python TensorFlow, in the row format of TensorFlow Serving.

Run: python serve_fastapi.py MODEL_FOLDER PORT"""

import base64
import io
import sys

import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from PIL import Image, ImageOps

model = tf.saved_model.load(sys.argv[1])
predict = model.signatures["serving_default"]
app = FastAPI()


def decode(text):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(base64.b64decode(text))))
    return np.asarray(image.convert("RGB"), np.float32)


# It is not async, so that FastAPI runs it in a thread; TensorFlow releases the interpreter while it computes.
@app.post("/v1/models/bench:predict")
def answer(body: dict):
    predictions = []
    for instance in body["instances"]:
        found = predict(images=tf.constant(decode(instance["b64"])[np.newaxis]))
        predictions.append({key: value.numpy()[0].tolist() for key, value in found.items()})
    return JSONResponse({"predictions": predictions})


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
