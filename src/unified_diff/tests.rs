use super::{InvalidDiff, Outcome, Placement, Reject, UnifiedDiff};

const OLD: &str = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
const DIFF: &str =
    "--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@ header\n b\n-c\n+C\n d\n@@ -7,2 +7,3 @@\n g\n+G\n h\n";

fn apply(diff: &str, text: &str, fuzz: usize) -> (String, Vec<(usize, isize, usize)>) {
    match UnifiedDiff::parse(diff.as_bytes())
        .unwrap()
        .apply(text.as_bytes(), fuzz)
    {
        Outcome::Applied { text, hunks } => {
            let of = |p: &Placement| (p.line, p.offset, p.fuzz);
            (
                String::from_utf8(text).unwrap(),
                hunks.iter().map(of).collect(),
            )
        }
        other => (format!("{other:?}"), Vec::new()),
    }
}

#[test]
fn hunks_go_where_the_diff_says() {
    let (text, hunks) = apply(DIFF, OLD, 0);
    assert_eq!(text, "a\nb\nC\nd\ne\nf\ng\nG\nh\ni\nj\n");
    assert_eq!(hunks, [(2, 0, 0), (7, 0, 0)]);
    for (diff, n) in [(DIFF, 2), ("@@ -1 +1 @@\n-a\n+b\n", 1)] {
        assert_eq!(UnifiedDiff::parse(diff.as_bytes()).unwrap().n_hunks(), n);
    }
}

#[test]
fn hunks_go_to_the_nearest_place_where_their_lines_stand() {
    let (text, hunks) = apply(DIFF, &format!("1\n2\n{OLD}b\nc\nd\n"), 0);
    assert_eq!(text, "1\n2\na\nb\nC\nd\ne\nf\ng\nG\nh\ni\nj\nb\nc\nd\n");
    assert_eq!(hunks, [(4, 2, 0), (9, 2, 0)]);
    // Never before the hunk in front of it.
    let diff = "@@ -1,1 +1,1 @@\n-x\n+X\n@@ -2,1 +2,1 @@\n-x\n+Y\n";
    let (text, _) = apply(diff, "y\nx\nz\nx\n", 0);
    assert_eq!(text, "y\nX\nz\nY\n");
}

#[test]
fn fuzz_passes_over_context_at_both_ends_and_keeps_it() {
    let text = OLD.replace("b\n", "B\n");
    let (told, _) = apply(DIFF, &text, 0);
    assert!(told.starts_with("Rejected"), "{told}");
    let (text, hunks) = apply(DIFF, &text, 1);
    assert_eq!(text, "a\nB\nC\nd\ne\nf\ng\nG\nh\ni\nj\n");
    assert_eq!(hunks, [(2, 0, 1), (7, 0, 0)]);
}

#[test]
fn less_context_on_one_side_means_that_the_text_ends_there() {
    let end = "@@ -2,2 +2,3 @@\n b\n c\n+d\n";
    assert_eq!(apply(end, "a\nb\nc\n", 0).0, "a\nb\nc\nd\n");
    assert!(apply(end, "a\nb\nc\nx\n", 0).0.starts_with("Rejected"));
    assert_eq!(apply(end, "a\nb\nc\nx\n", 2).0, "a\nb\nc\nd\nx\n");
    let start = "@@ -1,2 +1,3 @@\n+0\n a\n b\n";
    assert_eq!(apply(start, "a\nb\n", 0).0, "0\na\nb\n");
    assert!(apply(start, "x\na\nb\n", 0).0.starts_with("Rejected"));
}

