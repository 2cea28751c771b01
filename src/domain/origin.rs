//! Where an output comes from, and what the database says of it, for previews and `verify`.
//! Rows of tables are the store's; these are what the rooms above see.

use super::{ImageId, PostId};

/// The image a document was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which image.
    pub image: ImageId,
    /// The post it belongs to, if any.
    pub post: Option<PostId>,
    /// Its file on the machine that took it in; foreign text.
    pub path: String,
}
