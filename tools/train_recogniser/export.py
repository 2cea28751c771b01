"""Writes a checkpoint as ONNX with any batch and width, checks it against PyTorch and, with --bench, times it.

  export.py [--checkpoint work/best.pt] [--onnx work/ruslat_rec.onnx] [--bench]

Output: probabilities (N, W / 4, classes); class 0 is the CTC blank, class i line i of the charset file that is written beside it.
"""
import argparse
import os
import pathlib
import time

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from charset import CHARS
from model import LineRecogniser
from paths import CHECKPOINT, SOURCE_ONNX, WORK


class WithSoftmax(nn.Module):
    """Logits to probabilities, as part of the graph."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).softmax(-1)


def session(path):
    """ONNX Runtime on one thread of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def milliseconds_per_line(path, batch=16, width=640, repeats=8):
    """CPU time of one line; the best of `repeats` runs."""
    run = session(path)
    feed = {run.get_inputs()[0].name: np.random.default_rng(0).uniform(-1, 1, (batch, 3, 48, width)).astype(np.float32)}
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        run.run(None, feed)
        best = min(best, time.process_time() - started)
    return best / batch * 1000


def write(net, saved, path):
    """The ONNX file with where it comes from in its metadata."""
    axes = {"x": {0: "batch", 3: "width"}, "probs": {0: "batch", 1: "steps"}}
    torch.onnx.export(net, torch.randn(2, 3, 48, 320), str(path), opset_version=17, input_names=["x"], output_names=["probs"],
                      dynamic_axes=axes, dynamo=False)
    model = onnx.load(path)
    for key, value in (("licence", "Apache-2.0; fine-tuned from PP-OCRv6 tiny recogniser"), ("charset", "ruslat_charset.txt"),
                       ("training", f"{saved['samples']} synthetic lines, {saved['minutes']:.0f} CPU minutes")):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, path)


def check(net, path):
    """Fails when ONNX Runtime and PyTorch differ on batches of several sizes."""
    run = session(path)
    for batch, width in ((1, 64), (3, 328), (5, 1000)):
        x = np.random.default_rng(batch).uniform(-1, 1, (batch, 3, 48, width)).astype(np.float32)
        with torch.inference_mode():
            difference = np.abs(run.run(None, {"x": x})[0] - net(torch.from_numpy(x)).numpy()).max()
        if difference > 1e-3:
            raise SystemExit(f"batch {batch}, width {width}: the exported model differs by {difference}")
        print(f"batch {batch} width {width}: max difference {difference:.1e}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--checkpoint", type=pathlib.Path, default=CHECKPOINT)
    arguments.add_argument("--onnx", type=pathlib.Path, default=WORK / "ruslat_rec.onnx")
    arguments.add_argument("--bench", action="store_true")
    given = arguments.parse_args()
    saved = torch.load(given.checkpoint, weights_only=False, map_location="cpu")
    if saved["chars"] != CHARS:
        raise SystemExit(f"{given.checkpoint} was trained on another alphabet")
    net = LineRecogniser()
    net.load_state_dict(saved["model"])
    net = WithSoftmax(net).eval()
    given.onnx.parent.mkdir(parents=True, exist_ok=True)
    unchecked = given.onnx.with_suffix(".tmp")
    write(net, saved, unchecked)
    check(net, unchecked)
    os.replace(unchecked, given.onnx)
    (given.onnx.parent / "ruslat_charset.txt").write_text("\n".join(CHARS) + "\n", encoding="utf-8")
    print(given.onnx, given.onnx.stat().st_size, "bytes; last measured:", saved["history"][-1:])
    if given.bench:
        for path in (given.onnx, SOURCE_ONNX):
            print(f"{milliseconds_per_line(path):.2f} ms a line: {path.name}")


if __name__ == "__main__":
    main()
