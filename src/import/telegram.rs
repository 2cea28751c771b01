//! Reads Telegram Desktop's `result.json`, one chat or a whole account, message by message.
//! It never holds more than one message and one album; what a message means is in `message`, which messages belong together in `album`.

mod album;
mod message;

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use self::album::Album;
use self::message::{Kind, Message};
use super::RECORD_CAP;
use super::fault::{Fault, Place};
use super::intake::Intake;
use super::json::{self, Scalar};
use super::scan::{Scanner, Taken};
use super::summary::{BROKEN, TOO_LARGE};
use crate::text::Safe;

/// Longest `name`, `type` or `id` of a chat worth reading, bytes.
const HEADER_CAP: usize = 64 * 1024;

/// Skip reason of messages in chats that are no channels and no groups.
pub(super) const PRIVATE: &str = "messages of private chats in a whole-account export";

/// Reads a whole file. `again` is the same file's path when it can be opened a second time to look ahead.
pub(super) fn read<R: BufRead>(
    input: R,
    at: Place,
    again: Option<&Path>,
    private_chats: bool,
    intake: &mut Intake<'_>,
) -> Result<(), Fault> {
    let mut scanner = Scanner::new(input, at);
    let mut walk = Walk { intake, again, private_chats };
    let mut root = Chat::default();
    scanner.object(&mut |s, key| match key {
        "chats" | "left_chats" => walk.chats(s),
        _ => walk.chat_key(s, key, &mut root),
    })?;
    let end = scanner.place();
    walk.intake.advance(end.byte)?;
    match scanner.token()? {
        None => Ok(()),
        Some(_) => Err(Fault::damage(scanner.place(), "something follows the end of the export")),
    }
}

/// What is known of a chat before its messages; the outer `Option` says whether the key has been seen.
#[derive(Clone, Debug, Default)]
struct Chat {
    name: Option<Scalar>,
    kind: Option<Scalar>,
    id: Option<Scalar>,
    /// Whether it is one of many: then it may be left out.
    listed: bool,
}

impl Chat {
    fn slot(&mut self, key: &str) -> Option<&mut Option<Scalar>> {
        match key {
            "name" => Some(&mut self.name),
            "type" => Some(&mut self.kind),
            "id" => Some(&mut self.id),
            _ => None,
        }
    }

    fn kind(&self) -> &str {
        match &self.kind {
            Some(Scalar::Text(kind)) => kind,
            _ => "",
        }
    }

    fn is_private(&self) -> bool {
        matches!(self.kind(), "personal_chat" | "bot_chat" | "saved_messages" | "replies" | "verification_codes")
    }

    fn is_channel(&self) -> bool {
        matches!(self.kind(), "public_channel" | "private_channel" | "public_supergroup" | "private_supergroup")
    }

    /// Saved messages and the like have no name at all, so its absence is no reason to look ahead.
    fn is_complete(&self) -> bool {
        self.id.is_some() && self.kind.is_some() && (self.name.is_some() || self.is_private())
    }

    /// Channel id as the Bot API writes it, title, and the start of links to its messages; `None` without id and name.
    fn room(&self) -> Option<Room> {
        let name = self.name.as_ref().and_then(Scalar::text);
        let bare = self.id.as_ref().and_then(Scalar::int);
        let telegram_id = match bare {
            Some(id) if id > 0 && self.is_channel() => (-1_000_000_000_000i64).checked_sub(id)?,
            Some(id) if id > 0 && self.kind() == "private_group" => -id,
            Some(id) => id,
            None => super::record::stable_id("channel", name.as_deref()?),
        };
        let title = match (name, self.kind()) {
            (Some(name), _) => name.into_owned(),
            (None, "saved_messages") => "Saved Messages".to_owned(),
            (None, _) => format!("chat {telegram_id}"),
        };
        let link = bare.filter(|&id| id > 0 && self.is_channel()).map(|id| format!("https://t.me/c/{id}/"));
        Some(Room { telegram_id, title, link })
    }
}

/// A chat whose messages are being read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Room {
    /// With `-100` for channels and supergroups, `-` for basic groups.
    telegram_id: i64,
    title: String,
    /// `https://t.me/c/ID/`, which members can open.
    link: Option<String>,
}

struct Walk<'a, 'b> {
    intake: &'a mut Intake<'b>,
    again: Option<&'a Path>,
    private_chats: bool,
}

