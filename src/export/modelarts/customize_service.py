"""Inference service for ModelArts, or any server that calls its base class: images in, detections out.

Input: multipart {"images": {FILE NAME: file, ...}} or JSON {"images": BASE64} (one text or a list of them).
Output: {"detection_classes": [NAME, ...], "detection_boxes": [[ymin, xmin, ymax, xmax], ...], "detection_scores": [...]},
boxes in pixels of the upright image, by falling score; a list of such answers where there are several images.
"""

import base64
import io
import json
import os
import threading

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from model_service.tfserving_model_service import TfServingBaseService


class DetectionService(TfServingBaseService):
    def __init__(self, model_name, model_path):
        self.model_name = model_name
        # The folder that holds saved_model.pb, also where the path of a file in it is given.
        self.model_path = model_path if os.path.isdir(model_path) else os.path.dirname(model_path)
        with open(os.path.join(self.model_path, "index"), encoding="utf-8") as file:
            index = json.load(file)
        self.labels = index["labels_list"]
        self.score_threshold = float(index.get("score_threshold", 0.3))
        self.predict = None
        self.failure = None
        # Loading takes longer than a service may take to start.
        self.loading = threading.Thread(target=self._load, daemon=True)
        self.loading.start()

    def _load(self):
        try:
            self.model = tf.saved_model.load(self.model_path)
            self.predict = self.model.signatures["serving_default"]
        except Exception as error:  # told to whoever asks first
            self.failure = error

    def _preprocess(self, data):
        return {"images": [_decode(image) for image in _images(data)]}

    def _inference(self, data):
        self.loading.join()
        if self.failure is not None:
            raise self.failure
        # One by one: images differ in size.
        return {"answers": [self.predict(images=tf.constant(image[np.newaxis])) for image in data["images"]]}

    def _postprocess(self, data):
        answers = [self._answer(found) for found in data["answers"]]
        return answers[0] if len(answers) == 1 else answers

    def _answer(self, found):
        scores = found["detection_scores"].numpy()[0]
        shown = int(found["num_detections"].numpy()[0])
        kept = [i for i in range(shown) if scores[i] >= self.score_threshold]
        boxes = found["detection_boxes"].numpy()[0]
        classes = found["detection_classes"].numpy()[0]
        return {
            "detection_classes": [self.labels[int(classes[i]) - 1] for i in kept],
            "detection_boxes": [[float(side) for side in boxes[i]] for i in kept],
            "detection_scores": [float(scores[i]) for i in kept],
        }


def _images(data):
    """Files or bytes, in the order in which they come."""
    found = []
    for value in data.values():
        if isinstance(value, dict):
            found += list(value.values())
        elif isinstance(value, (list, tuple)):
            found += list(value)
        else:
            found.append(value)
    if not found:
        raise ValueError('no image: send files under "images", or their base64 text')
    return found


def _decode(image):
    """float32 [height, width, 3], 0 to 255: upright, RGB."""
    if isinstance(image, dict):
        image = image.get("b64", "")
    if isinstance(image, str):
        image = base64.b64decode(image.split(",", 1)[1] if image.startswith("data:") else image)
    if isinstance(image, (bytes, bytearray)):
        image = io.BytesIO(image)
    image = ImageOps.exif_transpose(Image.open(image))
    return np.asarray(image.convert("RGB"), np.float32)
