//! What becomes of image files: the right colours of honest ones, and bounded work for the others.

use std::fs::File;
use std::io::{Cursor, Seek, Write};
use std::time::{Duration, Instant};

use chaupal::kit::pictures::{Limits, PictureError, Prepared, Shape, prepare};
use chaupal::kit::system;
use image::{DynamicImage, GenericImageView, ImageFormat, RgbImage};

use crate::support::images::{Jpeg, gif, png_chunk, segment, vp8, webp, webp_canvas, webp_chunk};
use crate::support::words;

const LIMITS: Limits = Limits { pixels: 24_000_000 };

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn prepared(bytes: &[u8], shape: Shape) -> Result<Prepared, PictureError> {
    prepare(file(bytes), shape, &LIMITS)
}

fn refused(bytes: &[u8]) -> Option<PictureError> {
    let [avatar, cover] = Shape::ALL.map(|shape| prepared(bytes, shape).err());
    assert_eq!(avatar, cover);
    avatar
}

/// The largest file of an image.
fn largest(prepared: &Prepared) -> DynamicImage {
    image::load_from_memory(&prepared.files.last().unwrap().1).unwrap()
}

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

const TOO_MANY: PictureError = PictureError::TooManyPixels { most: 24_000_000 };

#[test]
fn jpeg_with_second_head_hidden_is_judged_by_the_one_that_is_decoded() {
    // 64 × 64 for a decoder that misreads the first segment, 36 million pixels for the one that decodes.
    let large = Jpeg { scans: 0, ..Jpeg::new(6000, 6000) };
    let small = Jpeg { scans: 0, ..Jpeg::new(64, 64) };
    assert_eq!(refused(&large.behind(small)), Some(TOO_MANY));
    assert_eq!(refused(&Jpeg::new(40_000, 40_000).behind(Jpeg::new(64, 64))), Some(TOO_MANY));
    // The other way round it is a small image with a comment.
    let image = prepared(&small.behind(large), Shape::Cover).unwrap();
    assert_eq!((image.picture.width, image.picture.height), (64, 64));
}

#[test]
fn jpeg_with_two_frames_is_refused() {
    let bytes = Jpeg::new(64, 64).bytes();
    let second = Jpeg::new(6000, 6000).bytes();
    let both = [&bytes[..bytes.len() - 2], &second[2..]].concat();
    assert_eq!(refused(&both), Some(PictureError::Unreadable));
}

#[test]
fn progressive_jpeg_with_many_scans_is_refused_before_it_is_decoded() {
    let began = system::thread_time();
    let hostile = Jpeg { scans: 4000, ..Jpeg::new(5900, 4000) };
    assert_eq!(refused(&hostile.bytes()), Some(PictureError::TooCostly));
    // Tables are no scans, but work as well.
    let tables = segment(0xdd, &[0, 0]).repeat(100_000);
    let bytes = Jpeg::new(64, 64).bytes();
    let hostile = [&bytes[..2], &tables, &bytes[2..]].concat();
    assert_eq!(refused(&hostile), Some(PictureError::Unreadable));
    assert!(system::thread_time() - began < Duration::from_secs(5), "{:?}", system::thread_time() - began);
    // As many as encoders write, or some more, are fine.
    let honest = Jpeg { scans: 20, ..Jpeg::new(800, 600) };
    let image = prepared(&honest.bytes(), Shape::Cover).unwrap();
    assert_eq!((image.picture.width, image.picture.height), (800, 600));
    assert_eq!(largest(&image).get_pixel(400, 300).0[..3], [128, 128, 128]);
}

#[test]
fn progressive_jpeg_is_bounded_by_the_memory_of_its_coefficients() {
    // Of three full components 84 MB are 14 million pixels' coefficients.
    let dense = Jpeg { components: 1, scans: 2, ..Jpeg::new(6000, 4000) };
    assert!(prepared(&dense.bytes(), Shape::Cover).is_ok());
    // A strip for an avatar, which has to be decoded at its full size.
    let strip = Jpeg { scans: 2, ..Jpeg::new(48_000, 500) };
    let Err(PictureError::TooManyPixels { most }) = prepared(&strip.bytes(), Shape::Avatar) else { panic!() };
    assert!((8_000_000..14_000_000).contains(&most), "{most}");
}

