//! Colours: a profile is applied and dropped, so that what is stored is sRGB, as browsers show it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, RgbImage, RgbaImage};
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, ParsingOptions,
    TransferCharacteristics, TransformOptions,
};

/// Maximum size of a profile in bytes. Those of printers have one to three million.
const MAX_PROFILE: usize = 4 << 20;

/// Maximum size of one table of a profile, in numbers: a grid of 23 steps for four inks.
const MAX_TABLE: usize = 1_000_000;

/// Reads a profile; none if it is broken or too large.
pub(super) fn profile(bytes: &[u8]) -> Option<ColorProfile> {
    let options =
        ParsingOptions { max_profile_size: MAX_PROFILE, max_allowed_clut_size: MAX_TABLE, ..ParsingOptions::default() };
    unless_it_panics(|| ColorProfile::new_from_slice_with_options(bytes, options).ok())
}

/// Returns the profile that two numbers of ITU-T H.273 stand for, as a PNG may say; none for unknown ones.
pub(super) fn profile_of_numbers(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let numbers = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    unless_it_panics(|| Some(ColorProfile::new_from_cicp(numbers)))
}

/// Converts an image from the colours of a profile. One that does not fit the image changes nothing.
pub(super) fn to_srgb(image: DynamicImage, profile: &ColorProfile) -> DynamicImage {
    unless_it_panics(|| converted(&image, profile)).unwrap_or(image)
}

/// The inks of printers on a screen, three bytes for each four. Without a profile each ink takes its share of the light.
pub(super) fn without_inks(pixels: &[u8], profile: Option<&ColorProfile>) -> Vec<u8> {
    let profile = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk);
    let converted = profile.and_then(|profile| {
        unless_it_panics(|| transformed(profile, pixels, Layout::Rgba, Layout::Rgb, pixels.len() / 4 * 3))
    });
    converted.unwrap_or_else(|| {
        let light = |ink: u8| u32::from(255 - ink);
        let share = |ink: u8, black: u8| u8::try_from((light(ink) * light(black) + 127) / 255).unwrap_or(u8::MAX);
        pixels
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]].map(|ink| share(ink, pixel[3])))
            .collect()
    })
}

fn converted(image: &DynamicImage, profile: &ColorProfile) -> Option<DynamicImage> {
    let (width, height) = (image.width(), image.height());
    let pixels = |layout, into, channels: usize| {
        transformed(profile, image.as_bytes(), layout, into, width as usize * height as usize * channels)
    };
    match (image, profile.color_space) {
        (DynamicImage::ImageRgb8(_), DataColorSpace::Rgb) => {
            RgbImage::from_raw(width, height, pixels(Layout::Rgb, Layout::Rgb, 3)?).map(DynamicImage::from)
        }
        (DynamicImage::ImageRgba8(_), DataColorSpace::Rgb) => {
            RgbaImage::from_raw(width, height, pixels(Layout::Rgba, Layout::Rgba, 4)?).map(DynamicImage::from)
        }
        (DynamicImage::ImageLuma8(_), DataColorSpace::Gray) => {
            RgbImage::from_raw(width, height, pixels(Layout::Gray, Layout::Rgb, 3)?).map(DynamicImage::from)
        }
        (DynamicImage::ImageLumaA8(_), DataColorSpace::Gray) => {
            RgbaImage::from_raw(width, height, pixels(Layout::GrayAlpha, Layout::Rgba, 4)?).map(DynamicImage::from)
        }
        _ => None,
    }
}

fn transformed(profile: &ColorProfile, pixels: &[u8], layout: Layout, into: Layout, size: usize) -> Option<Vec<u8>> {
    // Rounded to 1 in 8192 the dark shades of a wide profile would show steps.
    let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
    let transform = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), into, options).ok()?;
    let mut converted = vec![0; size];
    transform.transform(pixels, &mut converted).ok()?;
    Some(converted)
}

/// A profile that makes its reader panic is a broken one, and ignored as such; the image is not to blame.
fn unless_it_panics<T>(work: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok().flatten()
}
