"""Compares recognisers on the same crops: lines cut from the open images by the detector, and freshly drawn held-out lines.

  evaluate.py crops                       cut and draw the crops
  evaluate.py run NAME... [--model FILE]  read them all with: ours | ppocr | tesseract
  evaluate.py table                       print the CER of everything that was run
"""
import argparse
import functools
import hashlib
import json
import pathlib
import re
import subprocess

import cv2
import numpy as np
import onnxruntime
from PIL import Image
from rapidfuzz.distance import Levenshtein

from charset import CHARS
from paths import DETECTOR, IMAGES, RECOGNISER, SOURCE_DICT, SOURCE_ONNX, WORK

CROPS = WORK / "eval"
PAGES = {
    "ru documents, clean": ("ru_example_png.png", "ru_personal_data_law.png", "ru_months_list.png", "ru_line_eslav.jpg"),
    "ru scans and photos": ("ru_contract.jpg", "ru_small.jpg", "ru_example_tiff.tiff", "ru_example_jpg.jpg"),
    "rendered posts (rn_*)": ("rn_tg_dark_1.png", "rn_tg_light_1.png", "rn_alpha_black.png", "rn_pt_sans_webp.webp"),
    "ru tables": ("ru_gdp_table.png", "ru_fio_plain.png", "ru_table_plain.jpg"),
    "en": ("en_phototest.tif", "en_bold_font.png", "tb_acme_invoice.png"),
}
# Page -> share of its height that counts, and where its truth is cut: a block of two columns has no single reading order.
CUT = {"ru_contract.jpg": (0.68, "Заказчик:")}
DRAWN = {"synth ru": ("russian", "upper", "title", "office", "word"), "synth en": ("english_line",), "synth mixed": ("mixed", "contacts"),
         "synth cells": ("table_cell", "numbers")}
DRAWN_LINES = 200


def folded(text):
    """As figures are compared: one dash, one double quote, one apostrophe, ё = е, no bars, single spaces."""
    for group, plain in (("−—–‐‑", "-"), ("“”„«»″", '"'), ("’‘ʼ`", "'"), ("•∙●", "·"), ("|", " "), ("ё", "е"), ("Ё", "Е")):
        for sign in group:
            text = text.replace(sign, plain)
    return re.sub(r"\s+", " ", text.replace("…", "...")).strip()


@functools.lru_cache
def session(path, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def probabilities(image, max_side=1600):
    """The detector's map (rows, columns) of a BGR page."""
    height, width = image.shape[:2]
    ratio = min(1.0, max_side / max(height, width))
    size = [max(32, round(side * ratio / 32) * 32) for side in (width, height)]
    x = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    x = (x - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    run = session(DETECTOR, 2)
    return run.run(None, {run.get_inputs()[0].name: np.ascontiguousarray(x.transpose(2, 0, 1)[None])})[0][0, 0]


def detect(image):
    """Upright boxes (left, top, right, bottom) of a BGR page, and the slope of its lines."""
    height, width = image.shape[:2]
    found = probabilities(image)
    sx, sy = width / found.shape[1], height / found.shape[0]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((found >= 0.3).astype(np.uint8), connectivity=4)
    boxes, slopes = [], []
    for k in range(1, count):
        x, y, w, h, area = stats[k]
        inside = labels[y:y + h, x:x + w] == k
        if area < 6 or h < 3 or found[y:y + h, x:x + w][inside].mean() < 0.5:
            continue
        if w > 150:
            ys, xs = np.nonzero(inside)
            slopes.append(np.polyfit(xs, ys, 1)[0])
        out = w * h * 1.5 / (2 * (w + h))  # unclip
        boxes.append([int(max(0, (x - out) * sx)), int(max(0, (y - out) * sy)), int(min(width, (x + w + out) * sx)),
                      int(min(height, (y + h + out) * sy))])
    return boxes, float(np.median(slopes)) if slopes else 0.0


def reading_order(boxes, slope):
    """Rows from top to bottom, in a row from left to right."""
    def middle(box):
        return (box[1] + box[3]) / 2 - slope * (box[0] + box[2]) / 2
    rows = []
    for box in sorted(boxes, key=middle):
        height = np.median([b[3] - b[1] for b in rows[-1]]) if rows else 0
        if rows and middle(box) - np.mean([middle(b) for b in rows[-1]]) < 0.5 * min(box[3] - box[1], height):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row)]


