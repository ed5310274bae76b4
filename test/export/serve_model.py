"""Runs a model folder's customize_service.py as ModelArts does: argv[1] the folder, argv[2...] images. Prints JSON.

The base class is the part of ModelArts' that services build upon: it keeps the names and calls the three steps in turn."""

import base64
import importlib.util
import io
import json
import os
import sys
import types


class TfServingBaseService:
    def __init__(self, model_name, model_path):
        self.model_name, self.model_path = model_name, model_path

    def _preprocess(self, data):
        return data

    def _inference(self, data):
        raise NotImplementedError

    def _postprocess(self, data):
        return data

    def inference(self, data):
        return self._postprocess(self._inference(self._preprocess(data)))


base = types.ModuleType("model_service.tfserving_model_service")
base.TfServingBaseService = TfServingBaseService
sys.modules["model_service"] = types.ModuleType("model_service")
sys.modules[base.__name__] = base

folder, images = sys.argv[1], sys.argv[2:]
spec = importlib.util.spec_from_file_location("customize_service", os.path.join(folder, "customize_service.py"))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
[kind] = [
    value
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, TfServingBaseService) and value is not TfServingBaseService
]
service = kind("detector", folder)
read = lambda path: open(path, "rb").read()
as_file = lambda path: {"images": {os.path.basename(path): io.BytesIO(read(path))}}
as_text = lambda path: {"images": base64.b64encode(read(path)).decode()}


several = service.inference({"images": {os.path.basename(path): io.BytesIO(read(path)) for path in images}})
service.score_threshold = 2.0
nothing = service.inference(as_file(images[0]))
service.score_threshold = 0.0
everything = service.inference(as_file(images[0]))
service.score_threshold = 0.3
print(
    json.dumps(
        {
            "files": [service.inference(as_file(path)) for path in images],
            "texts": [service.inference(as_text(path)) for path in images],
            "several": several,
            "nothing": nothing,
            "everything": len(everything["detection_scores"]),
        }
    )
)
