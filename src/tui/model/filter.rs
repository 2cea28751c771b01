//! What a list is narrowed to, as a person types it: `status:failed class:502 channel:"Naked Science" crater`.
//! One parser for every pane; what a field means for a list is that list's.

use crate::domain::{EventKind, Level, Outcome, Status, UserId};
use crate::text::Safe;
use crate::tui::locale::tell;

/// A filter; the default is everything a pane shows by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these; empty: the pane's own choice.
    pub statuses: Vec<Status>,
    /// Only this error class.
    pub class: Option<String>,
    /// Only what models whose name contains this were asked about.
    pub model: Option<String>,
    /// Only channels whose name contains this.
    pub channel: Option<String>,
    /// Only this user's.
    pub user: Option<UserId>,
    /// Only these kinds of events; empty: all.
    pub kinds: Vec<EventKind>,
    /// Only what contains this.
    pub text: Option<String>,
}

/// A field of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `status:`
    Status,
    /// `class:`
    Class,
    /// `model:`
    Model,
    /// `channel:`
    Channel,
    /// `user:`
    User,
    /// `kind:`
    Kind,
    /// `level:`: all kinds of a level
    Level,
}

impl Field {
    const ALL: [Self; 7] = [Self::Status, Self::Class, Self::Model, Self::Channel, Self::User, Self::Kind, Self::Level];

    /// As typed before the colon, and its Russian twin.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Status => ("status", "статус"),
            Self::Class => ("class", "класс"),
            Self::Model => ("model", "модель"),
            Self::Channel => ("channel", "канал"),
            Self::User => ("user", "автор"),
            Self::Kind => ("kind", "вид"),
            Self::Level => ("level", "уровень"),
        }
    }

    fn named(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        Self::ALL.into_iter().find(|field| field.names().0 == word || field.names().1 == word)
    }

    /// As typed before the colon.
    pub const fn as_str(self) -> &'static str {
        self.names().0
    }
}

/// What a filter is for: which of its fields mean something there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Posts.
    Posts,
    /// Events of the log.
    Events,
    /// Images.
    Images,
}

impl Scope {
    /// The fields that mean something there.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Posts => &[Field::Status, Field::Class, Field::Model, Field::Channel, Field::User],
            Self::Events => &[Field::Level, Field::Kind, Field::Class, Field::Model],
            Self::Images => &[Field::Status, Field::Class],
        }
    }
}

impl Filter {
    /// True when nothing is narrowed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads what was typed. Words without a field are text to be found; quotes keep spaces together.
    pub fn parse(typed: &str, scope: Scope) -> Result<Self, Safe> {
        let mut filter = Self::default();
        let mut text: Vec<String> = Vec::new();
        for (quoted, word) in words(typed) {
            let named = word.split_once(':').filter(|_| !quoted);
            let Some((field, value)) = named.and_then(|(name, value)| Some((Field::named(name)?, value))) else {
                text.push(word);
                continue;
            };
            if !scope.fields().contains(&field) {
                let known: Vec<String> = scope.fields().iter().map(|field| format!("{}:", field.as_str())).collect();
                return Err(tell!("{} does not apply here; what does: {}", format!("{}:", field.as_str()), known.join(" ")));
            }
            filter.set(field, value)?;
        }
        filter.text = (!text.is_empty()).then(|| text.join(" "));
        Ok(filter)
    }

    fn set(&mut self, field: Field, value: &str) -> Result<(), Safe> {
        let some = Some(value.to_owned()).filter(|value| !value.is_empty());
        match field {
            Field::Status => self.statuses = statuses(value)?,
            Field::Class => self.class = some.map(|word| class(&word)),
            Field::Model => self.model = some,
            Field::Channel => self.channel = some,
            Field::User => match value.parse() {
                Ok(id) => self.user = Some(UserId(id)),
                Err(_) => return Err(tell!("user: takes a number, not «{}»", Safe::line(value))),
            },
            // Levels are kinds that go together: what both name is shown, as in the window of kinds.
            Field::Kind => {
                let kinds: Vec<EventKind> = some_of(field, value, EventKind::ALL.iter().map(|kind| kind.as_str()))?;
                self.show(kinds);
            }
            Field::Level => {
                let levels: Vec<Level> = some_of(field, value, Level::ALL.iter().map(|level| level.as_str()))?;
                self.show(levels.into_iter().flat_map(Level::kinds));
            }
        }
        Ok(())
    }

    /// Shows these kinds of events too.
    fn show(&mut self, kinds: impl IntoIterator<Item = EventKind>) {
        self.kinds.extend(kinds);
        self.kinds.sort_unstable();
        self.kinds.dedup();
        if self.kinds.len() == EventKind::ALL.len() {
            self.kinds.clear();
        }
    }

