//! The text of a patch.

use ocipatch::patch::{ArgValues, PatchFile};
use ocipatch::problem::{Rejected, sarif};

use super::assert_clean;

/// Parses any bytes as a patch; what is wrong with them is told, and what is right is right the second time too.
pub(crate) fn any_patch(bytes: &[u8]) {
    let parsed = PatchFile::parse("fuzz.yaml", bytes);
    let checked = PatchFile::check("fuzz.yaml", bytes, &ArgValues::default());
    match parsed {
        Ok(file) => {
            assert!(checked.is_ok());
            assert!(!file.patches().is_empty());
            for note in file.notes() {
                assert_clean(&note.to_string());
            }
            // A mark at the beginning means nothing.
            let marked = [b"\xef\xbb\xbf", bytes].concat();
            if !bytes.starts_with(b"\xef\xbb\xbf") {
                let again = PatchFile::parse("fuzz.yaml", &marked).unwrap();
                assert_eq!(again.patches(), file.patches());
            }
        }
        Err(rejected) => check_report(&rejected, bytes),
    }
}

pub(super) fn check_report(rejected: &Rejected, bytes: &[u8]) {
    assert!(rejected.problems().count() > 0);
    assert_clean(&rejected.to_string());
    let n_lines = bytes.split(|byte| *byte == b'\n').count();
    for problem in rejected.to_json().as_array().unwrap() {
        let line = problem["line"].as_u64();
        assert!(
            line.is_none_or(|line| (1..=n_lines as u64).contains(&line)),
            "{problem}"
        );
        assert_clean(problem["message"].as_str().unwrap());
        assert_clean(problem["help"].as_str().unwrap_or_default());
    }
    for result in sarif(Some(rejected), &[], str::to_owned)["runs"][0]["results"]
        .as_array()
        .unwrap()
    {
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let at = |line: &str, column: &str| (region[line].as_u64(), region[column].as_u64());
        assert!(
            at("startLine", "startColumn") <= at("endLine", "endColumn"),
            "{region}"
        );
    }
}
