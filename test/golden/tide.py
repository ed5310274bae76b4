"""Error counts and AP50 gains of generated cases by tidecv 1.0.1, on standard output.

python -m venv v && v/bin/pip install tidecv==1.0.1 && v/bin/python test/golden/tide.py > test/golden/tide.json
"""
import json, random
from tidecv import TIDE, Data

NAMES = dict(Cls="cls", Loc="loc", Both="both", Dupe="dup", Bkg="bkg", Miss="miss")


def generate(seed):
    rng = random.Random(seed)
    classes = 1 + seed % 3
    box = lambda: [round(rng.uniform(0, 150), 1), round(rng.uniform(0, 150), 1), round(rng.uniform(20, 60), 1), round(rng.uniform(20, 60), 1)]
    images = list(range(1, 5))
    # Every class has boxes: tidecv counts a class without any as 0, COCO leaves it out.
    boxes = [dict(image_id=rng.choice(images), category_id=1 + i % classes, bbox=box()) for i in range(classes * 4)]
    found = []
    for b in boxes:
        for _ in range(rng.randrange(4)):
            x, y, w, h = b["bbox"]
            s = lambda: rng.uniform(-0.35, 0.35)
            found.append(dict(image_id=b["image_id"], category_id=b["category_id"] if rng.random() < 0.7 else rng.randint(1, classes),
                              bbox=[round(x + s() * w, 1), round(y + s() * h, 1), round(w * (1 + s()), 1), round(h * (1 + s()), 1)]))
    found += [dict(image_id=rng.choice(images), category_id=rng.randint(1, classes), bbox=box()) for _ in range(rng.randrange(6))]
    scores = rng.sample(range(1, 1000), len(found))
    for f, s in zip(found, scores):
        f["score"] = s / 1000
    return images, classes, boxes, found


cases = []
for seed in range(30):
    images, classes, boxes, found = generate(seed)
    truth, results = Data("truth"), Data("found")
    for i in images:
        truth.add_image(i, str(i))
    for b in boxes:
        truth.add_ground_truth(b["image_id"], b["category_id"], box=b["bbox"])
    for f in found:
        results.add_detection(f["image_id"], f["category_id"], f["score"], box=f["bbox"])
    run = TIDE().evaluate(truth, results, mode=TIDE.BOX, name="x")
    gains = {NAMES[k.short_name]: v / 100 for k, v in run.fix_main_errors().items()}
    counts = {NAMES[k.short_name]: v for k, v in run.count_errors().items()}
    pack = lambda b: [b["image_id"], b["category_id"], *b["bbox"], *([b["score"]] if "score" in b else [])]
    cases.append(dict(images=len(images), classes=classes, boxes=list(map(pack, boxes)), found=list(map(pack, found)),
                      AP50=run.ap / 100, counts=counts, gains=gains))
print(json.dumps(dict(command=__doc__.strip().splitlines()[-1], cases=cases)))