#[test]
fn webp_frame_larger_than_its_canvas_is_refused() {
    let hostile = [
        webp(&[webp_canvas(0, 64, 64), vp8(16_383, 16_383)]),
        // In an animation, and behind one that is none.
        webp(&[webp_canvas(2, 64, 64), webp_chunk(b"ANIM", &[0; 6]), animated(64, 64, &vp8(16_383, 16_383))]),
        webp(&[webp_canvas(0, 64, 64), animated(64, 64, &vp8(64, 64)), vp8(16_383, 16_383)]),
        webp(&[webp_canvas(16, 64, 64), webp_chunk(b"ALPH", &[1; 64]), vp8(16_383, 16_383)]),
    ];
    let before = system::resident_bytes();
    for bytes in hostile {
        assert_eq!(refused(&bytes), Some(PictureError::Unreadable));
    }
    assert_eq!(refused(&webp(&[vp8(16_383, 16_383)])), Some(TOO_MANY));
    assert!(system::resident_bytes() < before + (150 << 20), "room was made for a frame of 268 million pixels");
    let Some(PictureError::TooManyPixels { most }) = refused(&webp(&[vp8(5_000, 4_700)])) else { panic!() };
    assert_eq!(most, 18_666_666, "a WebP takes four and a half bytes for each pixel");
}

fn animated(width: u32, height: u32, frame: &[u8]) -> Vec<u8> {
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    let head = [three(0), three(0), three(width - 1), three(height - 1), vec![0; 4]].concat();
    webp_chunk(b"ANMF", &[&head, frame].concat())
}

#[test]
fn gif_frame_larger_than_its_canvas_is_refused() {
    assert_eq!(refused(&gif((64, 64), (65_000, 65_000))), Some(TOO_MANY));
    assert_eq!(refused(&gif((65_000, 65_000), (64, 64))), Some(TOO_MANY));
    let Some(PictureError::TooManyPixels { most }) = refused(&gif((6000, 4000), (6000, 4000))) else { panic!() };
    assert_eq!(most, 21_000_000, "a GIF takes four bytes for each pixel");
}

#[test]
fn png_with_a_second_head_or_a_part_of_its_canvas_is_refused() {
    let good = encoded(RgbImage::new(64, 64), ImageFormat::Png);
    let (head, rest) = good.split_at(33);
    let larger = |name: &[u8; 4]| {
        let mut content = head[16..29].to_vec();
        content[..8].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
        png_chunk(name, &content)
    };
    assert_eq!(refused(&[head, &larger(b"IHDR"), rest].concat()), Some(PictureError::Unreadable));
    let animation = png_chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]);
    let frame = |width: u8| [&[0, 0, 0, 0, 0, 0, 0, width, 0, 0, 0, width][..], &[0; 12], &[0, 0]].concat();
    let of = |width: u8| [head, &animation, &png_chunk(b"fcTL", &frame(width)), rest].concat();
    assert_eq!(refused(&of(65)), Some(PictureError::Unreadable));
    assert_eq!(refused(&of(32)), Some(PictureError::Unreadable));
    assert!(prepared(&of(64), Shape::Cover).is_ok());
}

both!(hostile_image_is_refused_at_its_field, |site| {
    let asha = site.person("asha");
    let began = Instant::now();
    for (bytes, error) in [
        (Jpeg::new(40_000, 40_000).behind(Jpeg::new(64, 64)), "This picture has too many pixels. At most"),
        (Jpeg { scans: 4000, ..Jpeg::new(5900, 4000) }.bytes(), "This picture takes too long to decode."),
        (webp(&[webp_canvas(0, 64, 64), vp8(16_383, 16_383)]), words("error-picture-unreadable").as_str()),
    ] {
        let page = asha.bring("/account/edit", &[("name", "Asha"), ("bio", "I weave.")], &bytes);
        page.status(422).see(error).see("I weave.").hold("id=\"picture-error\"");
    }
    assert!(began.elapsed() < Duration::from_secs(30));
    assert_eq!(site.number("SELECT count(*) FROM pictures"), 0);
});
