//! The demo's LLM server in a process of its own, counting requests in a file that survives whatever happens to its clients.
//! It is the `llm_server` example, which `cargo test` builds.

#![allow(dead_code, reason = "each test uses its own part of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Server {
    child: Child,
    pub address: String,
    count_file: PathBuf,
}

impl Server {
    /// Starts it; `latency_ms` for each answer, `share` of answers that are failures.
    pub fn start(folder: &Path, share: &str, latency_ms: &str) -> Self {
        let count_file = folder.join("requests.txt");
        let test = std::env::current_exe().unwrap();
        let program = test.parent().and_then(Path::parent).unwrap().join("examples/llm_server");
        let mut child = Command::new(&program)
            .args(["--seed", "7", "--share", share, "--latency-ms", latency_ms, "--key", "sk-test", "--count-file"])
            .arg(&count_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| {
                panic!("{}: {e}; `cargo test` builds it, `cargo build --example llm_server` as well", program.display())
            });
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned(), count_file }
    }

    /// Settings that use it.
    pub fn settings(&self, tagging: &str) -> String {
        let base = self.address.trim_end_matches('/');
        let base = if base.ends_with("/api/v1") { base.to_owned() } else { format!("{base}/api/v1") };
        format!("[tagging]\n{tagging}\n[[providers]]\nname = \"test\"\nbase_url = \"{base}\"\nkey = \"sk-test\"\n")
    }

    /// Requests it has seen.
    pub fn requests(&self) -> usize {
        std::fs::read_to_string(&self.count_file).map_or(0, |text| text.lines().count())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
