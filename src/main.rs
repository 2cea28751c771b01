//! The `tagdeck` binary: hands the arguments to `cli`.

fn main() {}