def cut(image, box, slope):
    """The crop of a box; a long one of a tilted page is levelled."""
    left, top, right, bottom = box
    crop, width, height = image[top:bottom, left:right], right - left, bottom - top
    if abs(slope) <= 0.004 or width <= 6 * height:
        return crop
    drop = slope * width
    rows = max(8, height - abs(drop))
    corners = np.float32([[0, max(0, -drop)], [width, max(0, drop)], [0, height - max(0, drop)]])
    level = cv2.getAffineTransform(corners, np.float32([[0, 0], [width, 0], [0, rows]]))
    return cv2.warpAffine(np.ascontiguousarray(crop), level, (width, int(rows)), borderMode=cv2.BORDER_REPLICATE)


def page_crops(name):
    """Crops of one open image in reading order, and its truth."""
    page = Image.open(IMAGES / name).convert("RGBA")  # pixels as they are: ru_contract.jpg has an EXIF tag that lies
    page = Image.alpha_composite(Image.new("RGBA", page.size, "white"), page).convert("RGB")
    image = np.ascontiguousarray(np.asarray(page)[:, :, ::-1])
    share, end = CUT.get(name, (1.0, None))
    text = (IMAGES / "gt" / f"{pathlib.Path(name).stem}.txt").read_text(encoding="utf-8-sig")
    boxes, slope = detect(image)
    kept = [box for box in reading_order(boxes, slope) if box[3] - box[1] >= 5 and box[2] - box[0] >= 4 and box[1] <= share * image.shape[0]]
    return [cut(image, box, slope) for box in kept], text.split(end)[0] if end else text


def drawn_crops(kinds, clean):
    """Held-out lines of those kinds: (crop, text), clean ones black on white."""
    from paper import Paper
    from render import LineRenderer
    from textgen import TextGenerator
    texts, renderer = TextGenerator(77, True), LineRenderer(78, True)
    texts.keep({kind.__name__: weight for kind, weight in texts.kinds.items() if kind.__name__ in kinds})
    if clean:
        renderer.paper = Paper(renderer.r, clean=True)
    done = 0
    while done < DRAWN_LINES:
        text = texts.line()
        crop = renderer.render(text)
        if crop is not None:
            done += 1
            yield crop, text


def make_crops():
    """Writes the crops and index.json: {set, group, file, text}; the crops of one page are scored as one text."""
    CROPS.mkdir(parents=True, exist_ok=True)
    index = []

    def keep(name, group, crop, text):
        file = CROPS / f"{len(index):05}.png"
        cv2.imwrite(str(file), crop)
        index.append({"set": name, "group": group or file.name, "file": file.name, "text": text})
    for name, pages in PAGES.items():
        for page in pages:
            crops, text = page_crops(page)
            for crop in crops:
                keep(name, page, crop, text)
    for name, kinds in DRAWN.items():
        for quality in ("clean", "noisy"):
            for crop, text in drawn_crops(kinds, quality == "clean"):
                keep(f"{name} {quality}", None, crop, text)
    (CROPS / "index.json").write_text(json.dumps(index, ensure_ascii=False))
    print(len(index), "crops")


