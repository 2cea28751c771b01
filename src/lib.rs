//! Tags posts with an LLM and reads their images, watched from a terminal dashboard.
//!
//! The floors; a room imports only what stands below it:
//!
//! ```text
//! main  cli                                   parse arguments, pick a subcommand
//! tui            api            demo          faces: draw, answer HTTP, show everything on made-up data
//! engine  ops  doctor  import                 engine: background work · ops: what a person can ask for
//! store      llm      ocr      blob           trades that do not know each other
//! domain  config  text                        words, settings, and the gate for foreign text
//! ```

pub mod api;
pub mod blob;
pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod engine;
pub mod import;
pub mod llm;
pub mod ocr;
pub mod ops;
pub mod store;
pub mod text;
pub mod tui;
