//! What becomes of image files: the right colours of honest ones, and bounded work for the others.

use std::fs::File;
use std::io::{Cursor, Seek, Write};
use std::time::{Duration, Instant};

use chaupal::kit::pictures::{Limits, PictureError, Prepared, Shape, prepare};
use chaupal::kit::system;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, GenericImageView, GrayImage, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, RgbaImage};
use moxcms::ColorProfile;

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

fn encode_with<E: ImageEncoder>(mut encoder: E, image: &DynamicImage, profile: &[u8]) {
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    image.write_with_encoder(encoder).unwrap();
}

fn png_with(image: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_with(PngEncoder::new(&mut bytes), image, profile);
    bytes
}

fn webp_with(image: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_with(WebPEncoder::new_lossless(&mut bytes), image, profile);
    bytes
}

fn jpeg_with(image: &DynamicImage, profile: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_with(JpegEncoder::new_with_quality(&mut bytes, 98), image, profile);
    bytes
}

/// An image with a profile, by the name of its format.
fn with_profile(image: &DynamicImage, profile: &[u8]) -> [(&'static str, Vec<u8>); 3] {
    [("JPEG", jpeg_with(image, profile)), ("PNG", png_with(image, profile)), ("WebP", webp_with(image, profile))]
}

fn swapped() -> Vec<u8> {
    let mut profile = ColorProfile::new_srgb();
    std::mem::swap(&mut profile.red_colorant, &mut profile.blue_colorant);
    profile.cicp = None;
    profile.encode().unwrap()
}

#[track_caller]
fn looks_like(prepared: &Prepared, expected: [u8; 3], what: &str) {
    let image = largest(prepared).into_rgb8();
    let shown = image.get_pixel(image.width() / 2, image.height() / 2).0;
    assert!(shown.iter().zip(expected).all(|(shown, expected)| shown.abs_diff(expected) <= 5), "{what}: {shown:?}");
}

#[test]
fn image_with_a_profile_becomes_srgb() {
    let flat = |colour, side| DynamicImage::from(RgbImage::from_pixel(side, side, Rgb(colour)));
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    // As they came, and made smaller while they are decoded.
    for side in [200, 1100] {
        for (format, bytes) in with_profile(&flat([234, 51, 35], side), &p3) {
            looks_like(
                &prepared(&bytes, Shape::Avatar).unwrap(),
                [255, 0, 0],
                &format!("{format} {side} red in Display P3"),
            );
        }
        for (format, bytes) in with_profile(&flat([117, 251, 76], side), &p3) {
            looks_like(
                &prepared(&bytes, Shape::Avatar).unwrap(),
                [0, 255, 0],
                &format!("{format} {side} green in Display P3"),
            );
        }
        for (format, bytes) in with_profile(&flat([200, 30, 20], side), &swapped()) {
            looks_like(&prepared(&bytes, Shape::Avatar).unwrap(), [20, 30, 200], &format!("{format} {side} swapped"));
        }
    }
    // What is clear stays clear.
    let glass = DynamicImage::from(RgbaImage::from_pixel(90, 90, image::Rgba([200, 30, 20, 100])));
    for bytes in [png_with(&glass, &swapped()), webp_with(&glass, &swapped())] {
        let image = prepared(&bytes, Shape::Cover).unwrap();
        let pixel = largest(&image).get_pixel(40, 40).0;
        assert!(pixel[3] == 100 && pixel[0].abs_diff(20) <= 3 && pixel[2].abs_diff(200) <= 3, "{pixel:?}");
    }
    // Half the light is a shade of 188.
    let grey = DynamicImage::from(GrayImage::from_pixel(90, 90, Luma([128])));
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for bytes in [jpeg_with(&grey, &profile), png_with(&grey, &profile)] {
        looks_like(&prepared(&bytes, Shape::Cover).unwrap(), [188; 3], "grey");
    }
}

#[test]
fn profile_that_is_broken_or_does_not_fit_is_ignored() {
    let flat = DynamicImage::from(RgbImage::from_pixel(90, 90, Rgb([200, 30, 20])));
    let whole = swapped();
    let mut huge = whole.clone();
    huge.resize(5 << 20, 0);
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for profile in [b"no profile at all".to_vec(), whole[..whole.len() / 2].to_vec(), vec![0xff; 600], huge, grey] {
        for (format, bytes) in with_profile(&flat, &profile) {
            looks_like(&prepared(&bytes, Shape::Cover).unwrap(), [200, 30, 20], format);
        }
    }
}

#[test]
fn png_that_names_its_colours_by_numbers_becomes_srgb() {
    let bytes = encoded(RgbImage::from_pixel(90, 90, Rgb([234, 51, 35])), ImageFormat::Png);
    // Display P3 with sRGB's curve.
    let named = [&bytes[..33], &png_chunk(b"cICP", &[12, 13, 0, 1]), &bytes[33..]].concat();
    looks_like(&prepared(&named, Shape::Cover).unwrap(), [255, 0, 0], "Display P3 by numbers");
    let unknown = [&bytes[..33], &png_chunk(b"cICP", &[200, 200, 0, 1]), &bytes[33..]].concat();
    looks_like(&prepared(&unknown, Shape::Cover).unwrap(), [234, 51, 35], "numbers of nothing");
}

#[test]
fn jpeg_of_printers_inks_becomes_a_picture() {
    let inks = Jpeg { components: 4, scans: 0, ..Jpeg::new(300, 200) };
    looks_like(&prepared(&inks.bytes(), Shape::Cover).unwrap(), [64; 3], "half of each ink, and half of black");
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Some bytes of the head changed, taken away or doubled.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        const ODD: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0xc0, 0xda, 0xd9];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(6) {
            let head = bytes.len().min(900);
            let place = self.below(head);
            match self.below(8) {
                0 => bytes.truncate(place + 1),
                1 => drop(bytes.drain(place..(place + 1 + self.below(20)).min(bytes.len()))),
                2 => {
                    let copy = bytes[place..(place + 1 + self.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(place..place, copy);
                }
                3 | 4 => bytes[place] = ODD[self.below(ODD.len())],
                _ => bytes[place] = u8::try_from(self.below(256)).unwrap(),
            }
        }
        bytes
    }
}

#[test]
fn mutated_image_never_panics_nor_passes_the_limits() {
    let limits = Limits { pixels: 300_000 };
    let plain = DynamicImage::from(RgbImage::from_fn(60, 40, |x, y| Rgb([u8::try_from(x * y % 256).unwrap(), 90, 20])));
    let mut seeds: Vec<Vec<u8>> = with_profile(&plain, &swapped()).into_iter().map(|(_, bytes)| bytes).collect();
    seeds.extend([
        Jpeg { scans: 6, ..Jpeg::new(60, 40) }.bytes(),
        Jpeg { scans: 0, components: 4, ..Jpeg::new(60, 40) }.bytes(),
        encoded(plain.clone(), ImageFormat::Gif),
        gif((60, 40), (30, 20)),
        webp(&[webp_canvas(16, 60, 40), webp_chunk(b"ALPH", &[0; 2401]), vp8(60, 40)]),
        webp(&[webp_canvas(2, 60, 40), webp_chunk(b"ANIM", &[0; 6]), animated(60, 40, &vp8(60, 40))]),
    ]);
    // A decoder's panic is caught, and its words would fill the log of the tests.
    std::panic::set_hook(Box::new(|_| {}));
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (began, before) = (Instant::now(), system::resident_bytes());
    let mut tried = 0;
    while began.elapsed() < Duration::from_millis(1500) {
        for seed in &seeds {
            let bytes = random.mutated(seed);
            let used = system::thread_time();
            let result = prepare(file(&bytes), Shape::ALL[tried % 2], &limits);
            assert!(system::thread_time() - used < Duration::from_secs(12), "{bytes:?}");
            if let Ok(prepared) = result {
                let picture = &prepared.picture;
                assert!(picture.width.max(picture.height) <= 1280, "{picture}");
                assert_eq!(largest(&prepared).dimensions(), (picture.width, picture.height));
            }
            tried += 1;
        }
    }
    let _ = std::panic::take_hook();
    assert!(tried >= seeds.len());
    assert!(system::resident_bytes() < before + (200 << 20));
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
