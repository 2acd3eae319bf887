//! The program: nothing but the command line. `manage.py`, in one file.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    chaupal::cli::run()
}
