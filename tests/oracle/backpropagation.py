"""The losses that PyTorch finds for the runs of `orrery figure backpropagation`.

It takes the first weights and the examples from a recorded run of ours, trains the same network with
PyTorch's autograd and its optimizers in double precision, and writes the losses as a C header:

    ORRERY=build/test/bin/orrery python3 tests/oracle/backpropagation.py \\
        >observer/figure/backpropagation_reference.h

Needs PyTorch (the numbers in the tree are from Debian 12's python3-torch) and nothing else."""

import json
import os
import struct
import subprocess
import sys
import tempfile

import torch

STEPS, EVERY = 300, 6
COMMON = ["seed=1", "check_every=1", "every_ms=1"]
RUNS = [
    ("moons, tanh 4-4, SGD", ["data=moons", "points=200", "hidden=4,4", "activation=tanh", "rate=0.3"]),
    ("circles, tanh 8-8, Adam", ["data=circles", "points=200", "hidden=8,8", "activation=tanh", "optimizer=adam", "rate=0.02"]),
    ("digits, ReLU 16, momentum", ["data=digits", "points=400", "hidden=16", "activation=relu", "optimizer=momentum", "rate=0.05"]),
]


def fields(message):
    """(number, value) of each field: numbers, and bytes for what has a length."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(key & 7) or varint()
            yield key >> 3, message[at:at + size]
            at += size


def doubles(packed):
    return torch.tensor(struct.unpack(f"<{len(packed) // 8}d", packed), dtype=torch.float64)


def batches_of(settings):
    """Of a recorded run, step by step: sizes, weights, inputs, labels."""
    program = os.environ["ORRERY"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.orr")
        words = [word for setting in COMMON + settings for word in ("--set", setting)]
        subprocess.run([program, "sandbox", "backpropagation", "--headless", "--for", "1s", "--record", path, *words],
                       check=True, stdout=subprocess.DEVNULL)
        told = subprocess.run([program, "replay", path, "--json"], check=True, capture_output=True, text=True).stdout
    for line in told.split("\n"):
        if "backpropagation.Batch" in line and '"kind":"trace"' in line:
            event = json.loads(line)
            yield dict(fields(bytes.fromhex(event["body"]["body"][2:])))


def layers_of(sizes, weights):
    layers, at = [], 0
    for i, units in zip(sizes, sizes[1:]):
        rows = weights[at:at + units * i].reshape(units, i).clone().requires_grad_()
        at += units * i
        biases = weights[at:at + units].clone().requires_grad_()
        at += units
        layers += [rows, biases]
    return layers


def setting(settings, key, otherwise):
    return next((s.split("=")[1] for s in settings if s.startswith(key + "=")), otherwise)


def train(settings):
    batches = list(batches_of(settings))
    assert len(batches) >= STEPS, f"the run had only {len(batches)} steps"
    sizes = list(batches[0][2])  # each below 128: a byte
    layers = layers_of(sizes, doubles(batches[0][5]))
    rate = float(setting(settings, "rate", "0.3"))
    optimizer = {"sgd": lambda p: torch.optim.SGD(p, rate), "adam": lambda p: torch.optim.Adam(p, rate),
                 "momentum": lambda p: torch.optim.SGD(p, rate, momentum=0.9)}[setting(settings, "optimizer", "sgd")](layers)
    bend = {"tanh": torch.tanh, "relu": torch.relu}[setting(settings, "activation", "tanh")]

    def loss_of(x, labels):
        for k in range(0, len(layers), 2):
            x = torch.nn.functional.linear(x, layers[k], layers[k + 1])
            x = bend(x) if k + 2 < len(layers) else x
        if sizes[-1] == 1:
            return torch.nn.functional.binary_cross_entropy_with_logits(x[:, 0], labels.double())
        return torch.nn.functional.cross_entropy(x, labels)

    examples = [(doubles(b[6]).reshape(-1, sizes[0]), torch.tensor(list(b[7]))) for b in batches[:STEPS]]
    points = int(setting(settings, "points", "0"))  # taken one after the other, again and again
    whole = [torch.cat(part)[:points] for part in zip(*examples)]
    losses = []
    for inputs, labels in examples:
        losses.append(loss_of(*whole).item())
        optimizer.zero_grad()
        loss_of(inputs, labels).backward()
        optimizer.step()
    return losses[::EVERY]


def main():
    print(f"/* Loss of the whole set before steps 1, {1 + EVERY}, {1 + 2 * EVERY} ... of training by PyTorch {torch.__version__},\n"
          " * autograd in double precision, from the same first weights on the same examples. Written by\n"
          " * tests/oracle/backpropagation.py. */\n"
          "#ifndef ORRERY_FIGURE_BACKPROPAGATION_REFERENCE_H\n#define ORRERY_FIGURE_BACKPROPAGATION_REFERENCE_H\n\n"
          f"enum {{ REFERENCE_STEPS = {STEPS}, REFERENCE_EVERY = {EVERY}, REFERENCE_POINTS = {STEPS // EVERY} }};\n\n"
          "/* clang-format off */\n"
          "static const struct reference {\n    const char *name;\n    const char *settings[10];\n    double losses[REFERENCE_POINTS];\n} references[] = {")
    for name, settings in RUNS:
        print(f'    {{"{name}",\n     {{' + ", ".join(f'"{s}"' for s in COMMON + settings) + "},\n     {")
        losses = train(settings)
        for at in range(0, len(losses), 4):
            print("      " + " ".join(f"{v:.17g}," for v in losses[at:at + 4]))
        print("     }},")
    print("};\n/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    sys.exit(main())
