"""Run an ONNX model with onnxruntime: `python read_onnxruntime.py FILE INPUTS RESULT`."""

import sys

import numpy as np
import onnxruntime

file, inputs, result = sys.argv[1:4]
session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
with np.load(inputs) as given:
    (output,) = session.run(None, {session.get_inputs()[0].name: given["x"]})
np.savez(result, output=output)