def read_ctc(model, symbols, images):
    """Texts of BGR crops by a recogniser with PP-OCR's input; `symbols` has one entry a class."""
    run, out = session(model), []
    for image in images:
        width = max(8, round(image.shape[1] * 48 / image.shape[0]))
        x = cv2.resize(image, (width, 48), interpolation=cv2.INTER_LINEAR).astype(np.float32) * (2 / 255) - 1
        best = run.run(None, {run.get_inputs()[0].name: x.transpose(2, 0, 1)[None]})[0][0].argmax(-1)
        out.append("".join(symbols[i] for i, before in zip(best, [-1, *best[:-1]]) if i and i != before))
    return out


def read_ours(images, model):
    return read_ctc(model, ["", *CHARS], images)


def read_ppocr(images, _):
    return read_ctc(SOURCE_ONNX, ["", *SOURCE_DICT.read_text(encoding="utf-8").split("\n")[:-1], " "], images)


def read_tesseract(images, _):
    """Each crop with 10 pixels of paper around it: with its own noisy edge repeated instead it read 13 % wrong and not 0.8 %."""
    folder = CROPS / "tesseract"
    folder.mkdir(exist_ok=True)
    names = []
    for i, image in enumerate(images):
        if image.shape[0] < 40:
            image = cv2.resize(image, None, fx=40 / image.shape[0], fy=40 / image.shape[0], interpolation=cv2.INTER_CUBIC)
        paper = np.median(image.reshape(-1, 3), 0).tolist()
        names.append(str(folder / f"{i:05}.png"))
        cv2.imwrite(names[-1], cv2.copyMakeBorder(image, 10, 10, 10, 10, cv2.BORDER_CONSTANT, value=paper))
    (folder / "list.txt").write_text("\n".join(names) + "\n")
    command = ["tesseract", str(folder / "list.txt"), "stdout", "-l", "rus+eng", "--psm", "7", "--dpi", "200"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [text.strip() for text in printed.split("\f")][:len(images)]


READERS = {"ours": read_ours, "ppocr": read_ppocr, "tesseract": read_tesseract}


def digest(name):
    return hashlib.sha1((CROPS / name).read_bytes()).hexdigest()


def run(name, model):
    """Reads all crops; what was read is kept by the crop's content."""
    index = json.loads((CROPS / "index.json").read_text())
    texts = READERS[name]([cv2.imread(str(CROPS / entry["file"])) for entry in index], model)
    assert len(texts) == len(index), (len(texts), len(index))
    kept = {digest(entry["file"]): text for entry, text in zip(index, texts)}
    (CROPS / f"read_{name}.json").write_text(json.dumps(kept, ensure_ascii=False))


def table():
    """Markdown: a row a set, a column a recogniser, CER in per cent."""
    index = json.loads((CROPS / "index.json").read_text())
    names = sorted(path.stem[5:] for path in CROPS.glob("read_*.json"))
    read = {name: json.loads((CROPS / f"read_{name}.json").read_text()) for name in names}
    print(f"| set | crops | {' | '.join(names)} |\n" + "|---" * (len(names) + 2) + "|")
    for chosen in dict.fromkeys(entry["set"] for entry in index):
        entries, figures = [entry for entry in index if entry["set"] == chosen], []
        for name in names:
            groups = {}
            for entry in entries:
                groups.setdefault(entry["group"], (entry["text"], []))[1].append(read[name].get(digest(entry["file"]), ""))
            errors = sum(Levenshtein.distance(folded(" ".join(got)), folded(want)) for want, got in groups.values())
            figures.append(f"{100 * errors / sum(len(folded(want)) for want, _ in groups.values()):.2f}")
        print(f"| {chosen} | {len(entries)} | {' | '.join(figures)} |")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("what", choices=["crops", "run", "table"])
    arguments.add_argument("names", nargs="*", help="with run: " + ", ".join(READERS))
    arguments.add_argument("--model", type=pathlib.Path, default=RECOGNISER)
    given = arguments.parse_args()
    if given.what == "crops":
        make_crops()
    elif given.what == "run":
        for name in given.names:
            run(name, given.model)
    else:
        table()


if __name__ == "__main__":
    main()
