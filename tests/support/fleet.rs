//! Workers in processes of their own on one database: the built program, started, killed and ended.
//! It asserts nothing.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, missing_docs)]

use std::process::{Child, Stdio};

use super::program::Home;

/// One `tagdeck run`, ended with the test.
pub struct Worker(Child);

/// Workers that share a database and their settings.
pub struct Fleet {
    home: Home,
    database: String,
    pub workers: Vec<Worker>,
}

impl Fleet {
    /// None yet; `settings` is their config.toml.
    pub fn new(database: &str, settings: &str) -> Self {
        let home = Home::new();
        home.write("config.toml", settings);
        Self { home, database: database.to_owned(), workers: Vec::new() }
    }

    /// Settings for a server that takes any model, each call on its own.
    pub fn settings(base_url: &str, tagging: &str, provider: &str) -> String {
        format!(
            "[tagging]\nroute = [\"model\"]\nvocabulary = false\nretry_delay = 0.05\npass_delays = [0.001]\n{tagging}\n\
             [[providers]]\nname = \"test\"\nbase_url = \"{base_url}\"\nkey = \"sk-test\"\n{provider}\n"
        )
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Starts one more.
    pub fn start(&mut self) -> &mut Worker {
        let args = ["run", "--kind", "tag", "--json", "--database", &self.database];
        let child = self.home.tagdeck(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.workers.push(Worker(child));
        self.workers.last_mut().unwrap()
    }

    pub fn start_many(&mut self, count: usize) {
        for _ in 0..count {
            self.start();
        }
    }
}

impl Worker {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
