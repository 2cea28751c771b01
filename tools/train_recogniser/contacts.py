"""Labels people are reached by: links, addresses, handles, hashtags, telephone and account numbers."""
import re

from words import TLDS


class Contacts:
    """Samples from the generator's own random source; `english` are dictionary words."""

    def __init__(self, rng, english):
        self.rng, self.english = rng, english

    def latin(self, least, most):
        """A lower-case word of the dictionary, or letters at random, that long."""
        r = self.rng
        if r.random() < 0.7:
            word = re.sub("[^a-z]", "", r.choice(self.english).lower())
            if least <= len(word) <= most:
                return word
        return "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(least, most)))

    def link(self):
        """With or without scheme, path and query."""
        r = self.rng
        text = r.choice(["", "https://", "http://", "www."]) + self.latin(3, 12) + "." + r.choice(TLDS)
        for _ in range(r.randint(0, 2)):
            end = r.choice(["", "-" + self.latin(2, 8), "_" + self.latin(2, 6), str(r.randint(1, 99999))])
            text += "/" + self.latin(2, 9) + end
        return text + r.choice(["", "/", ".html", f"?id={r.randint(1, 9999)}", "#" + self.latin(3, 6), "?a=1&b=" + self.latin(1, 3)])

    def address(self):
        """An e-mail address."""
        r = self.rng
        name = self.latin(2, 9) + r.choice(["", ".", "_", "-"]) + self.latin(2, 8)
        return r.choice(["", "e-mail: ", "E-mail: ", "почта: "]) + name + "@" + self.latin(3, 9) + "." + r.choice(TLDS)

    def handle(self):
        """@name."""
        name = self.latin(4, 12) + self.rng.choice(["", "_" + self.latin(2, 6), str(self.rng.randint(1, 999))])
        return "@" + (name.title() if self.rng.random() < 0.3 else name)

    def hashtags(self, word):
        """#word, sometimes with a Latin one."""
        word = re.sub("[^а-яёА-ЯЁa-zA-Z]", "", word) or "новости"
        return " ".join("#" + tag for tag in [word] + [self.latin(3, 9)] * self.rng.randint(0, 1))

    def telephone(self):
        """Russian numbers in their usual spellings."""
        r = self.rng
        a, b, c, d = r.randint(300, 999), r.randint(100, 999), r.randint(0, 99), r.randint(0, 99)
        number = r.choice([f"+7 ({a}) {b}-{c:02}-{d:02}", f"8 {a} {b} {c:02} {d:02}", f"8-{a}-{b}-{c:02}-{d:02}", f"+7{a}{b}{c:02}{d:02}",
                           f"+7 {a} {b}-{c:02}-{d:02}"])
        return r.choice(["", "тел.: ", "Тел. ", "моб. "]) + number

    def any(self, word):
        """One of all the above, or a bank's or an office's number; `word` serves as a hashtag."""
        r = self.rng
        x = r.random()
        if x < 0.25:
            return self.link()
        if x < 0.45:
            return self.address()
        if x < 0.6:
            return self.handle()
        if x < 0.72:
            return self.hashtags(word)
        if x < 0.9:
            return self.telephone()
        name = r.choice(["ИНН", "КПП", "ОГРН", "БИК", "р/с", "к/с", "СНИЛС", "ОКПО", "IBAN", "SWIFT"])
        return f"{name} " + "".join(r.choice("0123456789") for _ in range(r.choice([8, 9, 10, 12, 13, 20])))
