"""Labels made of figures: numbers, dates, amounts, formulas, section and Roman numbers, article codes."""
from charset import RUSSIAN
from words import MONTHS


class Figures:
    """Samples from the generator's own random source, so one seed gives one sequence."""

    def __init__(self, rng):
        self.rng = rng

    def number(self):
        """1 to 10⁹ in Russian or English spelling, often a year or a small one."""
        r = self.rng
        x = r.random()
        n = int(10 ** r.uniform(0, 9))
        if x < 0.2:
            return str(n)
        if x < 0.45:
            return f"{n:,}".replace(",", " ")
        if x < 0.55:
            return f"{n:,}"
        if x < 0.75:
            return f"{n / 100:,.{r.randint(1, 2)}f}".replace(",", " ").replace(".", ",")
        if x < 0.85:
            return f"{n / 1000:.{r.randint(1, 3)}f}"
        return str(r.randint(1900, 2035)) if x < 0.92 else str(r.randint(0, 30))

    def section(self):
        """3.1.4. or 2) and the like."""
        return ".".join(str(self.rng.randint(1, 19)) for _ in range(self.rng.randint(1, 4))) + self.rng.choice([".", "", ")"])

    def roman(self):
        """I to XXXIX."""
        n, out = self.rng.randint(1, 39), ""
        for value, sign in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
            while n >= value:
                out, n = out + sign, n - value
        return out

    def date(self):
        """Dates and times as documents write them."""
        r = self.rng
        d, m, y = r.randint(1, 31), r.randint(1, 12), r.randint(1950, 2030)
        hour, minute, second = r.randint(0, 23), r.randint(0, 59), r.randint(0, 59)
        return r.choice([
            f"{d:02}.{m:02}.{y}", f"{d:02}.{m:02}.{y % 100:02}", f"{d} {MONTHS[m - 1]} {y} г.", f"{y}-{m:02}-{d:02}", f"{d:02}/{m:02}/{y}",
            f"«{d:02}» {MONTHS[m - 1]} {y} года", f"{d} {MONTHS[m - 1]}", f"{hour:02}:{minute:02}",
            f"{d:02}.{m:02}.{y} {hour:02}:{minute:02}:{second:02}", f"{y}/{y % 100 + 1:02} г.",
        ])

    def money(self):
        """A sum with its currency."""
        n = self.number
        return self.rng.choice([
            f"{n()} руб.", f"{n()} ₽", f"${n()}", f"{n()} $", f"{n()} €", f"€{n()}", f"{n()} руб. {self.rng.randint(0, 99):02} коп.",
            f"£{n()}", f"{n()} млн руб.", f"{n()} тыс. ₽", f"{n()} млрд $", f"USD {n()}", f"¥{n()}", f"{n()} ₴",
        ])

    def measure(self):
        """A signed number with a unit."""
        sign = self.rng.choice(["+", "−", "-", "–", "±", "~", "≈", "≤", "≥", "<", ">", ""])
        return sign + self.number() + self.rng.choice(["%", " %", "", "‰", " °C", "°", " п.п.", " кг", " м²", " м³", " км", " ГБ", " мм"])

    def sign(self):
        """Rare signs: powers, fractions, brackets, references."""
        r, n = self.rng, self.number
        return r.choice([
            f"{n()} × {n()} = {n()}", f"§ {r.randint(1, 90)}", f"{r.randint(1, 9)}²", f"10{r.choice('²³')}", r.choice("½¼¾"),
            f"{r.randint(2, 9)}{r.choice('½¼¾')}", f"[{r.randint(1, 200)}]", f"({r.randint(1, 99)})", f"{r.randint(1, 20)})",
            f"© {r.randint(1990, 2030)}", f"п. {self.section()}", f"ст. {r.randint(1, 400)}", f"{{{r.randint(0, 99)}}}", f"<{r.randint(0, 9)}>",
            f"{n()}*", f"{n()}{r.choice('¹²³†')}", f"{r.randint(1, 500)} µm",
        ])

    def any(self):
        """One of all the above."""
        r = self.rng
        x = r.random()
        if x < 0.2:
            return self.date()
        if x < 0.38:
            return self.money()
        if x < 0.5:
            return self.measure()
        if x < 0.6:
            between = r.choice(["–", "-", "—", "/", ":", "×", "x", " × ", "*", " - ", "÷", " = ", " + "])
            return f"{r.randint(1, 999)}{between}{r.randint(1, 9999)}"
        if x < 0.68:
            return f"№ {r.randint(1, 9999)}" + r.choice(["", "-ФЗ", "/2024", "-р", f" от {self.date()}"])
        if x < 0.75:
            return " ".join(self.number() for _ in range(r.randint(2, 6)))
        if x < 0.8:
            return f"{self.roman()} {r.choice(['век', 'квартал', 'глава', 'этап', 'группа', '', 'тур', 'в. до н. э.'])}"
        if x < 0.84:
            return self.section()
        if x < 0.9:
            return self.sign()
        return "".join(r.choice("0123456789") for _ in range(r.choice([6, 8, 9, 10, 11, 12, 13, 15, 20])))

    def code(self):
        """Model numbers and article codes; one of look-alike letters only is spelled in Cyrillic, so the label has one answer."""
        r = self.rng
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if r.random() < 0.6 else RUSSIAN.upper().replace("Ё", "")
        letters = "".join(r.choice(alphabet) for _ in range(r.randint(1, 4)))
        if set(letters) <= set("ABCEHKMOPTXY"):
            letters = letters.translate(str.maketrans("ABCEHKMOPTXY", "АВСЕНКМОРТХУ"))
        between = r.choice(["-", "", " ", "/", "_", "."])
        text = letters + between + str(r.randint(1, 99999))
        return text + between + str(r.randint(0, 999)) if r.random() < 0.3 else text
