//! From a file to the pictures that are kept. Runs where it may block.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageError, ImageFormat};
use moxcms::ColorProfile;

use super::guard::Guarded;
use super::{Picture, Shape, color, gif, jpeg, png, webp};
use crate::kit::storage::Name;

/// Beyond this the eye sees no difference, and files grow fast.
const QUALITY: u8 = 82;

/// The largest that a file may be once it is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Width times height.
    pub pixels: u64,
}

impl Limits {
    /// Memory for one image while it is decoded, in bytes. A progressive photograph takes three and a half for each pixel.
    pub(super) fn memory(&self) -> u64 {
        self.pixels.saturating_mul(7) / 2
    }

    /// # Errors
    /// [`PictureError`]: no pixels, or too many.
    pub(super) fn check_size(&self, width: u32, height: u32) -> Result<(), PictureError> {
        match u64::from(width) * u64::from(height) {
            0 => Err(PictureError::Unreadable),
            pixels if pixels > self.pixels => Err(self.too_many(self.pixels)),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// [`PictureError::TooManyPixels`]: an image of this size takes `bytes` of memory, which is too much; it says how many
    /// pixels one of its kind may have.
    pub(super) fn check_memory(&self, bytes: u64, width: u32, height: u32) -> Result<(), PictureError> {
        if bytes <= self.memory() {
            return Ok(());
        }
        let pixels = u128::from(width) * u128::from(height) * u128::from(self.memory()) / u128::from(bytes);
        Err(self.too_many(u64::try_from(pixels).unwrap_or(self.pixels)))
    }

    pub(super) fn too_many(&self, most: u64) -> PictureError {
        PictureError::TooManyPixels { most }
    }

    /// What is said of an error of `image`.
    pub(super) fn refusal(&self, error: &ImageError) -> PictureError {
        match error {
            ImageError::Limits(_) => self.too_many(self.pixels),
            _ => PictureError::Unreadable,
        }
    }
}

/// A decoded image, perhaps smaller than the file says.
pub(super) struct Decoded {
    pub image: DynamicImage,
    pub orientation: Orientation,
    /// The colours' meaning, unless it is sRGB.
    pub profile: Option<ColorProfile>,
}

impl Decoded {
    /// One that stands upright.
    pub fn upright(image: DynamicImage) -> Self {
        Self { image, orientation: Orientation::NoTransforms, profile: None }
    }
}

/// Why a file is no picture for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// No JPEG, PNG, GIF or WebP, or a broken one.
    Unreadable,
    /// It says of itself that it is larger than one of its kind may be.
    TooManyPixels {
        /// Than this.
        most: u64,
    },
    /// It takes more time than any image needs.
    TooCostly,
}

/// A picture and its files.
#[derive(Debug)]
pub struct Prepared {
    /// What it is called.
    pub picture: Picture,
    /// The smallest first.
    pub files: Vec<(Name, Vec<u8>)>,
}

/// Decodes a picture, turns it upright, converts its colours to sRGB, drops all that is not picture, and encodes it in the sizes of
/// its shape.
///
/// # Errors
/// The file is no picture that we know, is broken, or too large.
pub fn prepare(file: File, shape: Shape, limits: &Limits) -> Result<Prepared, PictureError> {
    // A decoder that panics has met a file that was made for it.
    catch_unwind(|| prepare_whole(file, shape, limits)).unwrap_or(Err(PictureError::Unreadable))
}

/// [`prepare`] without its net.
pub(super) fn prepare_whole(file: File, shape: Shape, limits: &Limits) -> Result<Prepared, PictureError> {
    let Decoded { image, orientation, profile } = decoded(file, shape, limits)?;
    let most = shape.widths()[2];
    let mut whole = match shrunk_size(image.width(), image.height(), shape) {
        // Averaged, which takes no memory besides; the finer way would take sixteen bytes for each pixel.
        Some((width, height)) => image.thumbnail_exact(width, height),
        None => image,
    };
    if shape == Shape::Avatar {
        let side = whole.width().min(whole.height());
        whole = whole.crop_imm((whole.width() - side) / 2, (whole.height() - side) / 2, side, side);
    }
    // Turned when it is small: for a moment there are two of it.
    whole.apply_orientation(orientation);
    if let Some(profile) = profile {
        whole = color::to_srgb(whole, &profile);
    }
    let largest = match shape {
        Shape::Avatar => whole.resize_exact(most, most, FilterType::Lanczos3),
        Shape::Cover => whole,
    };
    let (width, height) = (largest.width(), largest.height());
    let is_clear = largest.color().has_alpha() && largest.to_rgba8().pixels().any(|pixel| pixel.0[3] < 255);
    let largest: DynamicImage = if is_clear { largest.into_rgba8().into() } else { largest.into_rgb8().into() };
    let size = (width, height);
    // The sizes follow from the largest one's, which is all of the name that is known yet.
    let extension = if is_clear { "webp" } else { "jpg" };
    let sketch = Picture::of(shape, size, extension, []);
    let mut contents = Vec::new();
    for width in sketch.widths() {
        let encoded = match width == size.0 {
            true => encoded(&largest, is_clear),
            false => encoded(&largest.resize_exact(width, sketch.height_at(width), FilterType::Lanczos3), is_clear),
        };
        contents.push(encoded.map_err(|_| PictureError::Unreadable)?);
    }
    let picture = Picture::of(shape, size, extension, contents.iter().map(Vec::as_slice));
    let files = picture.files().into_iter().zip(contents).collect();
    Ok(Prepared { picture, files })
}

/// Decodes a file, if that can be at a part of its size, but no smaller than the shape needs. Each format is read by one
/// decoder alone: two read two sizes out of one file.
fn decoded(file: File, shape: Shape, limits: &Limits) -> Result<Decoded, PictureError> {
    let mut source = BufReader::new(Guarded::new(file, limits.memory()));
    let format = source.fill_buf().ok().and_then(|head| image::guess_format(head).ok());
    let needed = |width, height| shrunk_size(width, height, shape).unwrap_or((width, height));
    let decoded = match format {
        Some(ImageFormat::Jpeg) => jpeg::decode(&mut source, needed, limits),
        Some(ImageFormat::Png) => png::decode(&mut source, needed, limits),
        Some(ImageFormat::Gif) => gif::decode(&mut source, limits),
        Some(ImageFormat::WebP) => webp::decode(&mut source, limits),
        _ => Err(PictureError::Unreadable),
    };
    if source.get_ref().is_exceeded { Err(PictureError::TooCostly) } else { decoded }
}

/// To what size a large picture is made smaller at once; none: it is small enough.
fn shrunk_size(width: u32, height: u32, shape: Shape) -> Option<(u32, u32)> {
    let most = shape.widths()[2];
    match shape {
        Shape::Cover if width.max(height) > most => Some(within(width, height, most)),
        // A square will be cut out of it, and that made smaller in the finer way.
        Shape::Avatar if width.min(height) > 2 * most => {
            let shorter = u64::from(width.min(height));
            let scaled =
                |length: u32| u32::try_from(u64::from(length) * u64::from(2 * most) / shorter).unwrap_or(length);
            Some((scaled(width), scaled(height)))
        }
        _ => None,
    }
}

/// One sees through a JPEG nowhere.
fn encoded(image: &DynamicImage, is_clear: bool) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    match is_clear {
        true => image.write_with_encoder(WebPEncoder::new_lossless(&mut bytes))?,
        false => image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?,
    }
    Ok(bytes)
}

/// The size of the same proportions that fits a square of this side; never larger than it is.
fn within(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        let scaled = (u64::from(length) * u64::from(side) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(scaled).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}
