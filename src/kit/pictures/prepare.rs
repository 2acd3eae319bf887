//! From a file to the pictures that are kept. Runs where it may block.

use std::fs::File;
use std::io::{BufReader, Seek};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::{Picture, Shape, jpeg, png};
use crate::kit::storage::Name;

/// Beyond this the eye sees no difference, and files grow fast.
const QUALITY: u8 = 82;

/// The largest that a file may be once it is decoded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Width times height.
    pub pixels: u64,
}

/// Why a file is no picture for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureError {
    /// No JPEG, PNG, GIF or WebP, or a broken one.
    Unreadable,
    /// It says of itself that it is larger.
    TooManyPixels {
        /// Than this.
        most: u64,
    },
}

/// A picture and its files.
#[derive(Debug)]
pub struct Prepared {
    /// What it is called.
    pub picture: Picture,
    /// The smallest first.
    pub files: Vec<(Name, Vec<u8>)>,
}

/// Decodes a picture, turns it upright, forgets all that is not picture, and encodes it in the sizes of its shape.
///
/// # Errors
/// The file is no picture that we know, is broken, or too large.
pub fn prepare(file: File, shape: Shape, limits: &Limits) -> Result<Prepared, PictureError> {
    let mut source = BufReader::new(file);
    let (format, mut head) = decoder(&mut source, limits)?;
    // What says nothing readable about it stands upright.
    let orientation = head.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = head.dimensions();
    // It may hold a copy of the whole file.
    drop(head);
    let decoded = decoded(&mut source, format, shrunk_size(width, height, shape).unwrap_or((width, height)), limits)?;
    let most = shape.widths()[2];
    let mut whole = match shrunk_size(decoded.width(), decoded.height(), shape) {
        // Averaged, which takes no memory besides; the finer way would take sixteen bytes for each pixel.
        Some((width, height)) => decoded.thumbnail_exact(width, height),
        None => decoded,
    };
    whole.apply_orientation(orientation);
    let largest = match shape {
        Shape::Avatar => {
            let side = whole.width().min(whole.height());
            let square = whole.crop_imm((whole.width() - side) / 2, (whole.height() - side) / 2, side, side);
            square.resize_exact(most, most, FilterType::Lanczos3)
        }
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

/// The picture, if it can be at a part of its size, but no smaller than `needed`.
fn decoded(
    source: &mut BufReader<File>,
    format: ImageFormat,
    needed: (u32, u32),
    limits: &Limits,
) -> Result<DynamicImage, PictureError> {
    source.rewind().map_err(|_| PictureError::Unreadable)?;
    let smaller = match format {
        ImageFormat::Jpeg => jpeg::decode(&mut *source, needed.0, needed.1)?,
        ImageFormat::Png => png::decode(&mut *source, needed.0, needed.1)?,
        _ => None,
    };
    if let Some(smaller) = smaller {
        return Ok(smaller);
    }
    source.rewind().map_err(|_| PictureError::Unreadable)?;
    let (_, decoder) = decoder(source, limits)?;
    DynamicImage::from_decoder(decoder).map_err(|_| PictureError::Unreadable)
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

fn decoder<'a>(
    source: &'a mut BufReader<File>,
    limits: &Limits,
) -> Result<(ImageFormat, impl ImageDecoder + 'a), PictureError> {
    let mut reader = ImageReader::new(source).with_guessed_format().map_err(|_| PictureError::Unreadable)?;
    let known = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP];
    let format = reader.format().filter(|format| known.contains(format)).ok_or(PictureError::Unreadable)?;
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(match format {
        // What stands beside the pixels, and one row of them.
        ImageFormat::Png => 32 << 20,
        // Sixteen bits for each of four channels, and as much again to work with.
        _ => limits.pixels.saturating_mul(16),
    });
    reader.limits(bounds);
    let too_many = PictureError::TooManyPixels { most: limits.pixels };
    let decoder = reader.into_decoder().map_err(|error| match error {
        ImageError::Limits(_) => too_many,
        _ => PictureError::Unreadable,
    })?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.pixels {
        return Err(too_many);
    }
    if width == 0 || height == 0 {
        return Err(PictureError::Unreadable);
    }
    Ok((format, decoder))
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
