"""Draws random labels as 48-pixel-high grey crops, as a text detector would cut them from a page, and saves them as shards.

A shard is two files: NAME.npy, uint8 (48, total width), the crops side by side; NAME.json, their widths and labels.

  render.py --out work/shards --shards 4 --lines 5000 --seed 100 [--validation] [--kinds english_line=5,mixed=2]
"""
import argparse
import json
import pathlib
import unicodedata

import cv2
import numpy as np
from PIL import Image, ImageDraw

import fonts
from paper import Paper
from textgen import TextGenerator

HEIGHT = 48
MAX_WIDTH = 1200


class LineRenderer:
    """Draws one label with a random face, damage and crop."""

    def __init__(self, seed, validation=False):
        self.r = np.random.default_rng(seed)
        self.fonts, self.paper = fonts.Fonts(self.r, validation), Paper(self.r)

    def chance(self, p):
        return self.r.random() < p

    def render(self, text):
        """Grey crop uint8 (48, width), dark on light or the other way round, or None when the text does not fit."""
        face = self.fonts.pick(text)
        if face is None:
            return None
        size = int(np.exp(self.r.uniform(np.log(13), np.log(58))))
        drawn = self.draw(text, fonts.load(face["path"], size), size)
        if drawn is None:
            return None
        mask, ink, line = drawn
        mask = self.thicken(self.rule(mask, ink, line, size), size)
        crop = self.paper.lay(self.cut(mask, ink, line, size))
        if self.chance(0.35):
            _, packed = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(self.r.integers(28, 96))])
            crop = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
        width = max(8, round(crop.shape[1] * HEIGHT / crop.shape[0]))
        if width > MAX_WIDTH or width < len(text) * 5:  # CTC needs a step a character and one between equal ones
            return None
        if crop.shape[0] > HEIGHT * 1.2 and self.chance(0.5):
            filtering = cv2.INTER_AREA
        else:
            filtering = [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR][self.r.integers(3)]
        return cv2.resize(crop, (width, HEIGHT), interpolation=filtering)

    def advances(self, text, font, size):
        """Pixels to the next character, when letters or words are spaced unevenly; None for the font's own spacing."""
        letters = self.r.uniform(-0.03, 0.25) * size if self.chance(0.10) else 0.0
        if not letters and not (" " in text and self.chance(0.08)):
            return None
        words = letters or (self.r.uniform(0.3, 2.5) if self.chance(0.5) else self.r.uniform(-0.05, 0.3)) * size
        return [font.getlength(c) + letters + (words if c == " " else 0) for c in text]

    def draw(self, text, font, size):
        """Ink coverage 0 to 255 with wide margins, the box of the ink, the box of the line; None when nothing shows."""
        ascent, descent = font.getmetrics()
        advances = self.advances(text, font, size)
        width = sum(advances) if advances else font.getlength(text)
        image = Image.new("L", (int(width + 2 * size + 2), int(ascent + descent + 2 * size)), 0)
        canvas, x, y = ImageDraw.Draw(image), size + self.r.random(), size
        for piece, step in zip(text, advances) if advances else [(text, 0)]:
            canvas.text((x, y), piece, font=font, fill=255)
            x += step
        mask = np.asarray(image)
        columns, rows = np.flatnonzero(mask.max(0) > 40), np.flatnonzero(mask.max(1) > 40)
        if not len(columns):
            return None
        ink = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        line = (columns[0], y + int(0.12 * ascent), columns[-1] + 1, y + ascent + int(0.9 * descent))
        if self.chance(0.12):
            mask = np.maximum(mask, self.neighbours(text, font, image.size, y, (ascent + descent) * self.r.uniform(0.95, 1.25)))
        return mask, ink, line

    def neighbours(self, text, font, size, y, lead):
        """What shows of the lines above and below."""
        words = text.split(" ")
        self.r.shuffle(words)
        image = Image.new("L", size, 0)
        for sign in (-1, 1):
            if self.chance(0.6):
                ImageDraw.Draw(image).text((y + self.r.uniform(-y, y), y + sign * lead), " ".join(words), font=font, fill=255)
        return np.asarray(image)

    def rule(self, mask, ink, line, size):
        """Underlines, and the borders of table cells."""
        r, (h, w) = self.r, mask.shape
        mask = mask.copy()
        if self.chance(0.10):
            thick = max(1, int(size * r.uniform(0.03, 0.1)))
            left, right = (0, w) if self.chance(0.6) else (ink[0], ink[2])
            below = self.chance(0.6)
            y = line[3] + int(size * r.uniform(-0.12, 0.15)) if below else line[1] - int(size * r.uniform(0.0, 0.25))
            cv2.line(mask, (int(left), int(y)), (int(right), int(y)), int(r.integers(120, 256)), thick)
        if self.chance(0.07):
            thick, away = max(1, int(size * r.uniform(0.03, 0.09))), int(size * r.uniform(0.15, 0.5))
            x = ink[0] - away if self.chance(0.5) else ink[2] + away
            cv2.line(mask, (int(x), 0), (int(x), h), int(r.integers(120, 256)), thick)
        return mask

    def thicken(self, mask, size):
        """Ink that bled, or strokes that faded."""
        x = self.r.random()
        if x < 0.06 and size >= 22:
            return cv2.erode(mask, np.ones((2, 2), np.uint8))
        if x < 0.14 and size >= 18:
            return cv2.dilate(mask, np.ones((2, 2) if self.chance(0.6) else (2, 1), np.uint8))
        return mask

    def box(self, ink, line, size):
        """Left, top, right, bottom of the crop: tight ink or the whole line, with a detector's slack."""
        r = self.r
        whole = (line[0], min(line[1], ink[1]), line[2], max(line[3], ink[3]))
        box = ink if self.chance(0.55) else whole if self.chance(0.8) else line
        if box[3] - box[1] < 0.25 * size:  # a lone dash or dot: keep it at its place in the line
            box = (box[0], line[1], box[2], line[3])
        height = box[3] - box[1]
        slack = (r.uniform(-0.03, 0.28, 2) if self.chance(0.85) else r.uniform(0.0, 0.6, 2)) * height
        side = (r.uniform(-0.02, 0.45, 2) if self.chance(0.9) else r.uniform(0, 1.5, 2)) * height
        return box[0] - side[0], box[1] - slack[0], box[2] + side[1], box[3] + slack[1]

    def cut(self, mask, ink, line, size):
        """The crop as coverage 0 to 1 at the size of the page: tilted, sheared, squeezed."""
        r = self.r
        left, top, right, bottom = self.box(ink, line, size)
        width, height = right - left, bottom - top
        corners = np.float32([[left, top], [right, top], [right, bottom], [left, bottom]])
        if self.chance(0.45):
            limit = 3.0 if self.chance(0.15) else 1.0
            drop = np.clip(np.tan(np.deg2rad(r.uniform(-limit, limit))) * width / 2, -0.35 * height, 0.35 * height)
            grow = abs(drop) * r.uniform(0.3, 1.0)
            corners += np.float32([[0, -drop - grow], [0, drop - grow], [0, drop + grow], [0, -drop + grow]])
            if self.chance(0.4):
                shear = r.uniform(-0.2, 0.2) * height
                corners += np.float32([[shear, 0], [shear, 0], [0, 0], [0, 0]])
            if self.chance(0.3):
                corners += np.float32(r.uniform(-0.06, 0.06, (4, 2)) * height)
        squeeze = r.uniform(0.8, 1.22) if self.chance(0.3) else 1.0
        h, w = max(8, round(height)), max(4, round(width * squeeze))
        place = cv2.getPerspectiveTransform(corners, np.float32([[0, 0], [w, 0], [w, h], [0, h]]))
        return cv2.warpPerspective(mask, place, (w, h), flags=cv2.INTER_LINEAR).astype(np.float32) / 255


