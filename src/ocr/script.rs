//! The rules of spelling that a look at single letters cannot know: one script per word, Roman numerals, digits among digits.
//! It corrects look-alikes only; it never adds or drops a character.

/// Cyrillic letters and the Latin ones that look the same.
const TWINS: [(char, char); 21] = [
    ('А', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Н', 'H'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Т', 'T'),
    ('Х', 'X'),
    ('У', 'Y'),
    ('І', 'I'),
    ('а', 'a'),
    ('с', 'c'),
    ('е', 'e'),
    ('о', 'o'),
    ('р', 'p'),
    ('х', 'x'),
    ('у', 'y'),
    ('і', 'i'),
];

/// A letter of the Cyrillic alphabets.
pub(super) fn is_cyrillic(c: char) -> bool {
    ('\u{400}'..='\u{52f}').contains(&c)
}

/// The Latin look-alike of a Cyrillic letter; any other character as it is.
fn to_latin(c: char) -> char {
    TWINS.iter().find(|twin| twin.0 == c).map_or(c, |twin| twin.1)
}

/// The Cyrillic look-alike of a Latin letter; any other character as it is.
fn to_cyrillic(c: char) -> char {
    TWINS.iter().find(|twin| twin.1 == c).map_or(c, |twin| twin.0)
}

/// How many letters of a text can only be Cyrillic or only Latin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scripts {
    /// Cyrillic letters without a Latin look-alike.
    pub(super) cyrillic: usize,
    /// Latin letters without a Cyrillic look-alike.
    pub(super) latin: usize,
}

impl Scripts {
    /// Counts.
    pub(super) fn of(text: impl IntoIterator<Item = char>) -> Self {
        text.into_iter().fold(Self::default(), |mut seen, c| {
            if is_cyrillic(c) {
                seen.cyrillic += usize::from(to_latin(c) == c);
            } else if c.is_ascii_alphabetic() {
                seen.latin += usize::from(to_cyrillic(c) == c);
            }
            seen
        })
    }

    /// The share of Cyrillic, 0 to 1; none when nothing tells.
    pub(super) fn cyrillic_share(self) -> Option<f32> {
        let all = self.cyrillic + self.latin;
        (all > 0).then(|| self.cyrillic as f32 / all as f32)
    }
}

impl std::ops::AddAssign for Scripts {
    fn add_assign(&mut self, other: Self) {
        self.cyrillic += other.cyrillic;
        self.latin += other.latin;
    }
}

