//! Programs under a kernel that lacks something: system calls are refused by a filter (seccomp), as an older kernel or
//! another file system would refuse them. Perl sets the filter, and then runs the program.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::ffi::OsStr;
use std::process::Command;

use crate::engine::{absent, tool};

/// What a kernel or file system may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Nameless files: NFS, FAT, most of FUSE.
    NamelessFiles,
    /// Renames that replace nothing: NFS.
    RenameNoReplace,
    /// Second names of files: FAT, exFAT.
    HardLinks,
    /// Locks: some of FUSE.
    Locks,
    /// Times of birth: Linux before 4.11, tmpfs before 6.6.
    Statx,
    /// Room or a sound disk for what is written back, with the number of the error.
    WriteBack(u32),
}

/// A system call: its number on x86-64 and on arm64, the argument that matters and its bits, and what it says.
type Refusal = ([u32; 2], Option<(u32, u32)>, u32);

impl Lack {
    fn refusal(self) -> Refusal {
        const INVALID: u32 = 22;
        const UNSUPPORTED: u32 = 95;
        const NOT_PERMITTED: u32 = 1;
        const NO_SUCH_CALL: u32 = 38;
        match self {
            Self::NamelessFiles => ([257, 56], Some((2, 0x40_0000)), UNSUPPORTED),
            Self::RenameNoReplace => ([316, 276], Some((4, 1)), INVALID),
            Self::HardLinks => ([265, 37], None, NOT_PERMITTED),
            Self::Locks => ([73, 32], None, UNSUPPORTED),
            Self::Statx => ([332, 291], None, NO_SUCH_CALL),
            Self::WriteBack(error) => ([75, 83], None, error),
        }
    }
}

const SCRIPT: &str = r#"
my $filter = '';
for my $refusal (split /;/, shift @ARGV) {
    my ($number, $offset, $bits, $error) = split /,/, $refusal;
    my $skip = $offset ? 3 : 1;
    $filter .= pack('SCCL', 0x20, 0, 0, 0) . pack('SCCL', 0x15, 0, $skip, $number);
    $filter .= pack('SCCL', 0x20, 0, 0, $offset) . pack('SCCL', 0x45, 0, 1, $bits) if $offset;
    $filter .= pack('SCCL', 0x06, 0, 0, 0x50000 | $error);
}
$filter .= pack('SCCL', 0x06, 0, 0, 0x7fff0000);
my $program = pack('S x6 P', length($filter) / 8, $filter);
my $prctl = shift @ARGV;
syscall($prctl + 0, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
syscall($prctl + 0, 22, 2, $program, 0, 0) == 0 or die "seccomp: $!";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!";
"#;

/// A command that runs `program` without what the kernel is to lack; `None` where that cannot be done here.
pub(crate) fn without(lacks: &[Lack], program: impl AsRef<OsStr>) -> Option<Command> {
    if lacks.is_empty() {
        return Some(Command::new(program));
    }
    let machine = match std::env::consts::ARCH {
        "x86_64" => 0,
        "aarch64" => 1,
        other => {
            absent(
                "a kernel that lacks something",
                &format!("no numbers of system calls for {other}"),
            );
            return None;
        }
    };
    let prctl = [157, 167][machine];
    let mut perl = tool("perl")?;
    let refusals: Vec<String> = lacks
        .iter()
        .map(|lack| {
            let (numbers, argument, error) = lack.refusal();
            // In `struct seccomp_data` the arguments begin at 16, and take 8 bytes each.
            let (offset, bits) = argument.map_or((0, 0), |(n, bits)| (16 + 8 * n, bits));
            format!("{},{offset},{bits},{error}", numbers[machine])
        })
        .collect();
    perl.args(["-e", SCRIPT, &refusals.join(";"), &prctl.to_string()]);
    perl.arg(program);
    Some(perl)
}
