"""ReLU and its bounded kin where a neuron stands: the ordinary artificial neural network."""
