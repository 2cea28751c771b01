"""The fonts lines are drawn with: those of the system that have all of Russian, weighted by how often documents use them."""
import functools
import json
import subprocess

import numpy as np
from fontTools.ttLib import TTFont
from PIL import ImageFont

from paths import WORK

CACHE = WORK / "fonts.json"  # delete it after installing more fonts
REQUIRED = "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ0123456789.,:;()-ABCabc"
UNFIT = ("Thin", "Hairline", "ExtraLight", "Extra Light", "Initials", "Keyboard", "Smallcaps", "Small Caps", "Outline")
HELD_OUT = ("Lato", "Charis SIL", "Fira Code", "Roboto Slab", "Bookman Uralic")  # never trained on
# Weight of a whole family; those not named weigh 1.
FAMILY_WEIGHT = {
    "Liberation Serif": 10, "Liberation Sans": 8, "Liberation Sans Narrow": 4, "Arimo": 4, "Tinos": 4, "DejaVu Sans": 8, "DejaVu Serif": 4,
    "Roboto": 8, "PT Sans": 8, "PT Serif": 6, "Carlito": 7, "Noto Sans": 6, "Noto Serif": 4, "Open Sans": 6, "FreeSans": 4, "FreeSerif": 4,
    "Linux Libertine O": 3, "Inter": 5, "Cousine": 2, "Liberation Mono": 3, "CMU Serif": 3, "JetBrains Mono": 2, "DejaVu Sans Mono": 2,
    "PT Mono": 2, "Old Standard TT": 2, "Gentium Plus": 2, "OpenDyslexic": 0.2, "Lobster Two": 0.2, "Chancery Uralic": 0.2,
    "CMU Serif Upright Italic": 0.2, "Go Smallcaps": 0, "Monoisome": 0, "Noto Sans Display": 3, "Noto Serif Display": 1,
}


@functools.lru_cache(maxsize=600)
def load(path, size):
    """A face at a size in pixels."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def described(row):
    """A row of fc-list as {path, family, style, cmap}, or None when the face cannot serve."""
    path, rest = row.split(": ", 1)
    if not path.lower().endswith((".ttf", ".otf")) or any(word in rest for word in UNFIT):
        return None
    try:
        cmap = set(TTFont(path, lazy=True).getBestCmap())
        marks = [bytes(load(path, 30).getmask(c)) for c in "Жфыд"]
        empty = bytes(load(path, 30).getmask("\uffff"))
    except Exception as error:  # a broken font is only left out
        print("left out:", path, error)
        return None
    # Some faces map Cyrillic and draw the same box for every letter.
    if not all(ord(c) in cmap for c in REQUIRED) or len(set(marks)) < 4 or empty in marks:
        return None
    family = rest.split(":style=")[0].split(",")[0].replace("\\-", "-")
    return {"path": path, "family": family, "style": rest.split(":style=")[-1], "cmap": sorted(c for c in cmap if c < 0x2700)}


def usable():
    """All faces that can serve, cached on disk."""
    if CACHE.exists():
        return json.loads(CACHE.read_text())
    listed = subprocess.run(["fc-list", ":lang=ru", "file", "family", "style"], capture_output=True, text=True, check=True).stdout
    faces = [face for face in map(described, sorted(set(listed.splitlines()))) if face]
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    CACHE.write_text(json.dumps(faces))
    return faces


class Fonts:
    """Picks faces at random, families by weight; with `validation` the held-out families, all alike."""

    def __init__(self, rng, validation):
        self.rng, groups = rng, {}
        for face in usable():
            if (face["family"] in HELD_OUT) == validation and FAMILY_WEIGHT.get(face["family"], 1) > 0:
                groups.setdefault(face["family"], []).append(face | {"cmap": set(face["cmap"])})
        if not groups:
            raise SystemExit("no fitting font is installed: see README.md, \"Set up\"")
        self.families = [groups[name] for name in sorted(groups)]
        weights = np.array([1.0 if validation else FAMILY_WEIGHT.get(name, 1) for name in sorted(groups)])
        self.chances = weights / weights.sum()

    def pick(self, text):
        """A face that has every sign of the text, or None after eight tries."""
        need = set(map(ord, text)) - {32}
        for _ in range(8):
            faces = self.families[self.rng.choice(len(self.families), p=self.chances)]
            face = faces[self.rng.integers(len(faces))]
            if need <= face["cmap"]:
                return face
        return None
