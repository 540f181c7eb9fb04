"""Trains LightGBM and a forest of scikit-learn, exports both to ONNX, and keeps what they and ONNX Runtime say of rows.

Arguments: the folder, how many columns rows have. Rows are 32-bit floats in `train`, `rows` (some values missing) and
`whole` (none missing), labels are bytes in `labels`.
"""

import pathlib
import sys

import lightgbm
import numpy
import onnxruntime
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier

folder = pathlib.Path(sys.argv[1])
columns = int(sys.argv[2])


def read(name):
    return numpy.fromfile(folder / name, dtype="<f4").reshape(-1, columns)


def keep(name, numbers):
    numpy.asarray(numbers, dtype="<f8").tofile(folder / name)


def export(name, model, rows, library):
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    scores = session.run(None, {session.get_inputs()[0].name: rows})[1]
    if isinstance(scores, list):
        keep(f"{name}.runtime", [score[1] for score in scores])
    else:
        keep(f"{name}.runtime", scores[:, 1])
    keep(f"{name}.library", library)


train, rows, whole = read("train"), read("rows"), read("whole")
labels = numpy.fromfile(folder / "labels", dtype="u1").astype(int)

boosted = lightgbm.LGBMClassifier(n_estimators=60, num_leaves=15, verbose=-1, n_jobs=1)
boosted.fit(train, labels)
kinds = [("input", FloatTensorType([None, columns]))]
for name, zipmap in (("lightgbm", False), ("lightgbm-zipmap", True)):
    model = convert_lightgbm(boosted, initial_types=kinds, zipmap=zipmap)
    export(name, model, rows, boosted.predict_proba(rows)[:, 1])
keep("contributions", boosted.predict_proba(rows, pred_contrib=True))

forest = RandomForestClassifier(40, random_state=1)
forest.fit(numpy.nan_to_num(train, nan=-9.0), labels)
model = to_onnx(forest, whole[:1], options={"zipmap": False})
export("forest", model, whole, forest.predict_proba(whole)[:, 1])
