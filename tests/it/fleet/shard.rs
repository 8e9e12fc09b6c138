//! Shards, as people write them and as schedulers tell them.

use std::collections::BTreeMap;

use ocipatch::fleet::Shard;

fn auto(variables: &[(&str, &str)]) -> Result<String, String> {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    let shard = Shard::of_environment(&|name| variables.get(name).map(|&it| it.to_owned()));
    shard.map(|shard| shard.to_string())
}

#[test]
fn every_entry_belongs_to_one_shard() {
    for n in 1..=7 {
        let shards: Vec<Shard> = (0..n)
            .map(|i| Shard::parse(&format!("{i}/{n}")).unwrap())
            .collect();
        for entry in 0..50 {
            let of: Vec<usize> = (0..n).filter(|&i| shards[i].has(entry)).collect();
            assert_eq!(of, [entry % n]);
        }
    }
}

#[test]
fn shards_are_counted_from_0() {
    assert_eq!(Shard::parse("0/1"), Ok(Shard::default()));
    assert_eq!(
        Shard::parse("4/4").unwrap_err(),
        "shards are counted from 0: the last one of 4 is `3/4`"
    );
    for text in [
        "",
        "1",
        "/",
        "1/",
        "/2",
        "a/2",
        "1/b",
        "-1/2",
        "5/4",
        "0/0",
        "1/2/3",
        "+1/2",
        " 0/1",
        "0/9999999999",
    ] {
        assert!(Shard::parse(text).is_err(), "{text}");
    }
}

#[test]
fn each_scheduler_counts_in_its_way() {
    for (variables, wanted) in [
        (
            &[("JOB_COMPLETION_INDEX", "0"), ("OCIPATCH_SHARDS", "4")][..],
            "0/4",
        ),
        (
            &[("JOB_COMPLETION_INDEX", "3"), ("OCIPATCH_SHARDS", "4")],
            "3/4",
        ),
        (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4")], "0/4"),
        (
            &[
                ("CI_NODE_INDEX", "4"),
                ("CI_NODE_TOTAL", "4"),
                ("OCIPATCH_SHARDS", "4"),
            ],
            "3/4",
        ),
        (&[("PARALLEL_SEQ", "1"), ("OCIPATCH_SHARDS", "2")], "0/2"),
        (
            &[
                ("PARALLEL_SEQ", "2"),
                ("OCIPATCH_SHARDS", "2"),
                ("CI_NODE_TOTAL", ""),
            ],
            "1/2",
        ),
        (
            &[
                ("SLURM_ARRAY_TASK_ID", "0"),
                ("SLURM_ARRAY_TASK_MIN", "0"),
                ("SLURM_ARRAY_TASK_MAX", "15"),
                ("SLURM_ARRAY_TASK_COUNT", "16"),
                ("SLURM_ARRAY_TASK_STEP", "1"),
            ],
            "0/16",
        ),
        (
            &[
                ("SLURM_ARRAY_TASK_ID", "7"),
                ("SLURM_ARRAY_TASK_MIN", "1"),
                ("SLURM_ARRAY_TASK_MAX", "10"),
                ("SLURM_ARRAY_TASK_COUNT", "4"),
                ("SLURM_ARRAY_TASK_STEP", "3"),
            ],
            "2/4",
        ),
    ] {
        assert_eq!(auto(variables).as_deref(), Ok(wanted), "{variables:?}");
    }
}

/// Variables, and the start of what is said about them.
const REFUSED: &[(&[(&str, &str)], &str)] = &[
    (&[], "`--shard auto` found no variable of a scheduler"),
    // A job of GitLab without `parallel` has this alone.
    (
        &[("CI_NODE_TOTAL", "1")],
        "`--shard auto` found no variable of a scheduler",
    ),
    (
        &[("OCIPATCH_SHARDS", "4")],
        "`--shard auto` found no variable of a scheduler",
    ),
    (
        &[("JOB_COMPLETION_INDEX", "")],
        "`--shard auto` found no variable of a scheduler",
    ),
    (
        &[("JOB_COMPLETION_INDEX", "2")],
        "`JOB_COMPLETION_INDEX` is the number of a job of a Kubernetes Indexed Job, and nothing says of how many: set `OCIPATCH_SHARDS`",
    ),
    (
        &[("JOB_COMPLETION_INDEX", "4"), ("OCIPATCH_SHARDS", "4")],
        "`JOB_COMPLETION_INDEX` is 4; of 4 shards it is 0 to 3",
    ),
    (
        &[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")],
        "`CI_NODE_INDEX` is 0; of 4 shards it is 1 to 4",
    ),
    (
        &[("CI_NODE_INDEX", "5"), ("CI_NODE_TOTAL", "4")],
        "`CI_NODE_INDEX` is 5; of 4 shards it is 1 to 4",
    ),
    (
        &[("CI_NODE_INDEX", "1")],
        "`CI_NODE_INDEX` is the number of a job of GitLab CI, and nothing says of how many: set `CI_NODE_TOTAL`",
    ),
    (
        &[
            ("CI_NODE_INDEX", "1"),
            ("CI_NODE_TOTAL", "4"),
            ("OCIPATCH_SHARDS", "5"),
        ],
        "`CI_NODE_TOTAL` is 4, and `OCIPATCH_SHARDS` is 5",
    ),
    (
        &[("CI_NODE_INDEX", "one"), ("CI_NODE_TOTAL", "4")],
        "`CI_NODE_INDEX` is `one`, not a number",
    ),
    (
        &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "0")],
        "`CI_NODE_TOTAL` is 0, and there are no 0 shards",
    ),
    (
        &[("JOB_COMPLETION_INDEX", "0"), ("OCIPATCH_SHARDS", "0")],
        "`OCIPATCH_SHARDS` is 0, and there are no 0 shards",
    ),
    (
        &[("PARALLEL_SEQ", "0"), ("OCIPATCH_SHARDS", "4")],
        "`PARALLEL_SEQ` is 0; of 4 shards it is 1 to 4",
    ),
    (
        &[("PARALLEL_SEQ", "1"), ("OCIPATCH_SHARDS", "-4")],
        "`OCIPATCH_SHARDS` is `-4`, not a number",
    ),
    (
        &[
            ("PARALLEL_SEQ", "1"),
            ("CI_NODE_INDEX", "1"),
            ("CI_NODE_TOTAL", "2"),
            ("OCIPATCH_SHARDS", "2"),
        ],
        "`--shard auto` found the variables of GitLab CI and of GNU parallel; write `--shard I/N`, with I from 0 to N-1",
    ),
    (
        &[("SLURM_ARRAY_TASK_ID", "1")],
        "`SLURM_ARRAY_TASK_ID` is set, and `SLURM_ARRAY_TASK_MIN` is not",
    ),
    (
        &[
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
        ],
        "the Slurm array has 3 tasks, and 1-7:1 are 7: use an array without gaps, such as `--array=0-2`",
    ),
    (
        &[
            ("SLURM_ARRAY_TASK_ID", "9"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
        ],
        "the Slurm array 1-7:1 has no task 9",
    ),
    (
        &[
            ("SLURM_ARRAY_TASK_ID", "1"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("OCIPATCH_SHARDS", "6"),
        ],
        "the Slurm array has 7 tasks, and `OCIPATCH_SHARDS` is 6",
    ),
];

#[test]
fn what_is_missing_or_contradictory_is_refused() {
    for (variables, wanted) in REFUSED {
        let found = auto(variables).unwrap_err();
        assert!(found.starts_with(wanted), "{variables:?}: {found}");
    }
}