def write_shard(name, lines, seed, validation, kinds):
    """Draws `lines` crops into NAME.npy and NAME.json; `kinds` (method of TextGenerator -> weight) replaces the usual mix."""
    texts, renderer = TextGenerator(seed, validation), LineRenderer(seed + 1, validation)
    if kinds:
        texts.keep(kinds)
    crops, labels = [], []
    while len(crops) < lines:
        text = texts.line()
        crop = renderer.render(text)
        if crop is not None:
            crops.append(crop)
            labels.append(unicodedata.normalize("NFC", text))
    pixels, unfinished = pathlib.Path(f"{name}.npy"), pathlib.Path(f"{name}.tmp.npy")
    np.save(unfinished, np.concatenate(crops, 1))
    pathlib.Path(f"{name}.json").write_text(json.dumps({"widths": [crop.shape[1] for crop in crops], "labels": labels}, ensure_ascii=False))
    unfinished.rename(pixels)  # train.py may be looking


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--out", required=True, type=pathlib.Path)
    arguments.add_argument("--shards", type=int, default=1)
    arguments.add_argument("--lines", type=int, default=4000)
    arguments.add_argument("--seed", type=int, default=1000, help="shard k uses seed + k: give each process its own range")
    arguments.add_argument("--validation", action="store_true", help="held-out fonts and posts")
    arguments.add_argument("--kinds", default="", help="label mix, e.g. english_line=5,mixed=2 (methods of TextGenerator)")
    given = arguments.parse_args()
    kinds = {name: float(weight) for name, weight in (part.split("=") for part in given.kinds.split(",") if part)}
    cv2.setNumThreads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seed, given.seed + given.shards):
        write_shard(given.out / f"{'val' if given.validation else 'train'}_{seed}", given.lines, seed, given.validation, kinds)
        print("shard", seed, flush=True)


if __name__ == "__main__":
    main()
