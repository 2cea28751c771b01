//! `tagdeck import`: takes posts in, with a bar while it lasts and a summary at the end.
//! Reading the files is `import`'s work.

use std::io::IsTerminal;

use color_eyre::eyre::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Common, Import};
use super::output::{self, Exit};
use super::session::{self, LogTo};
use crate::domain::UserId;
use crate::import::{self, Options, Progress, Reading};
use crate::store::Access;
use crate::text::counted;

/// See the module.
pub fn run(common: &Common, args: &Import) -> Result<Exit> {
    let config = session::settings(common)?;
    session::start_log(&config.log_level, &LogTo::Stderr)?;
    session::block_on(async {
        let store = session::open(&config, Access::ReadWrite).await?;
        let options = Options {
            user: UserId(args.user),
            wait_for_ocr: config.tagging.wait_for_ocr,
            max_attempts: config.tagging.max_attempts,
            reading: Reading { private_chats: args.private_chats, ..Reading::default() },
        };
        let bar = bar();
        let done = import::run(&store, &args.files, &options, |progress| draw(&bar, &progress)).await;
        bar.finish_and_clear();
        let summary = done?;
        if args.json {
            output::json(&summary)?;
        } else {
            output::line(summary.to_string().trim_end())?;
        }
        let failed = summary.files.iter().filter(|file| file.error.is_some()).count();
        Ok(match failed {
            0 => Exit::Done,
            n if n == summary.files.len() && summary.total.posts == 0 => Exit::Failed,
            _ => Exit::Partly,
        })
    })?
}

/// Drawn only where somebody can see it.
fn bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    let template = "{bar:32} {bytes}/{total_bytes} · {bytes_per_sec} · {eta} left · {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    if progress.bytes_total > 0 {
        bar.set_length(progress.bytes_total);
    }
    bar.set_position(progress.bytes_done);
    bar.set_message(format!("{} · {}", counted(progress.stored as i64, "post", "posts"), progress.file.clipped(40)));
}
