//! The rules of spelling that a look at single letters cannot know: one script per word, Roman numerals, digits among digits.
//! It corrects look-alikes and says where a space is missing; it never drops a character.

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

/// Above this share of Cyrillic among a page's telling letters, words of look-alikes alone are Cyrillic too.
const CYRILLIC_PAGE: f32 = 0.8;

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

/// The line with every word in one script: as its letters without a look-alike decide, or else as the line around it does, or else
/// the page; `page` is its share of Cyrillic.
pub(super) fn unified(line: &mut [char], page: f32) {
    digits(line);
    let mut around = Scripts::of(line.iter().copied());
    if around == Scripts::default() {
        around = Scripts { cyrillic: usize::from(page > CYRILLIC_PAGE), latin: usize::from(page < 1.0 - CYRILLIC_PAGE) };
    }
    for word in line.chunk_by_mut(|a, b| is_letter(*a) && is_letter(*b)) {
        settle_case(word);
    }
    for run in line.chunk_by_mut(|a, b| is_letter(*a) && is_letter(*b)) {
        unify_run(run, around);
    }
}

/// Capitals that differ from their small letters in height alone.
const SAME_SHAPE: &str = "ВГЖЗИЙКЛМНОПСТУФХЦЧШЩЪЫЬЭЮЯ";
/// Words that begin so are put together of others and keep their capitals: `ГосНИИ`, `МосОНО`.
const COMPOUNDS: [&str; 10] = ["Гос", "Рос", "Мос", "Гор", "Рай", "Обл", "Мин", "Глав", "Центр", "Спец"];

/// In small print Cyrillic capitals and small letters differ in height alone: `СитИЛинка`, `привЫЧКИ`, `СпиСОК`. Names such as
/// `КазМунайГаз` and `СПбГУ` stay, and so do units and short terms: `кВт`, `мРНК`.
fn settle_case(word: &mut [char]) {
    if !word.iter().all(|&c| is_cyrillic(c)) {
        return;
    }
    let rises = word.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_lowercase() && b.is_uppercase())).count();
    let shortest = word.chunk_by(|_, b| !b.is_uppercase()).map(<[char]>::len).min().unwrap_or(0);
    if rises >= 2 && shortest < 3 || rises >= 1 && has_tall_small_letters(word) {
        for c in word.iter_mut().skip(1) {
            *c = c.to_lowercase().next().unwrap_or(*c);
        }
    }
}

/// Capitals after small letters that may be small themselves: any in a word that begins small, two or more in another.
fn has_tall_small_letters(word: &[char]) -> bool {
    let inner = word.iter().skip(1).filter(|c| c.is_uppercase());
    let begins_small = word.first().is_some_and(|c| c.is_lowercase());
    let together =
        word.windows(3).any(|three| matches!(three, [a, b, c] if a.is_lowercase() && b.is_uppercase() && c.is_uppercase()));
    let compound = COMPOUNDS.iter().any(|head| head.chars().zip(word).all(|(a, b)| a == *b));
    let small = word.iter().filter(|c| c.is_lowercase()).count();
    inner.into_iter().all(|&c| SAME_SHAPE.contains(c))
        && small > 1
        && !compound
        && (begins_small && word.len() > 5 || together && word.len() > 4)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || is_cyrillic(c)
}

/// One run of letters.
fn unify_run(run: &mut [char], line: Scripts) {
    if is_roman(run) {
        set(run, to_latin);
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
        set(run, to_cyrillic);
    } else if latin {
        set(run, to_latin);
    }
}

/// Changes each letter.
fn set(run: &mut [char], change: fn(char) -> char) {
    for c in run {
        *c = change(*c);
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
        // A house: "13А".
        'З' if before.is_ascii_digit() && upper(after) && !is_letter(near(2)) => Some('3'),
        ',' if within && is_section(line, at) => Some('.'),
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
        // A numbered paragraph, unless a second initial follows.
        ['.', ' ', first, second, ..] if before.is_empty() => first.is_alphabetic() && second.is_alphabetic(),
        ['.', ..] => after_a_short_word && !after.iter().skip(1).any(|c| c.is_alphabetic()),
        _ => alone(before.last()) && alone(after.first()),
    }
}

