"""Training batches from the shards that render.py writes."""
import glob
import json
import pathlib
import random

import numpy as np
import torch

from charset import encode

STEP = 32  # batch widths are multiples of this
POOL = 4096  # crops that are sorted by width together


class Shards:
    """All crops of the shards that match a pattern, in memory as uint8."""

    def __init__(self, pattern):
        self.pattern, self.loaded = pattern, set()
        self.items = []  # shard array, x, width, label
        self.refresh()

    def refresh(self):
        """Takes in shards that were finished since the last call."""
        for path in sorted(glob.glob(self.pattern)):
            if path.endswith(".tmp.npy") or path in self.loaded:
                continue
            self.loaded.add(path)
            pixels, described = np.load(path), json.loads(pathlib.Path(path[:-4] + ".json").read_text())
            x = 0
            for width, label in zip(described["widths"], described["labels"]):
                self.items.append((pixels, x, width, label))
                x += width

    def __len__(self):
        return len(self.items)


def colourise(crop, rng):
    """Grey (48, w) -> float BGR (3, 48, w) in [−1, 1]: half stay grey, the others get another contrast, or tinted paper and ink."""
    x = crop.astype(np.float32) * (2 / 255) - 1
    u = rng.random()
    if u < 0.5:
        return np.broadcast_to(x, (3,) + x.shape)
    if u < 0.75:
        gain, shift = rng.uniform(0.5, 1.0), rng.uniform(-0.2, 0.2)
        return np.broadcast_to(np.clip(x * gain + shift, -1, 1), (3,) + x.shape)
    sign = -1.0 if rng.random() < 0.25 else 1.0
    gain = np.array([rng.uniform(0.35, 1.0) for _ in range(3)], np.float32)
    shift = np.array([rng.uniform(-1, 1) * (1 - g) for g in gain], np.float32)
    return np.clip(sign * x[None] * gain[:, None, None] + shift[:, None, None], -1, 1)


def make_batch(items, rng, augment):
    """Images (N, 3, 48, W), targets one after the other, their lengths, the labels; crops are padded on the right with 0, mid grey."""
    shifts = [rng.randrange(0, 8) if augment else 0 for _ in items]
    width = max(w + s for (_, _, w, _), s in zip(items, shifts))
    width = (width + STEP - 1) // STEP * STEP
    images = np.zeros((len(items), 3, 48, width), np.float32)
    for k, ((pixels, x, w, _), s) in enumerate(zip(items, shifts)):
        crop = np.pad(pixels[:, x:x + w], ((0, 0), (s, 0)), mode="edge")  # another phase against the steps of 4 pixels
        images[k, :, :, :w + s] = colourise(crop, rng) if augment else crop.astype(np.float32) * (2 / 255) - 1
    labels = [label for _, _, _, label in items]
    targets = [encode(label) for label in labels]
    flat = torch.tensor([i for target in targets for i in target], dtype=torch.long)
    lengths = torch.tensor([len(target) for target in targets], dtype=torch.long)
    return torch.from_numpy(images), flat, lengths, labels


def grouped(order, items, columns, slack):
    """Neighbours of `order` in groups of about `columns` image columns."""
    groups, group = [], []
    for i in order:
        if group and (len(group) + 1) * (items[i][2] + slack) > columns:
            groups.append(group)
            group = []
        group.append(i)
    return groups + [group] if group else groups


def batches(shards, columns, seed):
    """Endless augmented batches of crops of like width, about `columns` image columns each."""
    rng = random.Random(seed)
    while True:
        shards.refresh()
        order = list(range(len(shards)))
        rng.shuffle(order)
        for start in range(0, len(order), POOL):
            pool = sorted(order[start:start + POOL], key=lambda i: shards.items[i][2] + rng.uniform(-20, 20))
            groups = grouped(pool, shards.items, columns, 8)
            rng.shuffle(groups)
            for group in groups:
                yield make_batch([shards.items[i] for i in group], rng, True)


def validation_batches(shards, columns=24000):
    """All crops once, in order of width, as they are."""
    order = sorted(range(len(shards)), key=lambda i: shards.items[i][2])
    for group in grouped(order, shards.items, columns, 0):
        yield make_batch([shards.items[i] for i in group], random.Random(0), False)
