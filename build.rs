//! The static binary gets quicker functions for copying and comparing than musl's; see
//! `src/musl/memory.c`. For every other target there is nothing to do.

fn main() {
    println!("cargo:rerun-if-changed=src/musl/memory.c");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        // Loops must not be turned into calls of the very functions that they make up.
        cc::Build::new()
            .file("src/musl/memory.c")
            .opt_level(2)
            .flag("-fno-tree-loop-distribute-patterns")
            .compile("chaupal_memory");
    }
}