    /// Whether events of this kind are shown.
    pub fn shows(&self, kind: EventKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Shows all of these kinds, or none of them if all of them are; `false`: nothing would be left.
    pub fn toggle(&mut self, kinds: &[EventKind]) -> bool {
        let shown = kinds.iter().all(|kind| self.shows(*kind));
        let before: Vec<EventKind> = EventKind::ALL.iter().copied().filter(|kind| self.shows(*kind)).collect();
        let after: Vec<EventKind> = before.into_iter().filter(|kind| !kinds.contains(kind)).collect();
        if shown && after.is_empty() {
            return false;
        }
        self.kinds = after;
        if !shown {
            self.show(kinds.iter().copied());
        }
        true
    }

    /// As a person would type it; read again it gives the same filter.
    pub fn typed(&self) -> String {
        let mut words = Vec::new();
        match self.statuses.as_slice() {
            [] => {}
            all if all.len() == Status::ALL.len() => words.push("status:all".to_owned()),
            some => words.push(format!("status:{}", some.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(","))),
        }
        let whole = |level: &Level| level.kinds().all(|kind| self.kinds.contains(&kind));
        let levels: Vec<Level> = Level::ALL.iter().copied().filter(whole).collect();
        let rest: Vec<_> = self.kinds.iter().filter(|kind| !levels.contains(&kind.level())).map(|kind| kind.as_str()).collect();
        if !levels.is_empty() {
            words.push(format!("level:{}", levels.iter().map(|level| level.as_str()).collect::<Vec<_>>().join(",")));
        }
        if !rest.is_empty() {
            words.push(format!("kind:{}", rest.join(",")));
        }
        let fields = [(Field::Class, &self.class), (Field::Model, &self.model), (Field::Channel, &self.channel)];
        for (field, value) in fields {
            if let Some(value) = value {
                words.push(format!("{}:{}", field.as_str(), quoted(value)));
            }
        }
        if let Some(user) = self.user {
            words.push(format!("user:{user}"));
        }
        if let Some(text) = &self.text {
            let plain = words_are_text(text);
            words.push(if plain { text.clone() } else { format!("\"{}\"", text.replace('"', "")) });
        }
        words.join(" ")
    }
}

/// True when a text reads back as itself without quotes.
fn words_are_text(text: &str) -> bool {
    let parts: Vec<(bool, String)> = words(text).collect();
    let free = |word: &str| word.split_once(':').is_none_or(|(name, _)| Field::named(name).is_none());
    !text.contains('"')
        && parts.iter().all(|(_, word)| free(word))
        && parts.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(" ") == text
}

fn quoted(value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("\"{}\"", value.replace('"', "")) } else { value.replace('"', "") }
}

/// Words as typed, and whether one began with a quote. A quote that is never closed goes to the end.
fn words(typed: &str) -> impl Iterator<Item = (bool, String)> {
    let mut found: Vec<(bool, String)> = Vec::new();
    let (mut word, mut inside, mut began_quoted, mut some) = (String::new(), false, false, false);
    for c in typed.chars() {
        match c {
            '"' => {
                began_quoted |= word.is_empty() && !some;
                some = true;
                inside = !inside;
            }
            c if c.is_whitespace() && !inside => {
                if some {
                    found.push((began_quoted, std::mem::take(&mut word)));
                }
                (began_quoted, some) = (false, false);
            }
            c => {
                some = true;
                word.push(c);
            }
        }
    }
    if some {
        found.push((began_quoted, word));
    }
    found.into_iter().filter(|(_, word)| !word.is_empty())
}

fn statuses(value: &str) -> Result<Vec<Status>, Safe> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    if "all".starts_with(value) {
        return Ok(Status::ALL.to_vec());
    }
    some_of(Field::Status, value, Status::ALL.iter().map(|s| s.as_str()).chain(["all"]))
}

/// Words of a list, with commas between them.
fn some_of<T: std::str::FromStr + Ord>(
    field: Field,
    value: &str,
    known: impl Iterator<Item = &'static str> + Clone,
) -> Result<Vec<T>, Safe> {
    let mut some = Vec::new();
    for word in value.split(',').filter(|word| !word.is_empty()) {
        let Some(found) = begun_by(known.clone(), word).and_then(|word| word.parse().ok()) else {
            return Err(unknown(field, word, known));
        };
        some.push(found);
    }
    some.sort_unstable();
    some.dedup();
    Ok(some)
}

fn unknown(field: Field, value: &str, known: impl Iterator<Item = &'static str>) -> Safe {
    let known = known.collect::<Vec<_>>().join(", ");
    tell!("{} takes one of {}, not «{}»", format!("{}:", field.as_str()), known, Safe::line(value))
}

