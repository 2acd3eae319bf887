//! Broken image files: small ones of each kind, altered at random.

use std::fs::File;
use std::io::{Seek, Write};
use std::time::Duration;

use image::GenericImageView;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::prepare::prepare_whole;
use super::{Limits, Picture, Prepared, Shape};
use crate::kit::{fuzz, system};

const LIMITS: Limits = Limits { pixels: 1_000_000 };

/// Address space that one file may take: a decoder's, and that of tests beside this one. A head that is believed makes
/// room for gigabytes.
const MAX_SPACE: u64 = 256 << 20;

/// Processor time for one file in a debug build.
const MAX_TIME: Duration = Duration::from_secs(3);

const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Images of 24 × 16 or 12 × 8 pixels.
const SAMPLES: [&[u8]; 10] = [
    include_bytes!("samples/baseline.jpg"),
    include_bytes!("samples/progressive.jpg"),
    include_bytes!("samples/plain.png"),
    include_bytes!("samples/palette.png"),
    include_bytes!("samples/interlaced.png"),
    include_bytes!("samples/frames.gif"),
    include_bytes!("samples/lossy.webp"),
    include_bytes!("samples/lossless.webp"),
    include_bytes!("samples/alpha.webp"),
    include_bytes!("samples/animated.webp"),
];

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// The largest address space that this process ever had, in bytes.
fn peak_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Makes an image of a file, whose decoder must not panic, and checks what is said of it.
fn attempt(bytes: &[u8], shape: Shape) -> Option<Picture> {
    let (space, time) = (peak_space(), system::thread_time());
    let prepared = prepare_whole(file(bytes), shape, &LIMITS);
    let (space, time) = (peak_space() - space, system::thread_time() - time);
    assert!(space <= MAX_SPACE, "{} MB were asked for", space >> 20);
    assert!(time <= MAX_TIME, "it took {time:?}");
    let Prepared { picture, files } = prepared.ok()?;
    assert!(u64::from(picture.width) * u64::from(picture.height) <= LIMITS.pixels);
    assert_eq!(Picture::parse(&picture.to_string()).as_ref(), Some(&picture));
    let sizes = picture.widths().into_iter().map(|width| (width, picture.height_at(width)));
    let found = files.iter().map(|(_, bytes)| image::load_from_memory(bytes).unwrap().dimensions());
    assert_eq!(found.collect::<Vec<_>>(), sizes.collect::<Vec<_>>());
    Some(picture)
}

#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Number(Index, u32, bool),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Cut(Index),
    Repeat(Index, usize, usize),
    /// A part of another sample.
    Splice(Index, usize, Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let number = prop_oneof![any::<u32>(), 0..70_000_u32, select(vec![0, 1, 0xffff, 0x7fff_ffff, u32::MAX])];
    prop_oneof![
        6 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (any::<Index>(), number, any::<bool>()).prop_map(|(at, number, big)| Change::Number(at, number, big)),
        1 => (any::<Index>(), vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (any::<Index>(), 1..40_usize).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), 1..60_usize, 1..40_usize).prop_map(|(at, size, times)| Change::Repeat(at, size, times)),
        1 => (any::<Index>(), 0..SAMPLES.len(), any::<Index>(), 1..80_usize)
            .prop_map(|(at, other, from, size)| Change::Splice(at, other, from, size)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let end = |from: usize, size: usize, length: usize| (from + size).min(length);
    let length = bytes.len();
    if length == 0 {
        return;
    }
    match change {
        Change::Set(at, byte) => bytes[at.index(length)] = *byte,
        Change::Number(at, number, is_big) => {
            let number = if *is_big { number.to_be_bytes() } else { number.to_le_bytes() };
            let at = at.index(length);
            for (place, byte) in bytes[at..].iter_mut().zip(number) {
                *place = byte;
            }
        }
        Change::Insert(at, more) => drop(bytes.splice(at.index(length)..at.index(length), more.iter().copied())),
        Change::Remove(at, count) => drop(bytes.drain(at.index(length)..end(at.index(length), *count, length))),
        Change::Cut(at) => bytes.truncate(at.index(length)),
        Change::Repeat(at, size, times) => {
            let at = at.index(length);
            let part = bytes[at..end(at, *size, length)].repeat(*times);
            drop(bytes.splice(at..at, part));
        }
        Change::Splice(at, other, from, size) => {
            let (at, other) = (at.index(length), SAMPLES[*other]);
            let from = from.index(other.len());
            let part = &other[from..end(from, *size, other.len())];
            drop(bytes.splice(at..at, part.iter().copied()));
        }
    }
}

/// Makes the checksums of a PNG's chunks right: else none would be looked at.
fn mend_checksums(bytes: &mut [u8]) {
    let mut at = PNG_MAGIC.len();
    while let Some(length) = bytes.get(at..at + 4).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes) {
        let end = at + 8 + length as usize;
        if bytes.len() < end + 4 {
            break;
        }
        let crc = bytes[at + 4..end].iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        });
        bytes[end..end + 4].copy_from_slice(&(!crc).to_be_bytes());
        at = end + 4;
    }
}

#[test]
fn samples_are_images_of_the_size_that_they_are() {
    for sample in SAMPLES {
        let size = image::load_from_memory(sample).unwrap().dimensions();
        let picture = attempt(sample, Shape::Cover).unwrap();
        assert_eq!((picture.width, picture.height), size);
        let picture = attempt(sample, Shape::Avatar).unwrap();
        assert_eq!((picture.width, picture.height), (256, 256));
    }
}

#[test]
fn altered_image_is_refused_or_is_what_its_name_says() {
    let inputs = (0..SAMPLES.len(), vec(change(), 1..5), any::<bool>(), prop::bool::weighted(0.1));
    fuzz::check(1_000, inputs, |(sample, changes, is_mended, is_avatar)| {
        let mut bytes = SAMPLES[sample].to_vec();
        for change in &changes {
            apply(&mut bytes, change);
        }
        if is_mended && bytes.starts_with(PNG_MAGIC) {
            mend_checksums(&mut bytes);
        }
        attempt(&bytes, if is_avatar { Shape::Avatar } else { Shape::Cover });
    });
}

#[test]
fn any_bytes_behind_the_signature_of_a_format_are_no_danger() {
    let heads: [&[u8]; 8] = [
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xc0\x00\x0b\x08",
        PNG_MAGIC,
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        b"GIF89a",
        b"RIFF\xff\0\0\0WEBPVP8 ",
        b"RIFF\xff\0\0\0WEBPVP8L\xf0\0\0\0\x2f",
        b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0",
    ];
    fuzz::check(1_000, (select(heads.to_vec()), vec(any::<u8>(), 0..400)), |(head, rest)| {
        let mut bytes = [head, &rest].concat();
        if head.starts_with(PNG_MAGIC) {
            mend_checksums(&mut bytes);
        }
        attempt(&bytes, Shape::Cover);
    });
}
