//! What lies over the panes: the keys, a question, a post.
//! Each is a pure function from the model to the cells in the middle of the screen.

pub mod confirm;
pub mod help;
pub mod kinds;
pub mod page;
pub mod post;
pub mod prompt;
pub mod reading;
pub mod verdict;
