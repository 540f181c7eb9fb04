"""What `cargo xtask bench models` is compared with: ONNX Runtime on the model it made, and LightGBM on the same rows with the
same parameters. One thread each, like the other side.

Usage: models.py FOLDER
"""

import pathlib
import sys
import time

import lightgbm
import numpy
import onnxruntime
from sklearn.metrics import average_precision_score, roc_auc_score

folder = pathlib.Path(sys.argv[1])
ROUNDS = 20


def read(name):
    labels = numpy.fromfile(folder / f"{name}.labels", dtype="u1").astype(int)
    return numpy.fromfile(folder / name, dtype="<f4").reshape(len(labels), -1), labels


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def scored(what, score, rows):
    single = sorted(timed(lambda row=row: score(row))[1] for row in rows[:2000, None])
    _, whole = timed(lambda: [score(rows) for _ in range(ROUNDS)])
    half, most = (single[len(single) * part // 100] * 1e6 for part in (50, 99))
    print(f"{what}: a row alone p50 {half:.2f} µs, p99 {most:.2f} µs; many {len(rows) * ROUNDS / whole:.0f} rows/s")


train, train_labels = read("train")
test, labels = read("test")

model = lightgbm.LGBMClassifier(
    n_estimators=200,
    learning_rate=0.1,
    max_depth=4,
    num_leaves=16,
    subsample=0.8,
    subsample_freq=1,
    colsample_bytree=0.8,
    reg_lambda=1,
    min_child_weight=1,
    min_child_samples=1,
    verbose=-1,
    n_jobs=1,
)
_, took = timed(lambda: model.fit(train, train_labels))
scores = model.predict_proba(test)[:, 1]
print(
    f"LightGBM {lightgbm.__version__}: learned in {took:.2f} s, AUC-ROC {roc_auc_score(labels, scores):.4f}, "
    f"average precision {average_precision_score(labels, scores):.4f}"
)
booster = model.booster_
scored("LightGBM", lambda rows: booster.predict(rows, num_threads=1), test)

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    folder / "model.onnx", options, providers=["CPUExecutionProvider"]
)
scored(f"ONNX Runtime {onnxruntime.__version__}", lambda rows: session.run(None, {"input": rows}), test)