/// True when the comma at `at` stands in a number such as "1.2,3": dots and groups of one or two digits, so no sum of money.
fn is_section(line: &[char], at: usize) -> bool {
    let numeral = |c: &char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let start = line.iter().take(at).rposition(|c| !numeral(c)).map_or(0, |place| place + 1);
    let end = line.iter().skip(at).position(|c| !numeral(c)).map_or(line.len(), |place| at + place);
    let Some(token) = line.get(start..end) else { return false };
    let commas = token.iter().filter(|&&c| c == ',').count();
    let groups = token.split(|c| matches!(c, '.' | ',')).filter(|group| !group.is_empty());
    token.contains(&'.') && commas == 1 && token.len() < 8 && groups.map(<[char]>::len).max().unwrap_or(0) <= 2 && !is_date(token)
}

/// "12.07,5" may be a date run into something; two groups of two digits are left alone.
fn is_date(token: &[char]) -> bool {
    token.split(|c| matches!(c, '.' | ',')).filter(|group| group.len() == 2).count() >= 2
}

/// Where a space is missing that print always has: after a paragraph's number ("7.ПОРЯДОК"), between a comma and a dash ("Москвы,-").
/// Gives the index before which it belongs.
pub(super) fn missing_space(line: &[char]) -> Option<usize> {
    let number = line.iter().take_while(|c| c.is_ascii_digit()).count();
    if (1..=2).contains(&number)
        && let Some(['.', word @ ..]) = line.get(number..)
        && word.iter().take_while(|c| c.is_alphabetic()).count() >= 3
        && word.first().is_some_and(|c| c.is_uppercase())
    {
        return Some(number + 1);
    }
    let comma = line.windows(2).position(|pair| matches!(pair, [',' | ';', '-' | '–' | '—']))?;
    let (before, after) = (comma.checked_sub(1).and_then(|at| line.get(at)), line.get(comma + 2));
    (before.is_some_and(|c| c.is_alphabetic()) && after.is_none_or(|c| *c == ' ')).then_some(comma + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(text: &str) -> String {
        let mut line: Vec<char> = text.chars().collect();
        unified(&mut line, 0.5);
        line.into_iter().collect()
    }

    #[test]
    fn what_a_line_leaves_open_its_page_decides() {
        let mut line = ['T', 'P'];
        unified(&mut line, 1.0);
        assert_eq!(line, ['Т', 'Р']);
        unified(&mut line, 0.5);
        assert_eq!(line, ['Т', 'Р']);
        unified(&mut line, 0.0);
        assert_eq!(line, ['T', 'P']);
    }

    #[test]
    fn capitals_do_not_rise_and_fall_within_a_word() {
        assert_eq!(fixed("Сдать в СитИЛиНка:"), "Сдать в Ситилинка:");
        for (read, wanted) in
            [("привЫЧКИ", "привычки"), ("СпиСОК", "Список"), ("СитИЛинка", "Ситилинка"), ("надежноСТЬ", "надежность")]
        {
            let mut line: Vec<char> = read.chars().collect();
            unified(&mut line, 1.0);
            assert_eq!(line.into_iter().collect::<String>(), wanted);
        }
        for kept in ["КазМунайГаз", "СПбГУ", "ГосНИИ", "мРНК", "ВкусВилл", "АвтоВАЗ", "ВКонтакте", "МинФин", "ПОРЯДОК"]
        {
            assert_eq!(fixed(kept), kept);
        }
    }

    #[test]
    fn a_section_has_dots_and_a_sum_has_its_comma() {
        assert_eq!(fixed("1.2,3"), "1.2.3");
        for kept in ["12,5", "1.234,56", "12.07,15", "0,5"] {
            assert_eq!(fixed(kept), kept);
        }
    }

    #[test]
    fn a_space_that_print_always_has_is_missed() {
        let at = |text: &str| missing_space(&text.chars().collect::<Vec<_>>());
        assert_eq!(at("7.ПОРЯДОК РАСЧЕТОВ"), Some(2));
        assert_eq!(at("города Москвы,-"), Some(14));
        for whole in ["7. ПОРЯДОК", "001.ИЗ", "2.5м", "Москвы, -", "5,-", "12.07.2019", ""] {
            assert_eq!(at(whole), None, "{whole}");
        }
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
            ("З. Настоящим законом", "3. Настоящим законом"),
            ("Дубровская, 1ЗА.", "Дубровская, 13А."),
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
