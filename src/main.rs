//! The `ocipatch` command.

fn main() -> std::process::ExitCode {
    ocipatch::cli::main()
}
