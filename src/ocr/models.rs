//! The models: which there are, where each comes from, and its bytes, hash checked.
//! It runs none (see `runtime`).

mod catalogue;

pub(super) use catalogue::ModelBytes;
pub use catalogue::{Catalogue, Entry};

/// A model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Model {
    /// Where text is (DB).
    Detector,
    /// Russian, Ukrainian, Belarusian and Latin lines.
    Ruslat,
    /// Latin with accents, Chinese.
    Latin,
    /// A page turned by 0, 90, 180 or 270 degrees.
    PageOrientation,
    /// The structure of tables without rules.
    TableStructure,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Detector, Self::Ruslat, Self::Latin, Self::PageOrientation, Self::TableStructure];

    /// The word in manifests.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Detector => "detector",
            Self::Ruslat => "recogniser",
            Self::Latin => "latin_recogniser",
            Self::PageOrientation => "page_orientation",
            Self::TableStructure => "table_structure",
        }
    }

    /// True when its output is text, which needs a charset.
    pub const fn is_recogniser(self) -> bool {
        matches!(self, Self::Ruslat | Self::Latin)
    }
}

/// The bytes of a model that is part of the program.
pub fn bytes(model: Model) -> &'static [u8] {
    match model {
        Model::Detector => include_bytes!("../../assets/models/ppocrv6_tiny_det.onnx"),
        Model::Ruslat => include_bytes!("../../assets/models/ruslat_rec.onnx"),
        Model::Latin => include_bytes!("../../assets/models/ppocrv6_tiny_rec.onnx"),
        Model::PageOrientation => include_bytes!("../../assets/models/doc_orientation_4way.onnx"),
        Model::TableStructure => include_bytes!("../../assets/models/slanet-1m.onnx"),
    }
}

/// What the classes of a recogniser that is part of the program mean; class 0 is the CTC blank, class i is line i (from 1) here.
pub fn charset(model: Model) -> &'static str {
    match model {
        Model::Ruslat => include_str!("../../assets/models/ruslat_charset.txt"),
        Model::Latin => include_str!("../../assets/models/ppocrv6_tiny_dict.txt"),
        Model::Detector | Model::PageOrientation | Model::TableStructure => "",
    }
}
