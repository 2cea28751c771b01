//! Parses the arguments and picks a subcommand; each lives in a file of its own.
//! It holds no use case: those are in `ops`, `import`, `engine` and `demo`.

mod args;
mod dashboard;
mod demo;
mod doctor;
mod explain;
mod gpu;
mod import;
mod migrate;
mod models;
mod ocr;
mod output;
mod outputs;
mod post;
mod posts;
mod run;
mod serve;
mod session;
mod settings;
mod transfer;
mod workers;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Arguments, Command};
use output::Exit;

/// Runs the program; the code is 0 done, 1 failed, 2 wrong usage or settings, 3 done but some items failed.
pub fn main() -> ExitCode {
    crate::ocr::runtime::silence();
    let arguments = Arguments::parse();
    if let Err(error) = color_eyre::config::HookBuilder::default().display_env_section(false).install() {
        output::complain(&format!("error messages will be plain: {error}"));
    }
    // Only the first provider installed in a process counts; nobody else installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match dispatch(arguments) {
        Ok(exit) => exit.code(),
        Err(error) => output::report(&error).code(),
    }
}

fn dispatch(arguments: Arguments) -> color_eyre::Result<Exit> {
    let Arguments { command, common, dashboard } = arguments;
    match command {
        None => dashboard::run(&common, &dashboard),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Import(args)) => import::run(&common, &args),
        Some(Command::Run(args)) => run::run(&common, &args),
        Some(Command::Serve(args)) => serve::run(&common, &args),
        Some(Command::Stats(args)) => posts::stats(&common, &args),
        Some(Command::Workers(args)) => workers::run(&common, &args),
        Some(Command::Posts(args)) => posts::list(&common, &args),
        Some(Command::Retry(args)) => posts::retry(&common, &args),
        Some(Command::Post(args)) => post::show(&common, &args),
        Some(Command::Regenerate(args)) => posts::regenerate(&common, &args),
        Some(Command::Ocr(args)) => ocr::run(&common, &args),
        Some(Command::Outputs(args)) => outputs::run(&common, &args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Migrate(args)) => migrate::run(&common, &args),
        Some(Command::Move(args)) => transfer::run(&common, &args),
        Some(Command::Doctor(args)) => doctor::run(&common, args),
        Some(Command::Models(args)) => models::run(&common, &args),
        Some(Command::Gpu(args)) => gpu::run(&common, &args),
        Some(Command::Config(args)) => settings::run(&common, &args),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "tagdeck", &mut script);
            output::raw(&script)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            output::raw(&page)
        }
    }
}