#[test]
fn a_line_that_does_not_end_is_another_line() {
    let diff = "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n";
    assert_eq!(apply(diff, "a", 0).0, "a\n");
    assert_eq!(apply(diff, "a\n", 0).0, "AlreadyApplied");
    assert_eq!(apply("@@ -0,0 +1 @@\n+a\n", "", 0).0, "a\n");
    assert_eq!(
        apply("@@ -2,0 +3 @@\n+x\n", "1\n2\n3\n", 0).0,
        "1\n2\nx\n3\n"
    );
    assert_eq!(apply("@@ -1,2 +0,0 @@\n-1\n-2\n", "1\n2\n", 0).0, "");
    // A line that goes may look like the name of a file.
    let comment = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- x\n+y\n";
    assert_eq!(apply(comment, "-- x\n", 0).0, "y\n");
}

#[test]
fn what_is_there_already_is_told_apart_from_what_does_not_fit() {
    let (patched, _) = apply(DIFF, OLD, 0);
    assert_eq!(apply(DIFF, &patched, 0).0, "AlreadyApplied");
    // The lines of the first hunk are nearer to their place behind those of the second.
    let twice = "@@ -4 +4 @@\n-a\n+x\n@@ -5 +5 @@\n-b\n+y\n";
    assert_eq!(apply(twice, "x\ny\nq\nq\nx\n", 0).0, "AlreadyApplied");
    assert!(apply(twice, "y\nq\nq\nx\n", 0).0.starts_with("Rejected"));
    // Each hunk has lines of its own.
    let same = "@@ -2 +2 @@\n-a\n+x\n@@ -3 +3 @@\n-a\n+x\n";
    assert_eq!(apply(same, "q\nx\nx\n", 0).0, "AlreadyApplied");
    assert!(apply(same, "q\nq\nx\n", 0).0.starts_with("Rejected"));
    let diff = UnifiedDiff::parse(DIFF.as_bytes()).unwrap();
    let Outcome::Rejected(rejects) = diff.apply(b"a\nb\nc\nx\ne\nf\ng\nh\n", 0) else {
        panic!("the first hunk has no place");
    };
    assert_eq!(
        rejects,
        [Reject {
            hunk: 1,
            line: 4,
            wanted: Some(b"d\n".to_vec()),
            found: Some(b"x\n".to_vec()),
        }]
    );
}

#[test]
fn what_is_no_diff_of_one_text_is_refused() {
    let parse = |text: &str| UnifiedDiff::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse(""), InvalidDiff::Empty);
    assert_eq!(parse("no diff\n"), InvalidDiff::Empty);
    let two = format!("{DIFF}--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n");
    assert_eq!(parse(&two), InvalidDiff::Several);
    for cut in ["@@ -1,2 +1,2 @@\n a\n", "@@ nonsense @@\n-a\n+b\n"] {
        assert!(
            matches!(parse(cut), InvalidDiff::Malformed(_) | InvalidDiff::Empty),
            "{cut}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn a_diff_of_two_texts_makes_the_one_of_the_other(
        old in "([a-c]\n){0,12}[a-c]?", new in "([a-c]\n){0,12}[a-c]?", before in "([xy]\n){0,3}",
    ) {
        let diff = diffy::create_patch_bytes(old.as_bytes(), new.as_bytes()).to_bytes();
        if let Ok(diff) = UnifiedDiff::parse(&diff) {
            let Outcome::Applied { text, .. } = diff.apply(old.as_bytes(), 0) else {
                panic!("a diff fits the text that it was made from");
            };
            proptest::prop_assert_eq!(&text, new.as_bytes());
            // Whatever it is applied to, it does not panic.
            let other = format!("{before}{old}");
            let _ = diff.apply(other.as_bytes(), 3);
            let _ = diff.apply(before.as_bytes(), 3);
        }
    }

    #[test]
    fn no_text_makes_it_panic(diff in "(@@ -[0-9]{1,3}(,[0-9]{1,2})? \\+[0-9](,[0-9])? @@\n([ +-][ab]\n){0,6}){1,3}", text in "([ab]\n){0,9}") {
        if let Ok(diff) = UnifiedDiff::parse(diff.as_bytes()) {
            let _ = diff.apply(text.as_bytes(), 2);
        }
    }
}
