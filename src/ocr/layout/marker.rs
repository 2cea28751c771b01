//! What a list item begins with: a bullet, a number, a letter.
//! It decides nothing about the line it stands in.

/// The sign before an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `•`, `-`, `—` and their like.
    Bullet(char),
    /// `1.` or `1)`: the number and the sign after it.
    Number(u32, char),
    /// `а)` or `a)`, or `a.`: the letter and the sign after it.
    Letter(char, char),
    /// `1.2.` or `1.2`: how many numbers.
    Section(usize),
}

/// Signs that printers set before items; `·` and `*` are what a recogniser makes of small round ones.
const BULLETS: &str = "•◦▪▫■□●○‣⁃∙·*-–—+✓✔►▶➤→§";

/// The marker at the line's start and what follows it. A marker is followed by a space or stands alone.
pub fn marker(line: &str) -> Option<(Marker, &str)> {
    let line = line.trim_start();
    let (head, rest) = glued(line).or_else(|| line.split_once(' ')).unwrap_or((line, ""));
    let rest = rest.trim_start();
    let mut signs = head.chars();
    let first = signs.next()?;
    if BULLETS.contains(first) && signs.as_str().is_empty() {
        return Some((Marker::Bullet(first), rest));
    }
    if first.is_ascii_digit() {
        return number(head).map(|marker| (marker, rest));
    }
    let sign = signs.next()?;
    (first.is_alphabetic() && (sign == ')' || sign == '.' && first.is_lowercase()) && signs.as_str().is_empty())
        .then_some((Marker::Letter(first, sign), rest))
}

/// `9.АДРЕСА`: recognisers lose the space after the number.
fn glued(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (head, rest) = line.split_at(end);
    let mut signs = rest.chars();
    let word = signs.next().is_some_and(char::is_uppercase) && signs.next().is_some_and(char::is_alphabetic);
    (head.ends_with('.') && word).then_some((head, rest))
}

fn number(head: &str) -> Option<Marker> {
    let last = head.chars().last()?;
    let body = head.strip_suffix(['.', ')']).unwrap_or(head);
    let parts: Vec<&str> = body.split('.').collect();
    let counts = parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    match parts.as_slice() {
        [one] if counts && matches!(last, '.' | ')') => Some(Marker::Number(one.parse().ok()?, last)),
        [_, _, ..] if counts && (last == '.' || last.is_ascii_digit()) => Some(Marker::Section(parts.len())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_told_from_text() {
        for (line, wanted) in [
            ("• Москва", Some(Marker::Bullet('•'))),
            ("— Да", Some(Marker::Bullet('—'))),
            ("12. декабрь", Some(Marker::Number(12, '.'))),
            ("3) третий", Some(Marker::Number(3, ')'))),
            ("а) это ежу понятно", Some(Marker::Letter('а', ')'))),
            ("1.2.1 Поясним", Some(Marker::Section(3))),
            ("5.1. Стороны", Some(Marker::Section(2))),
            ("9.АДРЕСА", Some(Marker::Number(9, '.'))),
            ("2018 год", None),
            ("12,5 рублей", None),
            ("1234. это не пункт", None),
            ("-5 градусов", None),
            ("А. С. Пушкин", None),
            ("и так далее", None),
            ("", None),
        ] {
            assert_eq!(marker(line).map(|(marker, _)| marker), wanted, "{line}");
        }
        assert_eq!(marker("•  Москва").map(|(_, rest)| rest), Some("Москва"));
    }
}
