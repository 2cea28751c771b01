"""Fine-tunes the recogniser on drawn lines; the learning rate follows the wall clock and ends at --minutes.

  train.py --minutes 55                          from the weights of PP-OCRv6 tiny
  train.py --minutes 240 --resume checkpoint.pt  on from a checkpoint, in a new learning-rate cycle

Every --eval-minutes the CER on held-out drawn lines is measured; OUT/checkpoint.pt is the latest state, OUT/best.pt the best one.
"""
import argparse
import json
import math
import os
import pathlib
import time

import torch
from rapidfuzz.distance import Levenshtein
from torch.nn import functional as F

import source
from charset import CHARS, greedy_decode
from data import Shards, batches, validation_batches
from model import LineRecogniser
from paths import WORK

NEW_LAYERS = ("head", "context", "squeeze")
WARM_STEPS = 200
THAW_MINUTES = 1.0  # over which the old layers reach their rate, once they learn


def evaluate(net, shards):
    """CER, and the share of lines without an error."""
    net.eval()
    errors = characters = exact = lines = 0
    with torch.inference_mode():
        for images, _, _, labels in validation_batches(shards):
            best = net(images.contiguous(memory_format=torch.channels_last)).argmax(-1)
            for row, label in zip(best, labels):
                distance = Levenshtein.distance(greedy_decode(row), label)
                errors, characters, exact, lines = errors + distance, characters + len(label), exact + (distance == 0), lines + 1
    net.train()
    return errors / characters, exact / lines


def parameter_groups(net, given):
    """New layers learn faster than those that came with weights."""
    named = [(name.startswith(NEW_LAYERS), p) for name, p in net.named_parameters() if p.requires_grad]
    return [{"params": [p for new, p in named if new == is_new], "peak": peak, "old": not is_new}
            for is_new, peak in ((True, given.lr_new), (False, given.lr_old))]


class Cycle:
    """The learning rate over one run: warm-up, then a cosine down to 1 %, on the wall clock; at first only new layers learn."""

    def __init__(self, optimiser, minutes, head_minutes):
        self.optimiser, self.minutes, self.head_minutes = optimiser, minutes, head_minutes

    def set(self, step, minutes):
        """For the step to come, `minutes` after the start."""
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, minutes / self.minutes)))
        factor = min(1.0, (step + 1) / WARM_STEPS) * (0.01 + 0.99 * cosine)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
            if group["old"] and self.head_minutes:
                group["lr"] *= min(1.0, max(0.0, (minutes - self.head_minutes) / THAW_MINUTES))
                for p in group["params"]:
                    p.requires_grad_(minutes >= self.head_minutes)


class Progress:
    """What a checkpoint keeps beside the weights, and when the next measurement is due."""

    def __init__(self, net, validation, given, saved):
        self.net, self.validation, self.given = net, validation, given
        self.state = {key: saved[key] for key in ("samples", "minutes", "history")} if saved else {"samples": 0, "minutes": 0.0, "history": []}
        self.before, self.due = self.state["minutes"], given.eval_minutes
        self.best = min((entry["cer"] for entry in self.state["history"]), default=math.inf)

    def measure(self, minutes, loss):
        """Evaluates, prints, saves."""
        self.due, self.state["minutes"] = minutes + self.given.eval_minutes, self.before + minutes
        cer, exact = evaluate(self.net, self.validation)
        entry = {"minutes": round(self.state["minutes"], 2), "samples": self.state["samples"], "loss": round(loss, 4),
                 "cer": round(cer, 5), "exact": round(exact, 4)}
        self.state["history"].append(entry)
        print(json.dumps(entry), flush=True)
        self.save("checkpoint.pt")
        if cer < self.best:
            self.best = cer
            self.save("best.pt")

    def save(self, name):
        whole = self.given.out / name
        torch.save({"model": self.net.state_dict(), "chars": CHARS, **self.state}, f"{whole}.tmp")
        os.replace(f"{whole}.tmp", whole)


def start(given):
    """The network to train, and the checkpoint it came from, if any."""
    if not given.resume:
        return source.pretrained(), None
    saved = torch.load(given.resume, weights_only=False)
    if saved["chars"] != CHARS:
        raise SystemExit(f"{given.resume} was trained on another alphabet")
    net = LineRecogniser()
    net.load_state_dict(saved["model"])
    return net, saved


def learn(net, optimiser, batch, bf16):
    """One step; returns the loss. A step whose gradient is not finite changes nothing."""
    images, targets, lengths, _ = batch
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        logits = net(images.contiguous(memory_format=torch.channels_last))
    log_probabilities = F.log_softmax(logits.float(), -1).transpose(0, 1)
    steps = torch.full((images.shape[0],), log_probabilities.shape[0], dtype=torch.long)
    loss = F.ctc_loss(log_probabilities, targets, steps, lengths, zero_infinity=True)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_([p for p in net.parameters() if p.grad is not None], 2.0)
    if torch.isfinite(norm):
        optimiser.step()
    return loss.item()


def parse():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--minutes", type=float, required=True)
    arguments.add_argument("--train", default=str(WORK / "shards" / "train_*.npy"))
    arguments.add_argument("--val", default=str(WORK / "val" / "val_*.npy"))
    arguments.add_argument("--out", type=pathlib.Path, default=WORK)
    arguments.add_argument("--resume")
    arguments.add_argument("--columns", type=int, default=13000, help="image columns per batch")
    arguments.add_argument("--lr-new", type=float, default=3e-3)
    arguments.add_argument("--lr-old", type=float, default=1.2e-3)
    arguments.add_argument("--head-minutes", type=float, default=1.5, help="at the start only the new layers learn")
    arguments.add_argument("--eval-minutes", type=float, default=5)
    arguments.add_argument("--freeze-blocks", type=int, default=0, help="the stem and this many first blocks never learn (faster)")
    arguments.add_argument("--bf16", action="store_true")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--max-steps", type=int, default=10 ** 9)
    return arguments.parse_args()


def main():
    given = parse()
    torch.manual_seed(given.seed)
    torch.set_num_threads(given.threads)
    train, validation = Shards(given.train), Shards(given.val)
    print(f"{len(train)} training lines, {len(validation)} validation lines", flush=True)
    if not len(train) or not len(validation):
        raise SystemExit("no shards: run render.py first")
    given.out.mkdir(parents=True, exist_ok=True)
    net, saved = start(given)
    net = net.to(memory_format=torch.channels_last).train()
    for part in [net.stem1, net.stem2, *net.blocks[:given.freeze_blocks]] if given.freeze_blocks else []:
        part.requires_grad_(False)
    optimiser = torch.optim.AdamW(parameter_groups(net, given), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01)
    cycle = Cycle(optimiser, given.minutes, 0.0 if saved else given.head_minutes)
    progress = Progress(net, validation, given, saved)
    started, loss = time.time(), None
    for step, batch in enumerate(batches(train, given.columns, given.seed + progress.state["samples"])):
        minutes = (time.time() - started) / 60
        done = minutes >= given.minutes or step >= given.max_steps
        if done or minutes >= progress.due:
            progress.measure(minutes, loss or 0.0)
        if done:
            break
        cycle.set(step, minutes)
        new = learn(net, optimiser, batch, given.bf16)
        loss = new if loss is None else 0.98 * loss + 0.02 * new
        progress.state["samples"] += len(batch[3])
        if (step + 1) % 200 == 0:
            print(f"step {step + 1}, {minutes:.1f} min, {progress.state['samples']} samples, loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
