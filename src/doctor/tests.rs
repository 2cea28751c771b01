//! What each check says of a place made for it. What a person sees of them all is in `tests/doctor_tells_what_to_do.rs`.

use std::fs;

use super::State;
use super::place::folder;

#[test]
fn a_folder_that_is_a_file_or_may_not_be_made_fails() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(folder(&file).state, State::Fail);
    assert_eq!(folder(&file.join("below")).state, State::Fail);
    let new = folder(&place.path().join("a/b"));
    assert!(new.saw.contains("to be made") && new.state != State::Fail, "{new:?}");
    assert!(!place.path().join("a").exists(), "looking makes nothing");
}