/// The line with every word in one script: as its letters without a look-alike decide, or else as the line around it does.
pub(super) fn unified(line: &mut [char]) {
    digits(line);
    let around = Scripts::of(line.iter().copied());
    for run in line.chunk_by_mut(|a, b| is_letter(*a) && is_letter(*b)) {
        unify_run(run, around);
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || is_cyrillic(c)
}

/// One run of letters.
fn unify_run(run: &mut [char], line: Scripts) {
    if is_roman(run) {
        run.iter_mut().for_each(|c| *c = to_latin(*c));
        return;
    }
    let own = Scripts::of(run.iter().copied());
    let mixed = run.iter().any(|&c| is_cyrillic(c)) && run.iter().any(char::is_ascii_alphabetic);
    // Look-alikes only: they follow the line when it has one script, or when they cannot stay as they are.
    let follows = own == Scripts::default() && (mixed || (line.cyrillic == 0) != (line.latin == 0));
    let (cyrillic, latin) =
        if follows { (line.cyrillic > line.latin, line.latin > line.cyrillic) } else { (own.latin == 0, own.cyrillic == 0) };
    if own == Scripts::default() && !follows {
        return;
    }
    if cyrillic {
        run.iter_mut().for_each(|c| *c = to_cyrillic(*c));
    } else if latin {
        run.iter_mut().for_each(|c| *c = to_latin(*c));
    }
}

/// True for numbers such as XIV; letters that may be words (C, M, DC) are none unless an I, a V or two X stand among them.
fn is_roman(run: &[char]) -> bool {
    let numeral = |c: &char| matches!(to_latin(*c), 'I' | 'V' | 'X' | 'L' | 'C' | 'D' | 'M');
    let telling = run.iter().any(|&c| matches!(to_latin(c), 'I' | 'V'))
        || run.windows(2).any(|pair| pair.iter().all(|&c| to_latin(c) == 'X'));
    // A lone В is a preposition at the head of a line; a lone Latin V or I was seen as such.
    run.iter().all(numeral) && telling
}

/// Letters that stand where only a digit can, and digits where only a letter can.
fn digits(line: &mut [char]) {
    for at in 0..line.len() {
        if let Some(right) = settled(line, at)
            && let Some(place) = line.get_mut(at)
        {
            *place = right;
        }
    }
}

/// What the character at `at` must be by its neighbours, when it can be told.
fn settled(line: &[char], at: usize) -> Option<char> {
    let near = |step: isize| at.checked_add_signed(step).and_then(|place| line.get(place)).copied().unwrap_or(' ');
    let (before, after) = (near(-1), near(1));
    let within = before.is_ascii_digit() && after.is_ascii_digit();
    // "12З" and "1О" end a number; "15б" is a house and stays.
    let ends = before.is_ascii_digit() && !is_letter(after);
    let begins = !is_letter(before) && after.is_ascii_digit();
    let lower = |c: char| is_cyrillic(c) && c.is_lowercase();
    let upper = |c: char| is_cyrillic(c) && c.is_uppercase();
    let (in_lower, in_upper) = (lower(before) && lower(after), upper(before) && upper(after));
    match *line.get(at)? {
        'З' if within || ends || begins || is_lone_three(line, at) => Some('3'),
        'О' | 'O' if within || ends || (!is_letter(before) && matches!(after, ',' | '.') && near(2).is_ascii_digit()) => {
            Some('0')
        }
        'з' if within => Some('3'),
        'о' | 'o' if within => Some('0'),
        'б' if within => Some('6'),
        'l' if within || (before == '1' && !is_letter(after)) => Some('1'),
        '3' if in_lower => Some('з'),
        '0' if in_lower => Some('о'),
        '6' if in_lower => Some('б'),
        '3' if in_upper => Some('З'),
        '0' if in_upper => Some('О'),
        _ => None,
    }
}

/// No word of Russian is a lone З; with a full stop it may be somebody's initial ("З. А. Космодемьянская") and then stays.
fn is_lone_three(line: &[char], at: usize) -> bool {
    let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
    let alone = |c: Option<&char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '«' | '"' | '.'));
    let word_before = before.iter().rev().skip_while(|c| matches!(c, ' ' | '.')).take_while(|c| c.is_alphabetic());
    let after_a_short_word =
        before.last() == Some(&' ') && word_before.clone().count() > 0 && word_before.clone().all(|c| c.is_lowercase());
    match after {
        ['.', ..] => after_a_short_word && !after.iter().skip(1).any(|c| c.is_alphabetic()),
        _ => alone(before.last()) && alone(after.first()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str) -> String {
        let mut line: Vec<char> = text.chars().collect();
        unified(&mut line);
        line.into_iter().collect()
    }

    #[test]
    fn a_word_has_one_script() {
        for (read, meant) in [
            ("828 Рearcу Avenue", "828 Pearcy Avenue"),
            ("Республика Саxa (Якутия)", "Республика Саха (Якутия)"),
            ("on уеar.", "on year."),
            ("iPhone в Москве", "iPhone в Москве"),
            ("С 5 мая", "С 5 мая"),
            ("витамин C", "витамин С"),
            ("АСME Inс.", "ACME Inc."),
            ("Windows ХР", "Windows XP"),
            ("OOO «Ромашка»", "ООО «Ромашка»"),
            ("PDF-файл", "PDF-файл"),
        ] {
            assert_eq!(fixed(read), meant);
        }
    }

    #[test]
    fn roman_numerals_are_latin() {
        assert_eq!(fixed("ХХІ век, III квартал"), "XXI век, III квартал");
        assert_eq!(fixed("глава ІV, том ХІІ"), "глава IV, том XII");
        assert_eq!(fixed("размер М, СМ. ХХ"), "размер М, СМ. XX");
    }

    #[test]
    fn what_two_scripts_share_stays_where_nothing_decides() {
        assert_eq!(fixed("ОАО"), "ОАО");
        assert_eq!(fixed("C"), "C");
        assert_eq!(fixed("Жq"), "Жq", "really mixed: no rule can settle it");
    }

    #[test]
    fn a_letter_among_digits_is_a_digit() {
        for (read, meant) in [
            ("дом 1З, стр. 2О", "дом 13, стр. 20"),
            ("1 2О3,5б0", "1 203,560"),
            ("З00,00 и О,5", "300,00 и 0,5"),
            ("Windows 1l", "Windows 11"),
            ("З августа, пункт З", "3 августа, пункт 3"),
            ("д. 15, кв. З.", "д. 15, кв. 3."),
        ] {
            assert_eq!(fixed(read), meant);
        }
    }

    #[test]
    fn a_digit_among_letters_is_a_letter() {
        assert_eq!(fixed("ра3мер во3духа, з0лото, а6зац"), "размер воздуха, золото, абзац");
        assert_eq!(fixed("К0РПУС"), "КОРПУС");
    }

    #[test]
    fn codes_houses_and_initials_keep_what_they_have() {
        for kept in [
            "д. 15б",
            "3б класс",
            "44-ФЗ",
            "1-я",
            "А3",
            "ГОСТ 2.105-95",
            "№ 3",
            "З. А. Космодемьянская",
            "Иванова З. А.",
            "ЗАО",
            "№ А123ВС77",
        ] {
            assert_eq!(fixed(kept), kept);
        }
    }
}
