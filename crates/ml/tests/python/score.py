"""Checks each model in the folder against ONNX's own rules and scores rows with ONNX Runtime.

Arguments: the folder, how many columns rows have. Rows are 32-bit floats in `rows`; for `name.onnx` the probabilities of
the second class go into `name.probabilities`, as 64-bit floats.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
rows = numpy.fromfile(folder / "rows", dtype="<f4").reshape(-1, int(sys.argv[2]))
for path in folder.glob("*.onnx"):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    label, probabilities = session.run(None, {"input": rows})
    assert ((probabilities[:, 1] > 0.5) == (label == 1)).all()
    probabilities[:, 1].astype("<f8").tofile(path.with_suffix(".probabilities"))
