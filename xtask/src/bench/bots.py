"""What `cargo xtask bench bots` is compared with: ONNX Runtime on the model that it learned, and LightGBM on the same rows
with the same parameters, as often as it learned. One thread each, like the other side; processor time, and the middle of some
runs.

Usage: bots.py FOLDER
"""

import json
import pathlib
import sys
import time

import lightgbm
import numpy
import onnxruntime
from sklearn.model_selection import StratifiedGroupKFold

folder = pathlib.Path(sys.argv[1])
ROUNDS = 9

own = json.loads((folder / "own.json").read_text())
labels = numpy.fromfile(folder / "labels", dtype="u1").astype(int)
rows = numpy.fromfile(folder / "rows", dtype="<f4").reshape(len(labels), -1)
answers = numpy.fromfile(folder / "answers", dtype="<f8")


def cpu(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def each(score, some):
    """Processor time for a row of some, in microseconds; the first time is not counted."""
    score(some)
    return sorted(cpu(lambda: score(some)) for _ in range(ROUNDS))[ROUNDS // 2] / len(some) * 1e6


def tell(what, here, there):
    print(f"{what:<58} {there:>9.2f} µs here {here:>7.2f} µs {there / here:>7.1f} times")


def alone(score):
    return cpu(lambda: [score(row) for row in rows[:4000, None]]) / 4000 * 1e6


options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
known = session.get_modelmeta().custom_metadata_map


def by_runtime(some):
    return session.run(["probabilities"], {"input": some})[0]


def fitted(train):
    model = lightgbm.LGBMClassifier(
        n_estimators=own["trees"],
        learning_rate=own["learning_rate"],
        max_depth=own["max_depth"],
        num_leaves=own["max_leaves"],
        subsample=own["subsample"],
        subsample_freq=1,
        colsample_bytree=own["columns"],
        reg_lambda=own["l2"],
        min_child_weight=own["min_child_weight"],
        min_child_samples=1,
        max_bin=own["bins"],
        verbose=-1,
        n_jobs=1,
    )
    return model.fit(rows[train], labels[train])


# The same model gives the same answers, calibrated as the file says.
chance = numpy.clip(by_runtime(rows)[:, 1].astype(float), 1e-12, 1 - 1e-7)
margin = numpy.log(chance / (1 - chance))
calibrated = 1 / (1 + numpy.exp(-(float(known["calibration_a"]) * margin + float(known["calibration_b"]))))
print(f"{len(rows)} rows of {rows.shape[1]} signals, {labels.sum()} positive; answers differ by {abs(calibrated - answers).max():.1e} at most")

groups = numpy.arange(len(rows)) // 2
folds = list(StratifiedGroupKFold(own["folds"]).split(rows, labels, groups))
took = sum(cpu(lambda train=train: fitted(train)) for train, _ in folds)
models = []
took += cpu(lambda: models.append(fitted(numpy.arange(len(rows)))))
booster = models[0].booster_


def by_lightgbm(some):
    return booster.predict(some, num_threads=1)


here = own["many_micros"]
tell(f"ONNX Runtime {onnxruntime.__version__}, many rows, CPU a row", here, each(by_runtime, rows))
tell(f"LightGBM {lightgbm.__version__}, many rows, CPU a row", here, each(by_lightgbm, rows))
tell("ONNX Runtime, a row alone", here, alone(by_runtime))
tell("LightGBM, a row alone", here, alone(by_lightgbm))
print(f"LightGBM, learning {own['folds'] + 1} times: CPU {took:.2f} s, here {own['learned_secs']:.2f} s")