/// The only word of a list that begins so, or that is so.
fn begun_by(mut words: impl Iterator<Item = &'static str> + Clone, typed: &str) -> Option<&'static str> {
    let typed = typed.to_lowercase();
    let mut begun = words.clone().filter(|word| word.starts_with(&typed));
    words.find(|word| *word == typed).or_else(|| begun.next().filter(|_| begun.next().is_none()))
}

/// The class a person means: its word, the beginning of one, or an HTTP status that always comes to it.
fn class(typed: &str) -> String {
    let by_status = match typed.parse::<u16>() {
        Ok(401) => Some(Outcome::BadKey),
        Ok(402) => Some(Outcome::OutOfCredit),
        Ok(404 | 410) => Some(Outcome::ModelGone),
        Ok(408 | 504 | 524) => Some(Outcome::Timeout),
        Ok(413) => Some(Outcome::TooLarge),
        Ok(429) => Some(Outcome::RateLimited),
        Ok(500..=599) => Some(Outcome::ServerError),
        _ => None,
    };
    let known = Outcome::ALL.iter().map(|outcome| outcome.as_str());
    by_status.map(Outcome::as_str).or_else(|| begun_by(known, typed)).map_or_else(|| typed.to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(typed: &str) -> Filter {
        Filter::parse(typed, Scope::Posts).unwrap()
    }

    #[test]
    fn fields_and_free_text_are_told_apart() {
        let filter = parsed("status:failed class:502 channel:\"Naked Science\" user:7 ударный кратер");
        assert_eq!(filter.statuses, [Status::Failed]);
        assert_eq!(filter.class.as_deref(), Some("server_error"));
        assert_eq!(filter.channel.as_deref(), Some("Naked Science"));
        assert_eq!((filter.user, filter.text.as_deref()), (Some(UserId(7)), Some("ударный кратер")));
        assert_eq!(parsed("статус:retr,fail модель:llama").statuses, [Status::Retrying, Status::Failed]);
        assert_eq!(parsed("https://t.me/x \"status:failed\"").text.as_deref(), Some("https://t.me/x status:failed"));
        assert_eq!(parsed("class:moder").class.as_deref(), Some("moderated"));
        assert_eq!(parsed("status:all").statuses.len(), Status::ALL.len());
        assert!(parsed("  ").is_empty() && parsed("status: class:").is_empty());
    }

    #[test]
    fn levels_and_kinds_of_events_add_up() {
        let events = |typed: &str| Filter::parse(typed, Scope::Events).unwrap();
        let filter = events("уровень:err kind:retry,breaker");
        let shown = ["retry", "failed", "breaker", "ocr_failed", "upload_failed"];
        assert_eq!(filter.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(), shown);
        assert_eq!(filter.typed(), "level:error kind:retry,breaker");
        assert!(events("level:info,warn,error").is_empty());
        assert!(events("kind:").is_empty());
        let mut filter = events("level:error");
        assert!(!filter.toggle(&Level::Error.kinds().collect::<Vec<_>>()), "one kind stays");
        assert!(filter.toggle(&[EventKind::Failed]) && filter.toggle(&[EventKind::Success]));
        assert_eq!(filter.typed(), "kind:success,ocr_failed,upload_failed");
    }

    #[test]
    fn a_wrong_value_is_answered_with_what_would_be_right() {
        let error = |typed, scope| Filter::parse(typed, scope).unwrap_err();
        assert!(error("status:broken", Scope::Posts).contains("retrying, success, failed"));
        assert!(error("user:me", Scope::Posts).contains("takes a number"));
        assert!(error("status:failed", Scope::Events).contains("level: kind: class: model:"));
        assert!(error("kind:\u{1b}[2J", Scope::Events).contains("␛[2J"));
    }

    proptest! {
        #[test]
        fn what_is_shown_of_events_reads_back_as_the_same_filter(kinds in proptest::collection::vec(proptest::sample::select(EventKind::ALL), 0..16)) {
            let mut filter = Filter::default();
            filter.show(kinds);
            prop_assert_eq!(Filter::parse(&filter.typed(), Scope::Events), Ok(filter));
        }

        #[test]
        fn what_is_shown_reads_back_as_the_same_filter(typed in "[ -~а-я\u{1b}]{0,40}|(status:(failed|all)|class:429|model:x|channel:\"a b\"|user:3|\"status:x\" | [a-z\"]{1,5} ){0,6}") {
            if let Ok(filter) = Filter::parse(&typed, Scope::Posts) {
                prop_assert_eq!(Filter::parse(&filter.typed(), Scope::Posts), Ok(filter));
            }
        }
    }
}
