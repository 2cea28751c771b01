//! Promises of the dashboard as a whole, each checked on what a person would see.
//! Single panes and windows have their tests beside them.

mod acting;
mod asking;
mod hostile;
mod keys;
mod looks;
mod pty;
mod speed;
