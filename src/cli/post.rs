//! `post`: one post as the dashboard's window shows it, and what models answered about it.
//! The words are the dashboard's own.

use color_eyre::eyre::Result;
use serde_json::json;

use super::args::{Common, Post};
use super::output::{self, Exit};
use super::session::with_ops;
use crate::domain::PostId;
use crate::store::Access;
use crate::tui::told;

/// `tagdeck post`
pub fn show(common: &Common, args: &Post) -> Result<Exit> {
    with_ops(common, Access::ReadOnly, |ops, _| async move {
        let Some(post) = ops.post(PostId(args.id)).await? else {
            output::complain(&format!("tagdeck: there is no post {}; `tagdeck posts` lists them", args.id));
            return Ok(Exit::Failed);
        };
        let mut answers = Vec::new();
        if args.answers {
            for call in &post.calls {
                answers.extend(ops.answer(call.id).await?);
            }
        }
        if args.json {
            let mut told = serde_json::to_value(&post)?;
            if args.answers {
                told["answers"] = json!(answers);
            }
            output::json(&told)?;
            return Ok(Exit::Done);
        }
        for line in told::post(&post) {
            output::line(&line)?;
        }
        for answer in &answers {
            output::line("")?;
            for line in told::answer(answer) {
                output::line(&line)?;
            }
        }
        Ok(Exit::Done)
    })
}
