//! `tagdeck explain`: what the engine would do with recorded LLM responses, a line of JSON each.
//! It sends nothing.

use color_eyre::eyre::Result;

use super::args::Explain;
use super::output::{self, Exit};
use crate::engine::event::wall_clock;
use crate::llm::outcome::explain;
use crate::text::Safe;

/// See the module; a file that cannot be read never stops the rest.
pub fn run(args: &Explain) -> Result<Exit> {
    let mut failed = 0;
    for path in &args.files {
        let name = path.display().to_string();
        let explained = std::fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|content| explain(&name, &content, wall_clock()).map_err(|error| error.to_string()));
        match explained {
            Ok(explained) => output::json(&explained)?,
            Err(error) => {
                failed += 1;
                output::complain(&format!("tagdeck: {}: {error}", Safe::line(&name)));
            }
        }
    }
    Ok(match failed {
        0 => Exit::Done,
        n if n == args.files.len() => Exit::Failed,
        _ => Exit::Partly,
    })
}