impl Walk<'_, '_> {
    /// `{"about": …, "list": [chat…]}`.
    fn chats<R: BufRead>(&mut self, s: &mut Scanner<R>) -> Result<(), Fault> {
        if s.token()? != Some(b'{') {
            return s.skip();
        }
        s.object(&mut |s, key| {
            if key != "list" || s.token()? != Some(b'[') {
                return s.skip();
            }
            s.array(&mut |s| {
                if s.token()? != Some(b'{') {
                    return s.skip();
                }
                let mut chat = Chat { listed: true, ..Chat::default() };
                s.object(&mut |s, key| self.chat_key(s, key, &mut chat))
            })
        })
    }

    fn chat_key<R: BufRead>(&mut self, s: &mut Scanner<R>, key: &str, chat: &mut Chat) -> Result<(), Fault> {
        if let Some(slot) = chat.slot(key) {
            *slot = Some(scalar(s)?);
            return Ok(());
        }
        if key != "messages" || s.token()? != Some(b'[') {
            return s.skip();
        }
        if !chat.is_complete() {
            self.look_ahead(s.place(), chat);
        }
        self.messages(s, chat)
    }

    /// The keys that describe a chat may stand after its messages. Then, and only then, a second reader runs ahead to them;
    /// damage on its way is left for the first reader to find.
    fn look_ahead(&self, from: Place, chat: &mut Chat) {
        let Some(mut file) = self.again.and_then(|path| File::open(path).ok()) else { return };
        if file.seek(SeekFrom::Start(from.byte)).is_err() {
            return;
        }
        let mut ahead = Scanner::new(BufReader::with_capacity(super::BUFFER, file), from);
        let _ = ahead.rest_of_object(&mut |s, key| {
            match chat.slot(key) {
                Some(slot @ None) => *slot = Some(scalar(s)?),
                _ => s.skip()?,
            }
            Ok(())
        });
    }

    fn messages<R: BufRead>(&mut self, s: &mut Scanner<R>, chat: &Chat) -> Result<(), Fault> {
        self.intake.file.counts.chats += 1;
        let unwanted = chat.listed && chat.is_private() && !self.private_chats;
        let Some(room) = chat.room().filter(|_| !unwanted) else {
            let reason = if unwanted { PRIVATE } else { "messages of a chat without id and name" };
            return s.array(&mut |s| {
                s.skip()?;
                self.intake.file.counts.read += 1;
                self.intake.file.counts.skipped.add(reason, 1);
                self.intake.advance(s.place().byte)
            });
        };
        let mut album = Album::default();
        let mut record = Vec::new();
        let end = s.array(&mut |s| {
            s.token()?;
            let place = s.place();
            let taken = s.record(&mut record, RECORD_CAP)?;
            self.intake.advance(s.place().byte)?;
            self.intake.file.counts.read += 1;
            self.message(taken, &record, place, &room, &mut album)
        });
        // Whatever ended the list, the album in hand is complete up to there.
        match album.end().map_or(Ok(()), |found| self.intake.take(found)) {
            Ok(()) => end,
            stopped => stopped,
        }
    }

    fn message(&mut self, taken: Taken, record: &[u8], place: Place, room: &Room, album: &mut Album) -> Result<(), Fault> {
        let file = &mut self.intake.file;
        match taken {
            Taken::Whole => {}
            Taken::TooLarge { bytes } => {
                file.broken(place, TOO_LARGE, &format!("a message of {bytes} bytes; at most 16 MiB are read"));
                return Ok(());
            }
            Taken::Unquoted { place: at } => {
                file.broken(place, BROKEN, &format!("a quoted text does not end on its line; a quote is missing before {at}"));
                return Ok(());
            }
        }
        let message = match json::parse::<Message>(record) {
            Ok(message) => message,
            Err(error) => {
                file.broken(place, BROKEN, &super::record::why(&error, record, place));
                return Ok(());
            }
        };
        for reason in message.not_included() {
            file.counts.media_not_included.add(reason, 1);
        }
        match message.kind() {
            Kind::Service => {
                file.counts.service += 1;
                Ok(())
            }
            Kind::Unknown(kind) => {
                let kind = Safe::line(&kind).clipped(40);
                file.counts.skipped.add(&format!("messages of unknown type `{kind}`"), 1);
                Ok(())
            }
            Kind::Post => {
                let Some(part) = message.part(room, &self.intake.zone) else {
                    file.broken(place, BROKEN, "a message without an id");
                    return Ok(());
                };
                album.add(part).map_or(Ok(()), |found| self.intake.take(found))
            }
        }
    }
}

fn scalar<R: BufRead>(s: &mut Scanner<R>) -> Result<Scalar, Fault> {
    let mut raw = Vec::new();
    Ok(match s.value(&mut raw, HEADER_CAP)? {
        Taken::Whole => json::parse(&raw).unwrap_or_default(),
        Taken::TooLarge { .. } | Taken::Unquoted { .. } => Scalar::None,
    })
}
