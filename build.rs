//! Two things that a release has and a debug build does without: static files packed smaller, once and as well as it
//! goes, and in the static binary quicker functions for copying and comparing than musl's; see `src/musl/memory.c`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src/musl/memory.c");
    println!("cargo:rerun-if-changed=static");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        // Loops must not be turned into calls of the very functions that they make up.
        cc::Build::new()
            .file("src/musl/memory.c")
            .opt_level(2)
            .flag("-fno-tree-loop-distribute-patterns")
            .compile("chaupal_memory");
    }
    pack(is("PROFILE", "release"))
}

/// Writes `packed.rs`, which `src/kit/assets.rs` takes in: each text file below `static` with Brotli and with gzip. A debug
/// build reads the files from disk instead, so that a change shows at once, and gets an empty list.
fn pack(is_release: bool) -> io::Result<()> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?);
    let mut list = String::from("static PACKED: &[(&str, &[u8], &[u8])] = &[\n");
    let mut files = Vec::new();
    if is_release {
        walk(Path::new("static"), &mut files)?;
    }
    files.sort();
    for (number, path) in files.iter().enumerate() {
        let content = fs::read(path)?;
        let name = path.strip_prefix("static").unwrap_or(path).to_string_lossy().replace('\\', "/");
        let (brotli, gzip) = (out.join(format!("{number}.br")), out.join(format!("{number}.gz")));
        let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
        let mut packed = Vec::new();
        brotli::BrotliCompress(&mut content.as_slice(), &mut packed, &parameters)?;
        fs::write(&brotli, packed)?;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&content)?;
        fs::write(&gzip, encoder.finish()?)?;
        list.push_str(&format!("    ({name:?}, include_bytes!(\"{number}.br\"), include_bytes!(\"{number}.gz\")),\n"));
    }
    list.push_str("];\n");
    fs::write(out.join("packed.rs"), list)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| ["css", "js", "svg"].iter().any(|text| extension == *text)) {
            files.push(path);
        }
    }
    Ok(())
}
