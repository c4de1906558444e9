"""Read weights: `python read_safetensors.py FILE INPUTS RESULT`; the inputs are not used."""

import sys

import numpy as np
from safetensors.numpy import load_file

file, _, result = sys.argv[1:4]
np.savez(result, **load_file(file))
