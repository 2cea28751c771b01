//! The engine: background tasks that claim jobs, do them and finish them under a fence.
//! It draws nothing and asks nobody; watchers read its events and its snapshot.

pub mod event;
