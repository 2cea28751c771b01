//! The panes: each a pure function from the model to the cells of its place.
//! They decide nothing; what a key does to them is in `update`.

pub mod failed;
pub mod log;
pub mod ocr;
pub mod outputs;
pub mod overview;
