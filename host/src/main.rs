//! The `touchstone` program.

fn main() -> std::process::ExitCode {
    touchstone::cli::run()
}
