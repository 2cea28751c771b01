//! The only place that writes to stdout and stderr outside the dashboard; everything foreign comes as [`Safe`] or through `json_line`.
//! It decides no wording but that of errors.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::config::ConfigError;
use crate::text::{Safe, json_line};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Done,
    /// 1
    Failed,
    /// 2
    Usage,
    /// 3: done, but some items failed.
    Partly,
}

impl Exit {
    /// For the shell.
    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
        })
    }
}

/// One line on stdout.
pub fn line(text: &str) -> color_eyre::Result<()> {
    write(as_line(text).as_bytes())
}

/// One line of JSON on stdout.
pub fn json<T: Serialize + ?Sized>(value: &T) -> color_eyre::Result<()> {
    write(as_json(value)?.as_bytes())
}

/// A line as it may be written.
pub fn as_line(text: &str) -> String {
    format!("{}\n", Safe::block(text))
}

/// A line of JSON as it may be written.
pub fn as_json<T: Serialize + ?Sized>(value: &T) -> color_eyre::Result<String> {
    Ok(format!("{}\n", json_line(value)?))
}

/// Bytes of our own making (a completion script, the manual page) on stdout.
pub fn raw(bytes: &[u8]) -> color_eyre::Result<Exit> {
    write(bytes)?;
    Ok(Exit::Done)
}

/// A reader that has gone away (`tagdeck posts | head`) is no error: the program ends as if it had read everything.
fn write(bytes: &[u8]) -> color_eyre::Result<()> {
    if !try_write(bytes)? {
        std::process::exit(0);
    }
    Ok(())
}

/// False when the reader has gone away: for those who have something to bring to an end first.
pub fn try_write(bytes: &[u8]) -> color_eyre::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => Ok(other.map(|()| true)?),
    }
}

/// One line on stderr; when that is closed there is nobody to tell.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", Safe::block(text));
}

/// Says what went wrong, causes included, and how the program ends.
pub fn report(error: &color_eyre::Report) -> Exit {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors tell their cause themselves.
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    complain(&format!("tagdeck: {said}"));
    if error.downcast_ref::<ConfigError>().is_some() { Exit::Usage } else { Exit::Failed }
}
