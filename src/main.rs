//! Arguments to command to exit code.

fn main() -> std::process::ExitCode {
    arb::cli::main()
}
