"""Five steps of TensorFlow 1's optimiser, of its moving average, and of a fused norm's statistics, on standard output.

pip install tensorflow-cpu==2.21.0
python training.py > training.json
"""

import json

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()

STEPS = 5
SHAPES = {"a/kernel": (3, 4), "b/kernel": (6,), "c/bias": (2,)}
RATES = [0.02, 0.08, 0.08, 0.03, 0.001]  # the velocity must not know of them
DECAYS = [min(0.9998, (1 + n) / (10 + n)) for n in range(STEPS)]
# Lengths on both sides of the limit: some gradients are cut alone, some only together, the last not at all.
SIZES = [{"a/kernel": 40, "b/kernel": 9, "c/bias": 0.5}, {"a/kernel": 6, "b/kernel": 6, "c/bias": 6}]
SIZES += [{"a/kernel": 0.1, "b/kernel": 30, "c/bias": 12}, {"a/kernel": 9, "b/kernel": 8, "c/bias": 1}]
SIZES += [{"a/kernel": 2, "b/kernel": 3, "c/bias": 1}]
LIMIT, MOMENTUM = 10.0, 0.9


def optimiser(rng):
    first = {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
    gradients = []
    for sizes in SIZES:
        drawn = {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
        gradients.append({name: value / np.linalg.norm(value) * sizes[name] for name, value in drawn.items()})
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.get_variable(name, initializer=tf.constant(value, tf.float32)) for name, value in first.items()}
        fed = {name: tf.placeholder(tf.float32, shape) for name, shape in SHAPES.items()}
        rate, decay = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
        # google/automl train_lib.py and det_model_fn.py: each by its own norm, then all by their common one.
        clipped = [tf.clip_by_norm(fed[name], LIMIT) for name in SHAPES]
        clipped, norm = tf.clip_by_global_norm(clipped, LIMIT)
        momentum = tf.train.MomentumOptimizer(rate, MOMENTUM)
        step = momentum.apply_gradients(zip(clipped, variables.values()))
        average = tf.train.ExponentialMovingAverage(decay)
        with tf.control_dependencies([step]):
            move = average.apply(list(variables.values()))
        session.run(tf.global_variables_initializer())
        steps = []
        for i in range(STEPS):
            feed = {rate: RATES[i], decay: DECAYS[i], **{fed[name]: gradients[i][name] for name in SHAPES}}
            length, _ = session.run([norm, move], feed)
            read = lambda of: {name: rows(session.run(of(variable))) for name, variable in variables.items()}
            steps.append(
                {
                    "norm": float(length),
                    "values": read(lambda v: v),
                    "velocities": read(lambda v: momentum.get_slot(v, "momentum")),
                    "averages": read(average.average),
                }
            )
    fields = {"first": {name: rows(value) for name, value in first.items()}}
    fields["gradients"] = [{name: rows(value) for name, value in each.items()} for each in gradients]
    return {**fields, "shapes": SHAPES, "rates": RATES, "limit": LIMIT, "momentum": MOMENTUM, "steps": steps}


def norm(rng):
    """The fused kernel of training, which moves the statistics itself: momentum .99."""
    shape, channels = (2, 3, 2, 4), 4
    images = [rng.standard_normal(shape) * (1 + np.arange(channels)) + np.arange(channels) for _ in range(STEPS)]
    gamma, beta = 1 + 0.1 * rng.standard_normal(channels), 0.1 * rng.standard_normal(channels)
    mean, variance = np.zeros(channels), np.ones(channels)
    with tf.Graph().as_default(), tf.Session() as session:
        fed = [tf.placeholder(tf.float32, size) for size in (shape, [channels], [channels])]
        out = tf.raw_ops.FusedBatchNormV3(
            x=fed[0],
            scale=tf.constant(gamma, tf.float32),
            offset=tf.constant(beta, tf.float32),
            mean=fed[1],
            variance=fed[2],
            epsilon=1e-3,
            exponential_avg_factor=0.01,
            is_training=True,
        )
        steps = []
        for image in images:
            y, mean, variance = session.run(out[:3], dict(zip(fed, (image, mean, variance))))
            steps.append({"y": rows(y), "mean": rows(mean), "variance": rows(variance)})
    return {"shape": shape, "gamma": rows(gamma), "beta": rows(beta), "images": [rows(i) for i in images], "steps": steps}


def rows(values):
    return [float(np.float32(value)) for value in np.ravel(values)]


print(
    json.dumps(
        {
            "about": f"TensorFlow {tf.__version__}. {__doc__.splitlines()[0]}",
            "command": "python training.py > training.json",
            "optimiser": optimiser(np.random.default_rng(1)),
            "norm": norm(np.random.default_rng(2)),
        }
    )
)
