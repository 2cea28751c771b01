"""The alphabet of the Russian and Latin recogniser: class 0 is the CTC blank, class i (from 1) is CHARS[i - 1]."""
import string

RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
UKRAINIAN_BELARUSIAN = "іїєґў"
TYPOGRAPHIC = "«»„“”‘’—–−…•·№§©®™°±×÷≈≤≥²³½¼¾¹µ€₽$£¥₴→←↑↓✓■□●‰†¶"

CHARS = (
    " "
    + RUSSIAN + RUSSIAN.upper()
    + UKRAINIAN_BELARUSIAN + UKRAINIAN_BELARUSIAN.upper()
    + string.ascii_letters + string.digits
    + string.punctuation
    + "".join(c for c in TYPOGRAPHIC if c not in string.punctuation)
)
assert len(set(CHARS)) == len(CHARS)
NUM_CLASSES = len(CHARS) + 1
INDEX = {c: i + 1 for i, c in enumerate(CHARS)}

# Cyrillic letter -> Latin letter of like shape: its row of the old head is where the new row starts. Several are rough on purpose
# (й from u, Я from R): any shared stroke beats a random start.
LATIN_TWIN = dict(zip("асеорхуіАВСЕНКМОРТХУІЅкгтинпмв", "aceopxyiABCEHKMOPTXYISkrmuHnMB"))
LATIN_TWIN |= {"З": "3", "з": "3", "б": "6", "ё": "ë", "Ё": "Ë", "ї": "ï", "Ї": "Ï", "н": "H", "т": "T", "в": "B", "м": "M", "к": "k",
               "г": "r", "и": "u", "п": "n", "л": "n", "й": "u", "я": "R", "Я": "R", "И": "N", "Й": "N", "ь": "b", "Ч": "4", "ч": "4",
               "Ф": "Φ", "П": "Π", "Г": "Γ", "Л": "Λ", "ф": "φ", "э": "3", "ы": "b", "Ь": "b", "є": "€", "ў": "y", "Ў": "Y"}

# Look-alike and invisible characters of the posts -> the one of the alphabet.
FOLD = {"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2007": " ", "\u2011": "-", "\u2010": "-", "\u2015": "—", "ʼ": "’", "‚": ",",
        "\u2060": "", "\u200b": "", "\ufe0f": "", "\u00ad": "", "∙": "·", "Ѐ": "Е"}


def fold(text):
    """Look-alikes replaced, invisible characters removed."""
    return "".join(FOLD.get(c, c) for c in text)


def encode(text):
    """Class indices; KeyError for a character outside the alphabet."""
    return [INDEX[c] for c in text]


def greedy_decode(indices):
    """Best-path CTC decoding of one sequence of class indices: repeats fall together, blanks fall out."""
    out, before = [], 0
    for i in map(int, indices):
        if i and i != before:
            out.append(CHARS[i - 1])
        before = i
    return "".join(out)


if __name__ == "__main__":
    from paths import CHARSET
    kept = CHARSET.read_text(encoding="utf-8").split("\n")[:-1]
    assert kept == list(CHARS), "assets/models/ruslat_charset.txt is another alphabet"
    print(f"{len(CHARS)} characters, as in {CHARSET.name}")
