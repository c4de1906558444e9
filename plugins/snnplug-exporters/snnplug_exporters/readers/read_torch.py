"""Run a program of torch.export: `python read_torch.py FILE INPUTS RESULT`."""

import sys

import numpy as np
import torch

file, inputs, result = sys.argv[1:4]
program = torch.export.load(file).module()
with np.load(inputs) as given, torch.no_grad():
    np.savez(result, output=program(torch.from_numpy(given["x"])).numpy())
