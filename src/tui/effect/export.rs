//! Lists and screens written to files: CSV for tables, JSON lines for programs, text as it is.
//! No file is written over another.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::domain::{Event, PageKey, PostFilter, PostLine};
use crate::ops::{Ops, OpsError};
use crate::text::Safe;

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Export {
    /// All posts that these filters find.
    Posts(Vec<PostFilter>),
    /// These events.
    Events(Vec<Event>),
    /// This text.
    Text(String),
}

/// Posts asked for at once.
const PAGE: u32 = 1_000;

/// A line of a table.
trait Line: Serialize {
    /// What stands above the columns.
    const HEADINGS: &'static [&'static str];
    /// The cells.
    fn cells(&self) -> Vec<String>;
}

impl Line for PostLine {
    const HEADINGS: &'static [&'static str] =
        &["id", "channel", "status", "passes", "class", "error", "changed_ms", "tags", "excerpt"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.channel.clone(),
            self.status.map(|status| status.to_string()).unwrap_or_default(),
            self.attempts.to_string(),
            self.error_class.clone().unwrap_or_default(),
            self.error.clone().unwrap_or_default(),
            self.updated_at.to_string(),
            self.tags.join(", "),
            self.excerpt.clone(),
        ]
    }
}

impl Line for Event {
    const HEADINGS: &'static [&'static str] = &["seq", "time_ms", "worker", "kind", "post", "model", "outcome", "text"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.seq.to_string(),
            self.time.to_string(),
            self.worker.to_string(),
            self.kind.to_string(),
            self.post.map(|post| post.to_string()).unwrap_or_default(),
            self.model.as_ref().map(Safe::to_string).unwrap_or_default(),
            self.outcome.map(|outcome| outcome.to_string()).unwrap_or_default(),
            self.text.to_string(),
        ]
    }
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file would not.
    #[error("cannot write {path}: {cause}; choose another name or folder")]
    File {
        /// Which.
        path: Safe,
        /// What the system says.
        cause: Safe,
    },
    /// The database would not.
    #[error(transparent)]
    Ops(#[from] OpsError),
}

/// Writes it; the number of lines written.
pub async fn write(ops: &Ops, path: &Path, what: Export) -> Result<usize, ExportError> {
    let shown = Safe::line(&path.display().to_string());
    let failed = |error: io::Error| ExportError::File { path: shown.clone(), cause: Safe::line(&error.to_string()) };
    let mut file = File::create_new(path).map_err(failed)?;
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl") || ending.eq_ignore_ascii_case("json"));
    match what {
        Export::Text(text) => {
            file.write_all(text.as_bytes()).map_err(failed)?;
            Ok(text.lines().count())
        }
        Export::Events(events) => {
            lines(&mut file, &events, json, true).map_err(failed)?;
            Ok(events.len())
        }
        Export::Posts(filters) => {
            let mut written = 0;
            for filter in &filters {
                let mut after: Option<PageKey> = None;
                loop {
                    let page = ops.posts(filter, after, PAGE).await?;
                    lines(&mut file, &page, json, written == 0).map_err(failed)?;
                    written += page.len();
                    let Some(last) = page.last().filter(|_| page.len() >= PAGE as usize) else { break };
                    after = Some(PageKey { updated_at: last.updated_at, id: last.id });
                }
            }
            Ok(written)
        }
    }
}

fn lines<L: Line>(out: &mut impl Write, lines: &[L], json: bool, first: bool) -> io::Result<()> {
    if json {
        for line in lines {
            writeln!(out, "{}", crate::text::json_line(line)?)?;
        }
        return Ok(());
    }
    let mut table = csv::Writer::from_writer(out);
    if first {
        table.write_record(L::HEADINGS)?;
    }
    for line in lines {
        table.write_record(line.cells().iter().map(|cell| tame(cell)))?;
    }
    table.flush()
}

/// A cell that a spreadsheet shows instead of running it: a post may begin with `=` too.
fn tame(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixture;

    #[test]
    fn a_table_holds_every_cell_and_none_that_runs() {
        let mut post = fixture::failed_posts().remove(0).line;
        post.channel = "=HYPERLINK(\"http://evil\")".to_owned();
        post.error = Some("two\nlines, \"quoted\"".to_owned());
        let mut out = Vec::new();
        lines(&mut out, &[post.clone()], false, true).unwrap();
        let mut table = csv::Reader::from_reader(out.as_slice());
        assert_eq!(table.headers().unwrap().iter().collect::<Vec<_>>(), PostLine::HEADINGS);
        let row = table.records().next().unwrap().unwrap();
        assert_eq!(&row[1], "'=HYPERLINK(\"http://evil\")");
        assert_eq!(&row[5], "two\nlines, \"quoted\"");
        let mut out = Vec::new();
        lines(&mut out, &[post], true, true).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((line["id"].as_i64(), line["channel"].as_str()), (Some(4983), Some("=HYPERLINK(\"http://evil\")")));
    }
}
