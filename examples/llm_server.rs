//! The demo's server in a process of its own, for benches and for tests that kill its client.
//! It is not part of the program: it prints its address as its only line and runs until stdin closes or SIGTERM comes.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tagdeck::demo::server::{Faults, Server, Setup};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

#[derive(Parser)]
#[command(about = "An OpenRouter-like server that fails on purpose; prints its base URL, runs until stdin closes")]
struct Arguments {
    /// Where all chance comes from.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Share of first askings that fail, 0 to 1; 0 is the perfect server.
    #[arg(long, default_value_t = 0.0)]
    share: f64,
    /// Time before an answer begins, milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Appends a line for each chat request here.
    #[arg(long)]
    count_file: Option<PathBuf>,
    /// The one key it takes.
    #[arg(long, default_value = "sk-demo")]
    key: String,
    /// How long a drip goes on, milliseconds; more than the client's timeout.
    #[arg(long, default_value_t = 4000)]
    drip_ms: u64,
    /// Different posts after which the daily limit of the free models strikes, once.
    #[arg(long)]
    day_after: Option<usize>,
}

// One core is what a bench leaves to the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let latency = Duration::from_millis(arguments.latency_ms);
    let faults = Faults {
        seed: arguments.seed,
        share: arguments.share,
        latency: latency..latency,
        drip: Duration::from_millis(arguments.drip_ms),
        day_after: arguments.day_after,
        ..Faults::none()
    };
    let setup = Setup { key: arguments.key, faults, answer: Arc::new(words), count_file: arguments.count_file };
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::start(setup).await?;
    writeln!(io::stdout(), "{}", server.base_url())?;
    let (closed, stdin_closed) = oneshot::channel();
    // A thread of its own: the runtime would wait at its end for a read of stdin that nothing can interrupt.
    std::thread::spawn(move || {
        let mut waste = [0; 256];
        let mut stdin = io::stdin();
        while stdin.read(&mut waste).is_ok_and(|count| count > 0) {}
        // Nobody listens any more when SIGTERM came first.
        let _ = closed.send(());
    });
    tokio::select! {
        _ = terminate.recv() => {}
        _ = stdin_closed => {}
    }
    Ok(())
}

/// Three of the text's longest different words: cheap, and the same for the same text.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| (4..=20).contains(&word.chars().count()))
        .take(60)
        .map(str::to_lowercase)
        .collect();
    words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words.truncate(3);
    words
}
