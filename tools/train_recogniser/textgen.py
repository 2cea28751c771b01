"""Random labels: running Russian text of posts, and of our own making numbers, codes, contacts, English, table cells."""
import random
import re

from charset import CHARS, INDEX, RUSSIAN, fold
from contacts import Contacts
from figures import Figures
from words import (ABBREVIATIONS, BRANDS, COMMON_ENGLISH, OFFICE, SURNAMES, UKRAINIAN_BELARUSIAN_WORDS, english_words, paragraphs)

LONGEST = 600  # characters of a paragraph that count for its weight: one long post must not fill the training set


class TextGenerator:
    """Samples one label at a time; one seed gives one sequence. With `validation` only held-out posts are used."""

    def __init__(self, seed, validation=False):
        self.rng = random.Random(seed)
        self.paragraphs, self.ends, total = paragraphs(validation), [], 0
        for paragraph in self.paragraphs:
            total += min(len(paragraph), LONGEST)
            self.ends.append(total)
        self.english = english_words()
        self.figures, self.people = Figures(self.rng), Contacts(self.rng, self.english)
        self.kinds = {self.russian: 42, self.upper: 6, self.title: 3, self.english_line: 11, self.numbers: 8, self.table_cell: 8,
                      self.mixed: 5, self.contacts: 5, self.ukrainian_belarusian: 3, self.office: 5, self.random_symbols: 2, self.word: 2,
                      self.enumerated: 5}

    def keep(self, weights):
        """Only the kinds named in `weights` (method name -> weight)."""
        self.kinds = {getattr(self, name): weight for name, weight in weights.items()}

    def line(self):
        """One label of 1 to about 70 characters, all in the alphabet."""
        while True:
            kind = self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]
            text = re.sub(r"\s+", " ", fold(kind())).strip()
            text = "".join(c for c in text if c in INDEX)
            if text:
                return text

    def window(self, length):
        """Words of a post that follow each other, about `length` characters; a quarter end in a hyphenated word."""
        r = self.rng
        words = r.choices(self.paragraphs, cum_weights=self.ends)[0].split(" ")
        out = ""
        for word in words[0 if r.random() < 0.25 else r.randrange(len(words)):]:
            if out and len(out) + 1 + len(word) > length:
                if r.random() < 0.25 and word.isalpha() and len(word) > 5:
                    out += " " + word[:r.randint(2, len(word) - 2)] + "-"
                break
            out = (out + " " + word).strip()
        return out[:length + 25]

    def length(self):
        """Of a line: a fifth are short, most as in a column, a quarter as on a page."""
        x = self.rng.random()
        least, most = (3, 12) if x < 0.2 else (12, 34) if x < 0.75 else (34, 60)
        return self.rng.randint(least, most)

    def russian(self):
        text = self.window(self.length())
        x = self.rng.random()
        for limit, (before, after) in ((0.04, "«»"), (0.06, "()"), (0.08, "„“"), (0.10, "“”")):
            if x < limit:
                return before + text + after
        if x < 0.15:
            return self.rng.choice(["— ", "– ", "• ", "- ", "1. ", "2) ", "а) ", "· ", "■ ", "● ", "→ ", "✓ "]) + text
        return self.figures.section() + " " + text if x < 0.17 else text

    def word(self):
        word = self.rng.choice(self.window(40).split(" "))
        return word.capitalize() if self.rng.random() < 0.3 else word

    def upper(self):
        return self.window(self.rng.randint(4, 40)).upper()

    def title(self):
        return self.window(self.rng.randint(6, 35)).title()

    def numbers(self):
        return self.figures.any()

    def contacts(self):
        return self.people.any(self.word())

    def office(self):
        """Words of contracts and forms."""
        r = self.rng
        words = [r.choice(OFFICE) for _ in range(r.randint(1, 5))]
        if r.random() < 0.3:
            words = [word.upper() for word in words]
        elif r.random() < 0.3:
            words[0] = words[0].capitalize()
        if r.random() < 0.35:
            words.insert(r.randint(0, len(words)), self.figures.any())
        return " ".join(words) + r.choice(["", "", "", ":", ".", ",", ";"])

    def enumerated(self):
        """Digits beside words and abbreviations, where 3/З/з, 6/б, 0/О and the twins of two scripts must be told apart."""
        r = self.rng
        n = r.choice(["3", "6", "0", "13", "30", "36", "60", "63", "16", "10", "1", "8", "4", str(r.randint(1, 400))])
        word = self.word().strip(".,:;!?«»()\"") or "пункт"
        short = r.choice(ABBREVIATIONS)
        if r.random() < 0.4:
            short = "".join(r.choice("АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЭЮЯ") for _ in range(r.randint(2, 5)))
        latin = r.choice(self.english) if r.random() < 0.5 else r.choice(COMMON_ENGLISH)
        return r.choice([
            f"{n}. {word}", f"{n}) {word}", f"{word} {n}", f"{word} {n}.", f"{word.capitalize()} {n}. {self.window(20)}", f"ст. {n}",
            f"п. {n}", f"прил. {n}", f"рис. {n}", f"табл. {n}", f"см. прил. {n}", n, f"{n}.", n, f"{n}-ФЗ", f"{n}-{short}", short,
            f"{short} {n}", f"{word} {short}", f"без {short}", f"{self.window(16)} с {word}", f"{word} и {word}", f"в {word}", f"с {word}",
            f"о {word}", f"к {word}, а {word}", f"{latin.upper()} {n}", f"{latin.capitalize()} {n}", f"{latin.upper()} Inc.",
            f"{latin.capitalize()} {latin}", f"{r.randint(1, 99)}{r.choice('АБВГДЕ')}", f"{n}{r.choice('абвг')}", "-", "—", "–",
            f"{n},{r.randint(0, 99)}", f"-{n},{r.randint(0, 9)}", f"−{n},{r.randint(0, 9)}", f"+{n},{r.randint(0, 9)}", f"{n} %", f"{n}%",
            f"{n} ₽", f"{n},{r.randint(10, 99)} ₽.", f"объём {word}", f"съёмка {word}",
        ])

    def ukrainian_belarusian(self):
        text = " ".join(self.rng.choice(UKRAINIAN_BELARUSIAN_WORDS) for _ in range(self.rng.randint(1, 6)))
        return text.upper() if self.rng.random() < 0.15 else text

    def english_line(self):
        """Common words mixed with any of the dictionary's, with the punctuation and the figures of running text."""
        r = self.rng
        words = [r.choice(COMMON_ENGLISH) if r.random() < 0.6 else r.choice(self.english) for _ in range(max(1, self.length() // 6))]
        for i, word in enumerate(words):
            x = r.random()
            if x < 0.07:
                words[i] = word + ","
            elif x < 0.09:
                words[i] = f'"{word}"'
            elif x < 0.11:
                words[i] = f"({word})"
            elif x < 0.13:
                words[i] = self.figures.number()
            elif x < 0.15:
                words[i] = word + r.choice([".", ";", ":", "!", "?", "’s", "'s"])
            elif x < 0.19:
                words[i] = word.capitalize()
        text, x = " ".join(words), r.random()
        if x < 0.45:
            return text[0].upper() + text[1:] + r.choice(["", "."])
        return text.upper() if x < 0.55 else text.title() if x < 0.6 else text

    def mixed(self):
        """Russian text with brands, English words, codes and numbers in it."""
        r = self.rng
        words = self.window(r.randint(8, 30)).split(" ")
        for _ in range(r.randint(1, 3)):
            x = r.random()
            new = (r.choice(BRANDS) if x < 0.5 else r.choice(COMMON_ENGLISH) if x < 0.65 else self.figures.code() if x < 0.8
                   else self.figures.number())
            if r.random() < 0.15:
                new = f"({new})"
            elif r.random() < 0.1:
                new = f"«{new}»"
            elif r.random() < 0.1:
                new += "-" + r.choice(["приложение", "сервис", "канал", "бот", "код", "файл", "проект", "карта"])
            words.insert(r.randint(0, len(words)), new)
        return " ".join(words)

    def table_cell(self):
        r = self.rng
        x = r.random()
        if x < 0.35:
            return self.figures.number()
        if x < 0.45:
            return self.figures.any()
        if x < 0.5:
            return r.choice(["—", "–", "-", "+", "%", "№", "№ п/п", "х", "X", "да", "нет", "Да", "Нет", "н/д", "...", "…", "*", "•", "I", "II",
                             "III", "IV", "✓", "x"])
        if x < 0.8:
            return self.window(r.randint(3, 14)).strip(",.;:")
        if x < 0.9:
            return f"{r.choice(SURNAMES)} {r.choice(RUSSIAN.upper())}.{r.choice(['', ' '])}{r.choice(RUSSIAN.upper())}."
        return str(r.randint(0, 99))

    def random_symbols(self):
        """Letters and rare signs with equal chance, so that every class is seen."""
        r, rare, out = self.rng, CHARS[1 + 2 * len(RUSSIAN):], []
        for _ in range(r.randint(1, 5)):
            letters = r.random() < 0.5
            signs, most = (RUSSIAN + RUSSIAN.upper(), 6) if letters else (rare, 4)
            out.append("".join(r.choice(signs) for _ in range(r.randint(1, most))))
        return " ".join(out)


if __name__ == "__main__":
    generator = TextGenerator(1)
    for _ in range(60):
        print(generator.line())
